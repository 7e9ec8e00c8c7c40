"""What all agents used, added up by whatever is asked for: every response once, undated ones placed and said so."""

from __future__ import annotations

from math import gcd
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

from tallybook.domain.quality import Quality, worst
from tallybook.history.blocks import HOUR, LANE, block_starts
from tallybook.history.choice import Choice, Filter
from tallybook.history.columns import NUMBERS, Columns, Values, counted_in
from tallybook.history.costs import Costs, Prices, UnknownDays
from tallybook.history.grain import ASKED, IN_HOUR, QUARTER, grain_in, grain_of, set_grain, step_of
from tallybook.history.keys import Keys
from tallybook.history.rollup import COMPONENTS, SUMS, roll_all
from tallybook.history.sums import VECTOR, Places, Span
from tallybook.history.usage_rows import Known, UsageRow, rows_of, sums_of, total_row
from tallybook.history.zones import Zone, local_day, stretches

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tallybook.history.columns import Part
    from tallybook.history.store import Store

DIMENSIONS: Final = (
    *("agent", "model", "day", "week", "month", "block", "session", "project", "branch", "effort", "origin", "tier"),
    "plan",
)
"""All that usage can be added up by."""
SECOND: Final = 1_000_000
_OF_SESSIONS: Final = frozenset({"agent", "session", "project", "branch", "origin", "plan"})
_FEW: Final = frozenset({"agent", "origin"})
"""What the table of sessions tells of them in few different values."""
_DATED: Final = frozenset({"day", "week", "month"})
_QUARTER: Final = QUARTER // SECOND
_CONTEXT: Final = COMPONENTS.index("cache_write_unknown") + 1
"""How many components are sent to the model."""
_HOUR: Final = Values._fields.index("hour")
_NEEDED_BY: Final = {
    "session": _OF_SESSIONS,
    "model": frozenset({"model"}),
    "day": _DATED,
    "hour": frozenset({"block"}),
    "effort": frozenset({"effort"}),
    "branch": frozenset({"branch"}),
    "cwd": frozenset({"project"}),
    "tier": frozenset({"tier"}),
}
"""The dimensions that need each of ``Values``."""
_BLOCK: Final = "block_of"
"""The place of the first hour of its block, of the place of an hour."""
_JOINED: Final = "JOIN session s ON s.id = r.session"
_TOGETHER: Final = f"SELECT {', '.join(SUMS)} FROM whole"  # noqa: S608


class Query(msgspec.Struct, frozen=True):
    """What is asked."""

    by: tuple[str, ...]
    """Of ``DIMENSIONS``."""
    zone: Zone
    """For days, weeks and months."""
    where: Filter = Filter()
    prices: Prices | None = None
    """What responses cost; None where nobody asks."""


class Usage(msgspec.Struct, frozen=True):
    """The answer."""

    rows: tuple[UsageRow, ...]
    """Sorted by key."""
    total: UsageRow
    agents: tuple[str, ...]
    """Those that have a part in it."""


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
    words = _qualities(store)
    known = Known(words | {~number: worst(its, Quality.ESTIMATED) for number, its in words.items()}, costs)
    single, silent = [*_undated(store, query, choice, costs)], [*_silent(store, query, choice)]
    if "block" in query.by:
        single, silent = _in_blocks(store, query, choice, (single, silent))
    columns = Columns(_asked(query), counted_in([*store.rows(_TOGETHER), *(part[NUMBERS:] for part in single)]))
    parts = [*_dated(store, _Sums(query, day, choice, costs, columns)), *map(columns.picker(), single)]
    keys = _names(store, query, columns, (parts, silent))
    sums = sums_of(parts, columns, known)
    rows = rows_of(keys[: len(parts)], sums, keys[len(parts) :])
    return Usage(rows, total_row(sums, silent=bool(silent)), choice.agents())


def _asked(query: Query) -> tuple[str, ...]:
    wanted = set(query.by)
    return tuple(name for name, dimensions in _NEEDED_BY.items() if wanted & dimensions)


def _names(
    store: Store, query: Query, columns: Columns, some: tuple[list[Part], list[Part]]
) -> list[tuple[str | None, ...]]:
    """The keys of what was added up, and behind them those of what nobody measured."""
    parts, silent = some
    if not query.by:
        return [()] * (len(parts) + len(silent))
    places = map(Values._fields.index, columns.asked)
    told = zip(columns.asked, columns.of(parts), places, strict=False)  # quality and split come last
    return Keys(store, query.by).names({name: [*its, *(one[at] for one in silent)] for name, its, at in told})


def _local_days(store: Store, query: Query) -> tuple[str, int]:
    """The local day of a row ``r`` in SQL, and how finely such days cut time."""
    if not _DATED.intersection(query.by):
        return "NULL", IN_HOUR
    first, last = store.rows("SELECT min(quarter), max(quarter) FROM rollup")[0]
    if first is None:
        return "NULL", IN_HOUR
    parts = stretches(query.zone, first * _QUARTER, (last + IN_HOUR) * _QUARTER)
    return local_day(f"(r.quarter * {_QUARTER})", parts), step_of(parts)


def _in_blocks(
    store: Store, query: Query, choice: Choice, others: tuple[list[Part], list[Part]]
) -> tuple[list[Part], list[Part]]:
    """The others with the places of their blocks; queries learn where those of dated responses begin."""
    agents = dict(store.rows("SELECT id, agent FROM session")) if "agent" in query.by and any(others) else {}
    placed = [[(agents.get(part[0], 0) * LANE + part[_HOUR], part) for part in parts] for parts in others]
    place, sessions = _place(query)
    # One text in place of a row for each: of a long history these are very many.
    ((hours,),) = store.rows(
        f"SELECT group_concat({place}) FROM {choice.table} r {sessions} WHERE {choice.condition}"  # noqa: S608
    )
    starts = block_starts([*map(int, set((hours or "").split(",")) - {""}), *(at for some in placed for at, _ in some)])
    store.add_function(_BLOCK, starts.__getitem__)
    single, silent = ([(*part[:_HOUR], starts[at], *part[_HOUR + 1 :]) for at, part in some] for some in placed)
    return single, silent


def _place(query: Query) -> tuple[str, str]:
    """The hour of a row in the lane whose blocks count, in SQL, and what it needs beside ``r``."""
    hour = f"r.quarter / {IN_HOUR}"
    return (f"s.agent * {LANE} + {hour}", _JOINED) if "agent" in query.by else (hour, "")


class _Sums(NamedTuple):
    """A question about dated responses."""

    query: Query
    day: str
    """In SQL."""
    choice: Choice
    costs: Costs | None
    columns: Columns


def _dated(store: Store, it: _Sums) -> list[Part]:
    split = it.columns.numbers - 1
    while True:
        found = store.rows(_sums(it))
        try:
            if it.costs is not None:
                it.costs.know({part[split] for part in found})
        except UnknownDays:
            continue
        return found


def _sums(it: _Sums) -> str:
    choice, costs, wanted = it.choice, it.costs, set(it.query.by)
    place, joined = _place(it.query)
    told = {
        "session": "r.session",
        "model": "r.model",
        "day": it.day,
        "hour": f"{_BLOCK}({place})",
        "effort": "r.effort",
        "branch": "r.branch",
        "cwd": "r.cwd",
        "tier": "r.tier",
    }
    select = {name: told[name] for name in it.columns.asked}
    groups, sessions = [*select.values()], joined if wanted & {"block"} else ""
    if "session" in select and wanted & _OF_SESSIONS <= _FEW:
        # Of sessions that are added up any one can stand for all: what is asked of them is the same.
        select["session"], sessions = "min(r.session)", _JOINED
        groups = [*groups[1:], *(f"s.{name}" for name in _FEW if name in wanted)]
    split = "0"
    if costs is not None:
        split, sessions = costs.split, _JOINED if costs.needs_sessions else sessions
        groups.append(split)
    columns = ", ".join((*select.values(), "r.quality", split, *(f"sum(r.{name})" for name in it.columns.counted)))
    return f"""SELECT {columns} FROM {choice.table} r {sessions}
        WHERE {choice.condition} GROUP BY {", ".join((*groups, "r.quality"))}"""  # noqa: S608


def _undated(store: Store, query: Query, choice: Choice, costs: Costs | None) -> Iterator[Part]:
    rows = store.rows(
        f"""SELECT r.session, r.model, r.effort, r.branch, r.cwd, r.quality, r.source, r.offset, r.tier, {VECTOR},
        r.web_searches FROM undated r WHERE {choice.condition} ORDER BY r.session"""  # noqa: S608
    )
    places: dict[int, Places] = {}
    for session, model, effort, branch, cwd, quality, source, offset, tier, *parts in rows:
        if session not in places:
            places = {session: Places(store, _span(store, session))}
        at = places[session].moment(source, offset)
        if choice.has(at):
            values = Values(session, model, *_times(query, at), effort, branch, cwd, tier)
            split = 0
            if costs is not None:
                split = costs.place_of_one((session, model, tier), at, sum(parts[:_CONTEXT]))
            yield (*values, ~quality, split, 1, *parts)


def _silent(store: Store, query: Query, choice: Choice) -> Iterator[Part]:
    """Sessions without responses that are older than any usage in their agents' logs."""
    if query.where.models:
        return
    for agent, since in store.rows("SELECT id, usage_since FROM agent WHERE usage_since IS NOT NULL"):
        rows = store.rows(
            """SELECT s.id, s.born_at FROM session s WHERE s.agent = ? AND s.born_at < ?
            AND NOT EXISTS (SELECT 1 FROM response_context c WHERE c.session = s.id)""",
            (agent, since),
        )
        for session, born_at in rows:
            if choice.has(born_at) and choice.has_session(session):
                yield Values(session, None, *_times(query, born_at))


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
