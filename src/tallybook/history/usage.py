"""What all agents used, added up by whatever is asked for: every response once, undated ones placed and said so."""

from __future__ import annotations

from collections import defaultdict
from operator import add
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec

from tallybook.domain.money import Cost, Unpriced
from tallybook.domain.quality import Quality, join, worst
from tallybook.domain.tokens import TokenVector
from tallybook.history.blocks import HOUR
from tallybook.history.choice import Choice, Filter
from tallybook.history.costs import NOTHING, Costs, Prices, Split, UnknownDays, spent_cost
from tallybook.history.keys import Keys, Values
from tallybook.history.rollup import COMPONENTS, QUARTER
from tallybook.history.sums import VECTOR, Places, Span
from tallybook.history.zones import Zone, local_day, stretches

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tallybook.history.store import Store

DIMENSIONS: Final = (
    *("agent", "model", "day", "week", "month", "block", "session", "project", "branch", "effort", "origin", "tier"),
)
"""All that usage can be added up by."""
SECOND: Final = 1_000_000
_OF_SESSIONS: Final = frozenset({"agent", "session", "project", "branch", "origin"})
_FEW: Final = frozenset(DIMENSIONS) - {"session", "project", "branch"}
"""What sessions have few different values of."""
_DATED: Final = frozenset({"day", "week", "month"})
_NOTHING: Final = (0,) * 8
_QUARTER: Final = QUARTER // SECOND
_COLUMNS: Final = len(Values._fields)
_SPLIT: Final = _COLUMNS + 2 + len(COMPONENTS)
"""Where a row of sums goes on with what it costs."""
_SPLIT_END: Final = _SPLIT + len(Split._fields)
_JOINED: Final = "JOIN session s ON s.id = r.session"
_ROLLED: Final = ", ".join(f"sum(r.{name})" for name in ("responses", *COMPONENTS))


class Query(msgspec.Struct, frozen=True):
    """What is asked."""

    by: tuple[str, ...]
    """Of ``DIMENSIONS``."""
    zone: Zone
    """For days, weeks and months."""
    where: Filter = Filter()
    prices: Prices | None = None
    """What responses cost; None where nobody asks."""


class UsageRow(msgspec.Struct, frozen=True):
    """One sum."""

    key: tuple[str | None, ...]
    """In the order of ``Query.by``; None where the logs do not tell."""
    responses: int
    tokens: TokenVector | None
    """None where nothing was measured."""
    quality: Quality
    cost: Cost | None = None
    """None where nobody asked, or nothing was measured."""


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
    """How many responses, their components, and what they cost; empty for what nobody measured."""
    unpriced: Unpriced | None = None
    """What of it has no price."""


def usage(store: Store, query: Query) -> Usage:
    """Add up the responses that ``query`` wants."""
    choice = Choice(store, query.where)
    costs = None if query.prices is None else Costs(store, query.prices)
    parts = [
        *_dated(store, query, choice, costs),
        *_undated(store, query, choice, costs),
        *_silent(store, query, choice),
    ]
    name = Keys(store, query.by, [part.values for part in parts]).name
    numbers: dict[tuple[str | None, ...], tuple[int, ...]] = {}
    qualities: dict[tuple[str | None, ...], set[Quality]] = defaultdict(set)
    unpriced: dict[tuple[str | None, ...], set[Unpriced]] = defaultdict(set)
    for values, quality, some, without in parts:
        key = name(values)
        before = numbers.get(key)
        numbers[key] = tuple(map(add, before, some)) if before and some else before or some
        qualities[key].add(quality)
        if without is not None:
            unpriced[key].add(without)
    order = sorted(numbers, key=lambda key: [(one is None, one or "") for one in key])
    rows = tuple(_row(key, numbers[key], qualities[key], unpriced.get(key, ())) for key in order)
    counted = [one for one in numbers.values() if one]
    nothing = _NOTHING if costs is None else (*_NOTHING, *NOTHING)
    whole = tuple(map(sum, zip(*counted, strict=True))) if counted else () if rows else nothing
    all_unpriced = {one for some in unpriced.values() for one in some}
    total = _row((), whole, {part.quality for part in parts} or {Quality.EXACT}, all_unpriced)
    return Usage(rows, total, choice.agents())


def _row(
    key: tuple[str | None, ...], numbers: tuple[int, ...], qualities: Iterable[Quality], unpriced: Iterable[Unpriced]
) -> UsageRow:
    if not numbers:
        return UsageRow(key, 0, None, join(qualities))
    count, tokens, spent = numbers[0], TokenVector(*numbers[1 : len(_NOTHING)]), numbers[len(_NOTHING) :]
    return UsageRow(key, count, tokens, join(qualities), spent_cost(spent, frozenset(unpriced)) if spent else None)


def _dated(store: Store, query: Query, choice: Choice, costs: Costs | None) -> list[_Part]:
    wanted = set(query.by)
    day = "NULL"
    if wanted & _DATED:
        first, last = store.rows("SELECT min(quarter), max(quarter) FROM rollup")[0]
        if first is None:
            return []
        day = local_day(f"(r.quarter * {_QUARTER})", stretches(query.zone, first * _QUARTER, (last + 1) * _QUARTER))
    words = _qualities(store)
    while True:
        sql = _sums(wanted, day, choice, costs)
        try:
            return [_part(row, words, costs) for row in store.rows(sql, choice.values)]
        except UnknownDays:
            continue


def _sums(wanted: set[str], day: str, choice: Choice, costs: Costs | None) -> str:
    columns = {
        "r.model": wanted & {"model"},
        day: wanted & _DATED,
        "r.quarter / 4": wanted & {"block"},
        "r.effort": wanted & {"effort"},
        "r.branch": wanted & {"branch"},
        "r.cwd": wanted & {"project"},
        "r.tier": wanted & {"tier"},
    }
    select = ", ".join(column if asked else "NULL" for column, asked in columns.items())
    groups = [column for column, asked in columns.items() if asked]
    split = () if costs is None else costs.columns
    session, sessions = ("r.session", "") if wanted & _OF_SESSIONS else ("NULL", "")
    if wanted & _OF_SESSIONS and wanted <= _FEW and "block" in wanted:
        # Of sessions that are added up any one can stand for all: what is asked of them is the same.
        session, sessions = "min(r.session)", _JOINED
        groups += [f"s.{name}" for name in ("agent", "origin") if name in wanted]
    elif wanted & _OF_SESSIONS:
        groups.insert(0, session)  # the order in which the rows lie
    if costs is not None and costs.needs_sessions:
        sessions = _JOINED
    groups += [column for column in split if column not in {*groups, "0", "NULL"}]
    more = (*split, "sum(r.web_searches)") if split else ()
    return f"""SELECT {", ".join((session, select, "r.quality", _ROLLED, *more))} FROM {choice.table} r {sessions}
        WHERE {choice.condition} GROUP BY {", ".join((*groups, "r.quality"))}"""  # noqa: S608


def _part(row: tuple[Any, ...], words: dict[int, Quality], costs: Costs | None) -> _Part:
    values, quality, numbers = Values(*row[:_COLUMNS]), words[row[_COLUMNS]], row[_COLUMNS + 1 : _SPLIT]
    if costs is None:
        return _Part(values, quality, numbers)
    spent, unpriced = costs.of(row[_SPLIT:_SPLIT_END] + numbers[1:] + row[-1:])
    return _Part(values, quality, numbers + spent, unpriced)


def _undated(store: Store, query: Query, choice: Choice, costs: Costs | None) -> Iterator[_Part]:
    rows = store.rows(
        f"""SELECT r.session, r.model, r.effort, r.branch, r.cwd, r.quality, r.source, r.offset, r.tier, {VECTOR},
        r.web_searches FROM response r WHERE r.at IS NULL AND {choice.undated} ORDER BY r.session"""  # noqa: S608
    )
    words = _qualities(store) if rows else {}
    places: dict[int, Places] = {}
    for session, model, effort, branch, cwd, quality, source, offset, tier, *parts in rows:
        if session not in places:
            places = {session: Places(store, _span(store, session))}
        at = places[session].moment(source, offset)
        if choice.has(at):
            values = Values(session, model, *_times(query, at), effort, branch, cwd, tier)
            spent, unpriced = ((), None) if costs is None else costs.of_one((session, model, tier), at, parts)
            yield _Part(values, worst(words[quality], Quality.ESTIMATED), (1, *parts[:-1], *spent), unpriced)


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
    """The local day and the hour."""
    seconds = at // SECOND
    return (seconds + query.zone.offset(seconds)) // 86_400, seconds // HOUR


def _span(store: Store, session: int) -> Span:
    born_at, last_at = store.rows("SELECT born_at, last_at FROM session WHERE id = ?", (session,))[0]
    return Span(session, born_at, last_at, silent=False)


def _qualities(store: Store) -> dict[int, Quality]:
    known = {str(quality) for quality in Quality}
    return {number: Quality(text) for number, text in store.rows("SELECT id, text FROM word") if text in known}
