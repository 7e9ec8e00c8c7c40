"""What is asked about activity, limits and agents' own counters; no answer holds a word of any conversation."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import msgspec
from msgspec.structs import replace

from tallybook.domain.own_counters import Snapshot
from tallybook.domain.tokens import COMPONENTS, TokenVector
from tallybook.domain.usage import SessionKey
from tallybook.history.names import stored_text
from tallybook.history.settling import SLOT, settle_activity

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import tzinfo

    from tallybook.history.store import Store

_MILLISECOND: Final = 1000


class ActivityFilter(msgspec.Struct, frozen=True):
    """Which items are counted."""

    agent: str | None = None
    sessions: tuple[SessionKey, ...] | None = None
    kinds: tuple[str, ...] | None = None
    since: int | None = None
    """Microseconds since the epoch, to a quarter of an hour; items without a time are left out then."""
    until: int | None = None
    """Microseconds since the epoch; items from then on are left out."""


class ActivityCount(msgspec.Struct, frozen=True):
    """How often one thing happened."""

    kind: str
    name: str
    count: int
    measured: int
    """How many of them have an amount."""
    amount: int
    """The sum of amounts: microseconds or lengths, by kind."""
    greatest: int | None
    session: SessionKey | None = None
    day: str | None = None
    """As YYYY-MM-DD; None for items without a time, or where days are not asked for."""


class LimitState(msgspec.Struct, frozen=True):
    """The newest that is known of one allowance."""

    agent: str
    limit: str
    window: int | None
    """Minutes."""
    at: int
    """Microseconds since the epoch, UTC."""
    used: int | None
    """Hundredths of a percent."""
    resets_at: int | None
    plan: str | None
    credits: str | None
    session: str


class CounterState(msgspec.Struct, frozen=True):
    """The last that an agent itself said of one session."""

    key: SessionKey
    scope: str
    model: str | None
    at: int | None
    """Microseconds since the epoch, UTC."""
    tokens: TokenVector
    unreported: tuple[str, ...]


def activity_counts(store: Store, wanted: ActivityFilter | None = None) -> tuple[ActivityCount, ...]:
    """Counts by kind and name, the most frequent first within a kind."""
    rows = _counted(store, wanted or ActivityFilter(), "")
    found = [ActivityCount(*row) for row in rows]
    return tuple(sorted(found, key=lambda one: (one.kind, -one.count, one.name)))


def activity_by_session(store: Store, wanted: ActivityFilter | None = None) -> tuple[ActivityCount, ...]:
    """Counts by session, kind and name."""
    rows = _counted(store, wanted or ActivityFilter(), ", g.name, s.name")
    found = [replace(ActivityCount(*row[:6]), session=SessionKey(*row[6:])) for row in rows]
    return tuple(sorted(found, key=lambda one: (str(one.session), one.kind, one.name)))


def activity_by_day(store: Store, zone: tzinfo, wanted: ActivityFilter | None = None) -> tuple[ActivityCount, ...]:
    """Counts by day of a time zone, kind and name."""
    sums: dict[tuple[str | None, str, str], list[ActivityCount]] = {}
    for *row, slot in _counted(store, wanted or ActivityFilter(), ", t.slot"):
        one = replace(ActivityCount(*row), day=_day(slot, zone))
        sums.setdefault((one.day, one.kind, one.name), []).append(one)
    return tuple(_sum(sums[key]) for key in sorted(sums, key=lambda key: (key[0] or "", *key[1:])))


def newest_limits(store: Store, agent: str | None = None) -> tuple[LimitState, ...]:
    """The newest sample of every limit of every window and plan; a window is known by its minutes alone."""
    rows = store.rows(
        """SELECT agent, name, minutes, at, used, resets_at, plan, credits, session FROM (
            SELECT g.name AS agent, l.name, l.minutes, l.at, l.used, l.resets_at, l.plan, l.credits, s.name AS session,
                row_number() OVER (PARTITION BY g.id, l.name, l.minutes, l.plan ORDER BY l.at DESC, o.key DESC) AS nth
            FROM limit_sample l JOIN source o ON o.id = l.source JOIN agent g ON g.id = o.agent
            JOIN session s ON s.id = l.session WHERE g.name = coalesce(?, g.name))
        WHERE nth = 1 ORDER BY agent, name, minutes, at DESC, plan""",
        (agent,),
    )
    return tuple(_limit(row) for row in rows)


def limit_history(store: Store, newest: LimitState, since: int) -> tuple[LimitState, ...]:
    """Samples of the same limit, window and plan from a moment on (microseconds, UTC), in the order of time."""
    rows = store.rows(
        """SELECT g.name, l.name, l.minutes, l.at, l.used, l.resets_at, l.plan, l.credits, s.name
        FROM limit_sample l JOIN source o ON o.id = l.source JOIN agent g ON g.id = o.agent
        JOIN session s ON s.id = l.session
        WHERE g.name = ? AND l.name = ? AND l.minutes = ? AND l.plan IS ? AND l.at >= ?
        ORDER BY l.at, o.key""",
        (newest.agent, newest.limit, newest.window or 0, newest.plan, since),
    )
    return tuple(_limit(row) for row in rows)


def own_counters(store: Store, key: SessionKey) -> tuple[CounterState, ...]:
    """What the agent itself says of a session; of several logs that say it, the one that says the most holds."""
    parts = ", ".join(f"c.{name}" for name in COMPONENTS)
    rows = store.rows(
        f"""SELECT c.scope, c.model, c.at, {parts}, c.unreported FROM own_counter c
        JOIN session s ON s.id = c.session JOIN agent g ON g.id = s.agent JOIN source o ON o.id = c.source
        WHERE g.name = ? AND s.name = ? ORDER BY c.scope, c.model, {" + ".join(parts.split(", ")[:-1])}, o.key""",  # noqa: S608
        (key.agent, stored_text(key.session)),
    )
    found = {
        (scope, model): CounterState(key, scope, model or None, at, TokenVector(*parts), tuple(unreported.split()))
        for scope, model, at, *parts, unreported in rows
    }
    return tuple(found.values())


def snapshots(store: Store, key: SessionKey, scope: str) -> tuple[Snapshot, ...]:
    """Every snapshot of a counter that is told by run and moment, in the order of time."""
    found: dict[tuple[str, int], dict[str, TokenVector]] = {}
    for one in own_counters(store, key):
        name, _, rest = one.scope.partition(":")
        if name == scope and one.model is not None and one.at is not None:
            found.setdefault((rest.partition(":")[0], one.at), {})[one.model] = one.tokens
    ordered = sorted(found.items(), key=lambda pair: (pair[0][1], pair[0][0]))
    return tuple(Snapshot(run, at, models) for (run, at), models in ordered)


def _counted(store: Store, wanted: ActivityFilter, by: str) -> list[tuple[Any, ...]]:
    settle_activity(store)
    conditions: list[tuple[str, Sequence[object]]] = [("1", ())]
    if wanted.agent is not None:
        conditions.append(("g.name = ?", (wanted.agent,)))
    if wanted.sessions is not None:
        marks = ", ".join(["(?, ?)"] * len(wanted.sessions))
        names = [text for one in wanted.sessions for text in (one.agent, stored_text(one.session))]
        conditions.append((f"(g.name, s.name) IN (VALUES {marks})" if names else "0", names))
    if wanted.kinds is not None:
        conditions.append((f"w.kind IN ({', '.join('?' * len(wanted.kinds))})", wanted.kinds))
    if wanted.since is not None:
        conditions.append(("t.slot >= ?", (wanted.since // _MILLISECOND // SLOT,)))
    if wanted.until is not None:
        conditions.append(("t.slot BETWEEN 0 AND ?", ((wanted.until // _MILLISECOND - 1) // SLOT,)))
    return store.rows(
        f"""SELECT w.kind, w.name, sum(t.count), sum(t.measured), sum(t.amount), max(t.greatest){by}
        FROM activity t JOIN what w ON w.id = t.what JOIN session s ON s.id = t.session JOIN agent g ON g.id = s.agent
        WHERE {" AND ".join(sql for sql, _ in conditions)} GROUP BY w.id{by}""",  # noqa: S608
        [value for _, values in conditions for value in values],
    )


def _day(slot: int, zone: tzinfo) -> str | None:
    if slot < 0:
        return None
    return f"{datetime.fromtimestamp(slot * SLOT // _MILLISECOND, UTC).astimezone(zone):%Y-%m-%d}"


def _sum(counts: Sequence[ActivityCount]) -> ActivityCount:
    first = counts[0]
    return ActivityCount(
        first.kind,
        first.name,
        sum(one.count for one in counts),
        sum(one.measured for one in counts),
        sum(one.amount for one in counts),
        max((one.greatest for one in counts if one.greatest is not None), default=None),
        day=first.day,
    )


def _limit(row: tuple[Any, ...]) -> LimitState:
    agent, name, minutes, *rest = row
    return LimitState(agent, name, minutes or None, *rest)
