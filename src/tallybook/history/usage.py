"""What all agents used, added up by whatever is asked for: every response once, undated ones placed and said so."""

from __future__ import annotations

from collections import defaultdict
from operator import add
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

from tallybook.domain.quality import Quality, join, worst
from tallybook.domain.tokens import TokenVector
from tallybook.history.choice import Choice, Filter
from tallybook.history.keys import Keys, Values
from tallybook.history.rollup import COMPONENTS, QUARTER
from tallybook.history.sums import VECTOR, Places, Span
from tallybook.history.zones import Zone, local_day, stretches

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tallybook.history.store import Store

DIMENSIONS: Final = (
    *("agent", "model", "day", "week", "month", "block", "session", "project", "branch", "effort", "origin"),
)
"""All that usage can be added up by."""
SECOND: Final = 1_000_000
_OF_SESSIONS: Final = frozenset({"agent", "session", "project", "branch", "origin"})
_DATED: Final = frozenset({"day", "week", "month"})
_NOTHING: Final = (0,) * 8
_QUARTER: Final = QUARTER // SECOND
_COLUMNS: Final = len(Values._fields)
_ROLLED: Final = ", ".join(f"sum(r.{name})" for name in ("responses", *COMPONENTS))


class Query(msgspec.Struct, frozen=True):
    """What is asked."""

    by: tuple[str, ...]
    """Of ``DIMENSIONS``."""
    zone: Zone
    """For days, weeks and months."""
    where: Filter = Filter()


class UsageRow(msgspec.Struct, frozen=True):
    """One sum."""

    key: tuple[str | None, ...]
    """In the order of ``Query.by``; None where the logs do not tell."""
    responses: int
    tokens: TokenVector | None
    """None where nothing was measured."""
    quality: Quality


class Usage(msgspec.Struct, frozen=True):
    """The answer."""

    rows: tuple[UsageRow, ...]
    """Sorted by key."""
    total: UsageRow
    agents: tuple[str, ...]
    """Those that have a part in it."""


class _Part(NamedTuple):
    values: Values
    quality: Quality
    numbers: tuple[int, ...]
    """How many responses, then their components; empty for what nobody measured."""


def usage(store: Store, query: Query) -> Usage:
    """Add up the responses that ``query`` wants."""
    choice = Choice(store, query.where)
    parts = [*_dated(store, query, choice), *_undated(store, query, choice), *_silent(store, query, choice)]
    name = Keys(store, query.by, [part.values for part in parts]).name
    numbers: dict[tuple[str | None, ...], tuple[int, ...]] = {}
    qualities: dict[tuple[str | None, ...], set[Quality]] = defaultdict(set)
    for part in parts:
        key = name(part.values)
        before = numbers.get(key)
        numbers[key] = tuple(map(add, before, part.numbers)) if before and part.numbers else before or part.numbers
        qualities[key].add(part.quality)
    order = sorted(numbers, key=lambda key: [(one is None, one or "") for one in key])
    rows = tuple(_row(key, numbers[key], qualities[key]) for key in order)
    counted = [one for one in numbers.values() if one]
    whole = tuple(map(sum, zip(*counted, strict=True))) if counted else () if rows else _NOTHING
    total = _row((), whole, {part.quality for part in parts} or {Quality.EXACT})
    return Usage(rows, total, choice.agents())


def _row(key: tuple[str | None, ...], numbers: tuple[int, ...], qualities: Iterable[Quality]) -> UsageRow:
    if not numbers:
        return UsageRow(key, 0, None, join(qualities))
    return UsageRow(key, numbers[0], TokenVector(*numbers[1:]), join(qualities))


def _dated(store: Store, query: Query, choice: Choice) -> Iterator[_Part]:
    wanted = set(query.by)
    day = "NULL"
    if wanted & _DATED:
        first, last = store.rows("SELECT min(quarter), max(quarter) FROM rollup")[0]
        if first is None:
            return
        day = local_day(f"(r.quarter * {_QUARTER})", stretches(query.zone, first * _QUARTER, (last + 1) * _QUARTER))
    columns = {
        "r.session": wanted & _OF_SESSIONS,
        "r.model": wanted & {"model"},
        day: wanted & _DATED,
        "r.quarter": wanted & {"block"},
        "r.effort": wanted & {"effort"},
        "r.branch": wanted & {"branch"},
        "r.cwd": wanted & {"project"},
    }
    groups = [str(place) for place, asked in enumerate(columns.values(), start=1) if asked]
    select = ", ".join(column if asked else "NULL" for column, asked in columns.items())
    rows = store.rows(
        f"""SELECT {select}, r.quality, {_ROLLED} FROM {choice.table} r
        WHERE {choice.condition} GROUP BY {", ".join((*groups, "r.quality"))}""",  # noqa: S608
        choice.values,
    )
    words = _qualities(store)
    for row in rows:
        yield _Part(Values(*row[:_COLUMNS]), words[row[_COLUMNS]], row[_COLUMNS + 1 :])


def _undated(store: Store, query: Query, choice: Choice) -> Iterator[_Part]:
    rows = store.rows(
        f"""SELECT r.session, r.model, r.effort, r.branch, r.cwd, r.quality, r.source, r.offset, {VECTOR}
        FROM response r WHERE r.at IS NULL AND {choice.undated} ORDER BY r.session"""  # noqa: S608
    )
    words = _qualities(store) if rows else {}
    places: dict[int, Places] = {}
    for session, model, effort, branch, cwd, quality, source, offset, *parts in rows:
        if session not in places:
            places = {session: Places(store, _span(store, session))}
        at = places[session].moment(source, offset)
        if choice.has(at):
            values = Values(session, model, *_times(query, at), effort, branch, cwd)
            yield _Part(values, worst(words[quality], Quality.ESTIMATED), (1, *parts))


def _silent(store: Store, query: Query, choice: Choice) -> Iterator[_Part]:
    """Sessions without responses that are older than any usage in their agents' logs."""
    rows = store.rows(
        """SELECT s.id, s.born_at FROM session s JOIN agent a ON a.id = s.agent
        WHERE s.born_at < a.usage_since AND NOT EXISTS (SELECT 1 FROM response r WHERE r.session = s.id)"""
    )
    for session, born_at in rows:
        if choice.has(born_at) and choice.has_session(session) and not query.where.models:
            yield _Part(Values(session, None, *_times(query, born_at)), Quality.UNMEASURED, ())


def _times(query: Query, at: int) -> tuple[int, int]:
    """The local day and the quarter of an hour."""
    seconds = at // SECOND
    return (seconds + query.zone.offset(seconds)) // 86_400, seconds // _QUARTER


def _span(store: Store, session: int) -> Span:
    born_at, last_at = store.rows("SELECT born_at, last_at FROM session WHERE id = ?", (session,))[0]
    return Span(session, born_at, last_at, silent=False)


def _qualities(store: Store) -> dict[int, Quality]:
    known = {str(quality) for quality in Quality}
    return {number: Quality(text) for number, text in store.rows("SELECT id, text FROM word") if text in known}
