"""What all agents used, added up by whatever is asked for: every response once, undated ones placed and said so."""

from __future__ import annotations

from collections import defaultdict
from math import gcd
from operator import add
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec

from tallybook.domain.money import Cost, total_cost
from tallybook.domain.quality import Quality, join, worst
from tallybook.domain.tokens import TokenVector, total_of
from tallybook.history.blocks import HOUR, Lanes
from tallybook.history.choice import Choice, Filter
from tallybook.history.costs import Costs, Prices, UnknownDays, spent_cost
from tallybook.history.grain import ASKED, IN_HOUR, QUARTER, grain_in, grain_of, set_grain, step_of
from tallybook.history.keys import Keys, Values
from tallybook.history.rollup import COMPONENTS, roll_all
from tallybook.history.sums import VECTOR, Places, Span
from tallybook.history.zones import Zone, local_day, stretches

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    from tallybook.history.store import Store

DIMENSIONS: Final = (
    *("agent", "model", "day", "week", "month", "block", "session", "project", "branch", "effort", "origin", "tier"),
    "plan",
)
"""All that usage can be added up by."""
SECOND: Final = 1_000_000
_OF_SESSIONS: Final = frozenset({"agent", "session", "project", "branch", "origin", "plan"})
_FEW: Final = frozenset(DIMENSIONS) - {"session", "project", "branch", "plan"}
"""What sessions have few different values of."""
_DATED: Final = frozenset({"day", "week", "month"})
_QUARTER: Final = QUARTER // SECOND
_COLUMNS: Final = len(Values._fields)
_SPLIT_AT: Final = _COLUMNS + 1
"""Where a row of sums goes on with what its price depends on, if costs are asked for."""
_NUMBERS: Final = 1 + len(COMPONENTS)
"""How many numbers are responses and their components."""
_CONTEXT: Final = COMPONENTS.index("cache_write_unknown") + 1
"""How many components are sent to the model."""
_HOUR: Final = Values._fields.index("hour")
_BLOCK: Final = "block_of"
"""The first hour of a block, of a lane and an hour in it."""
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
    values: Sequence[Any]
    """Those of ``Values``; more may follow."""
    quality: Quality
    numbers: tuple[int, ...]
    """How many responses, their components and, where costs are asked for, their searches; empty for what nobody
    measured."""
    place: int = 0
    """Of their price, see ``Costs.place``."""


def usage(store: Store, query: Query) -> Usage:
    """Add up the responses that ``query`` wants."""
    with store.as_of_now():
        return _usage(store, query)


def prepare(store: Store, query: Query) -> None:
    """Let sums be so fine that the next such question finds its days cut; they are from the first one on in most zones.

    Raises:
        StoreUnavailable: nothing can be written.

    """
    _, step = _local_days(store, query)
    if step % grain_in(store.rows(ASKED)):
        with store.transaction() as connection:
            set_grain(connection, gcd(grain_of(connection), step))
            roll_all(connection)


def _usage(store: Store, query: Query) -> Usage:
    day, step = _local_days(store, query)
    choice = Choice(store, query.where, step)
    costs = None if query.prices is None else Costs(store, query.prices)
    keys = Keys(store, query.by)
    name = keys.name
    parts = [*_undated(store, query, choice, costs), *_silent(store, query, choice)]
    if "block" in query.by:
        lanes = Lanes([*_hours(store, query, choice), *((keys.lane(one.values), one.values[_HOUR]) for one in parts)])
        store.add_function(_BLOCK, lanes.begin)
        keys.cut(lanes)
    parts += _dated(store, _Sums(query, day, choice, costs))
    sums: dict[tuple[str | None, ...], dict[int, tuple[int, ...]]] = {}
    qualities: dict[tuple[str | None, ...], set[Quality]] = defaultdict(set)
    for values, quality, numbers, place in parts:
        key = name(values)
        places = sums.setdefault(key, {})
        qualities[key].add(quality)
        if numbers:
            before = places.get(place)
            places[place] = tuple(map(add, before, numbers)) if before else numbers
    untold = any(None in key for key in sums)
    order = sorted(sums, key=lambda key: [(one is None, one or "") for one in key]) if untold else sorted(sums)
    rows = tuple(_row(key, sums[key], qualities[key], costs) for key in order)
    return Usage(rows, _total(rows, {part.quality for part in parts}, costs), choice.agents())


def _row(
    key: tuple[str | None, ...], places: dict[int, tuple[int, ...]], qualities: Iterable[Quality], costs: Costs | None
) -> UsageRow:
    if not places:
        return UsageRow(key, 0, None, join(qualities))
    whole = _added(places.values())
    cost = None
    if costs is not None:
        found = [costs.of(place, numbers) for place, numbers in places.items()]
        unpriced = frozenset([one for _, one in found if one is not None])
        cost = spent_cost(_added([spent for spent, _ in found]), unpriced)
    return UsageRow(key, whole[0], TokenVector(*whole[1:_NUMBERS]), join(qualities), cost)


def _added(several: Collection[tuple[int, ...]]) -> tuple[int, ...]:
    """Number by number; mostly there is one alone."""
    return tuple(map(sum, zip(*several, strict=True))) if len(several) > 1 else next(iter(several))


def _total(rows: Sequence[UsageRow], qualities: Iterable[Quality], costs: Costs | None) -> UsageRow:
    known = [row.tokens for row in rows if row.tokens is not None]
    cost = None if costs is None else total_cost(row.cost for row in rows if row.cost is not None)
    if rows and not known:
        return UsageRow((), 0, None, join(qualities))
    return UsageRow(
        (), sum(row.responses for row in rows), total_of(known), join({*qualities} or {Quality.EXACT}), cost
    )


def _local_days(store: Store, query: Query) -> tuple[str, int]:
    """The local day of a row ``r`` in SQL, and how finely such days cut time."""
    if not _DATED.intersection(query.by):
        return "NULL", IN_HOUR
    first, last = store.rows("SELECT min(quarter), max(quarter) FROM rollup")[0]
    if first is None:
        return "NULL", IN_HOUR
    parts = stretches(query.zone, first * _QUARTER, (last + IN_HOUR) * _QUARTER)
    return local_day(f"(r.quarter * {_QUARTER})", parts), step_of(parts)


def _hours(store: Store, query: Query, choice: Choice) -> list[tuple[int | None, int]]:
    """In which something dated was answered, by agents if those are told apart."""
    lane, sessions = _lane(query)
    hours = f"SELECT DISTINCT {lane}, r.quarter / {IN_HOUR} FROM {choice.table} r {sessions} WHERE {choice.condition}"  # noqa: S608
    return store.rows(hours, choice.values)


def _lane(query: Query) -> tuple[str, str]:
    """Whose blocks count, in SQL, and what it needs beside ``r``."""
    return ("s.agent", _JOINED) if "agent" in query.by else ("NULL", "")


class _Sums(NamedTuple):
    """A question about dated responses."""

    query: Query
    day: str
    """In SQL."""
    choice: Choice
    costs: Costs | None


def _dated(store: Store, it: _Sums) -> list[_Part]:
    words = _qualities(store)
    while True:
        sql = _sums(it)
        try:
            return _parts(store.rows(sql, it.choice.values), words, it.costs)
        except UnknownDays:
            continue


def _sums(it: _Sums) -> str:
    choice, costs, wanted = it.choice, it.costs, set(it.query.by)
    lane, joined = _lane(it.query)
    columns = {
        "r.model": wanted & {"model"},
        it.day: wanted & _DATED,
        f"{_BLOCK}({lane}, r.quarter / {IN_HOUR})": wanted & {"block"},
        "r.effort": wanted & {"effort"},
        "r.branch": wanted & {"branch"},
        "r.cwd": wanted & {"project"},
        "r.tier": wanted & {"tier"},
    }
    select = ", ".join(column if asked else "NULL" for column, asked in columns.items())
    groups = [column for column, asked in columns.items() if asked]
    session, sessions = ("r.session", "") if wanted & _OF_SESSIONS else ("NULL", "")
    if wanted & _OF_SESSIONS and wanted <= _FEW and "block" in wanted:
        # Of sessions that are added up any one can stand for all: what is asked of them is the same.
        session, sessions = "min(r.session)", _JOINED
        groups += [f"s.{name}" for name in ("agent", "origin") if name in wanted]
    elif wanted & _OF_SESSIONS:
        groups.insert(0, session)  # the order in which the rows lie
    if (joined and "block" in wanted) or (costs is not None and costs.needs_sessions):
        sessions = _JOINED
    split = () if costs is None else (costs.split,)
    numbers = (*split, _ROLLED, "sum(r.web_searches)") if split else (_ROLLED,)
    groups += split
    return f"""SELECT {", ".join((session, select, "r.quality", *numbers))} FROM {choice.table} r {sessions}
        WHERE {choice.condition} GROUP BY {", ".join((*groups, "r.quality"))}"""  # noqa: S608


def _parts(rows: Iterable[tuple[Any, ...]], words: dict[int, Quality], costs: Costs | None) -> list[_Part]:
    if costs is None:
        return [_Part(row, words[row[_COLUMNS]], row[_COLUMNS + 1 :]) for row in rows]
    place = costs.place
    return [_Part(row, words[row[_COLUMNS]], row[_SPLIT_AT + 1 :], place(row[_SPLIT_AT])) for row in rows]


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
            estimated = worst(words[quality], Quality.ESTIMATED)
            if costs is None:
                yield _Part(values, estimated, (1, *parts[:-1]))
            else:
                place = costs.place_of_one((session, model, tier), at, sum(parts[:_CONTEXT]))
                yield _Part(values, estimated, (1, *parts), place)


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
