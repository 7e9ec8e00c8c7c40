"""How a usage snapshot changes the state: boundaries are added, sessions join goals, pending ones are settled."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from tallybook.domain.attribution import Point, SessionLine
from tallybook.domain.state import Claims, LedgerState, PendingBoundary, owner_now, owner_of, report
from tallybook.domain.usage import SessionKey, SessionUsage

if TYPE_CHECKING:
    from tallybook.domain.events import Event, UsageSnapshot


_Keyed = list[tuple[SessionKey, SessionUsage]]


def snapshot(state: LedgerState, event: Event, body: UsageSnapshot) -> None:
    """Add a boundary to every session in the snapshot, or settle earlier ones."""
    if body.settles is not None:
        for usage in body.sessions:
            _settle(state, event, body.settles, usage)
        return
    keyed = [(usage.key, usage) for usage in body.sessions]
    for key, usage in keyed:
        if usage.parent is not None:
            line = state.lines.get(key, SessionLine())
            if line.parent is None:
                state.put_line(key, SessionLine(usage.parent, line.points))
    for key, usage in keyed:
        _add_point(state, event, key, usage)
    already = state.joined.get(event.goal, ())
    fresh = [(key, usage) for key, usage in keyed if key not in already]
    if fresh:
        _join(state, event, keyed, fresh)


def _join(state: LedgerState, event: Event, keyed: _Keyed, fresh: _Keyed) -> None:
    """Sessions run a command of the goal for the first time; those whose parents are there too follow them."""
    present = {key for key, _ in keyed}
    newly = [(key, usage) for key, usage in fresh if _parent_key(usage) not in present]
    for key, _ in newly:
        state.join(event.goal, key)
    born = tuple(key for key, usage in newly if usage.born_after_start)
    if born:
        state.claims[event.goal] = Claims(born, tuple((key, _parent_key(usage)) for key, usage in keyed))
        claim(state, event.goal)


def _parent_key(usage: SessionUsage) -> SessionKey | None:
    return None if usage.parent is None else replace(usage.key, session=usage.parent)


def _add_point(state: LedgerState, event: Event, key: SessionKey, usage: SessionUsage) -> None:
    owner = owner_of(state, key)
    state.add_point(key, Point(event.id, usage.classes, usage.quality, usage.pending, owner, usage.unreported))
    if usage.pending:
        state.pending[event.id, key] = PendingBoundary(event.id, event.goal, usage, event.at)


def claim(state: LedgerState, goal_id: str) -> None:
    """Sessions born for a goal belong to it from their first response, as far as no goal owned them.

    A snapshot stands before the start of its goal in their batch, so the start asks for this again.
    """
    goal = state.goals.get(goal_id)
    if goal is None:
        return
    claims = state.claims.pop(goal_id, Claims())
    if not goal.is_open:
        return
    parents = dict(claims.parents)
    for key in parents:
        above: SessionKey | None = key
        seen = set()
        while above is not None and above not in claims.sessions and above not in seen:
            seen.add(above)
            above = parents.get(above)
        if above in claims.sessions:
            owner = owner_now(goal, direct=key in claims.sessions)
            line = state.lines[key]
            points = tuple(
                replace(point, owner=owner) if point.owner is None and point.covered is None else point
                for point in line.points
            )
            state.put_line(key, replace(line, points=points))


def _settle(state: LedgerState, event: Event, snapshot: str, usage: SessionUsage) -> None:
    line = state.lines.get(usage.key, SessionLine())
    first = next((number for number, point in enumerate(line.points) if point.snapshot == snapshot), None)
    if first is None:
        report(state, event, "settles-unknown", f"the snapshot {snapshot} to settle is not here")
        return
    points = tuple(
        replace(
            point,
            classes=usage.classes,
            quality=usage.quality,
            pending=usage.pending,
            unreported=usage.unreported,
        )
        if point.snapshot == snapshot
        else point
        for point in line.points
    )
    state.put_line(usage.key, replace(line, points=points), first)
    if not usage.pending:
        state.pending.pop((snapshot, usage.key), None)
