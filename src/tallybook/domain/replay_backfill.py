"""How usage that was found afterwards changes the state: boundaries are put into the lines of its sessions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from tallybook.domain.attribution import Owner, SessionLine
from tallybook.domain.goal import Backfill, Goal
from tallybook.domain.insertion import Cut, Obstacle, insert, without
from tallybook.domain.state import LedgerState, report

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tallybook.domain.events import BackfilledSession, Event, UsageBackfilled
    from tallybook.domain.usage import SessionKey


def backfilled(state: LedgerState, event: Event, body: UsageBackfilled) -> None:
    """Hand out to a closed goal what was found, in the place of what an earlier event of this type said."""
    goal = state.goals.get(event.goal)
    if goal is None:
        report(state, event, "goal-unknown", f"{event.type} names the goal {event.goal}, whose start is not here")
        return
    if goal.is_open:
        report(state, event, "backfilled-while-open", f"{goal.id} was backfilled while it was open")
        return
    _take_back(state, goal)
    done = [session for session in body.sessions if _insert(state, event, session, body.sessions)]
    found = tuple((session.before.key, session.evidence) for session in done)
    backfill = Backfill(event.id, body.since, body.until, found) if found else None
    state.put(replace(goal, backfill=backfill))


def _take_back(state: LedgerState, goal: Goal) -> None:
    if goal.backfill is not None:
        for key, _ in goal.backfill.sessions:
            state.put_line(key, without(state.lines[key], goal.id, goal.backfill.event))


def _insert(
    state: LedgerState, event: Event, session: BackfilledSession, together: Sequence[BackfilledSession]
) -> bool:
    key = session.before.key
    line = state.lines.get(key, SessionLine())
    if line.parent is None and session.before.parent is not None:
        line = replace(line, parent=session.before.parent)
    inserted = insert(line, cuts_of(event.goal, session, together), event.id)
    if isinstance(inserted, Obstacle):
        message = f"what {key.agent} {key.session} used can't be placed: {inserted}"
        report(state, event, f"backfill-{inserted}", message)
        return False
    state.put_line(key, inserted)
    return True


def cuts_of(goal: str, session: BackfilledSession, together: Sequence[BackfilledSession]) -> tuple[Cut, ...]:
    """The boundaries of one session; it is a child session if one of those found ``together`` is its parent."""
    present: set[SessionKey] = {each.before.key for each in together}
    parent = session.before.parent
    direct = parent is None or replace(session.before.key, session=parent) not in present
    parts = (Cut(part.until, Owner(goal, part.attempt, part.stage, direct=direct)) for part in session.parts)
    return (Cut(session.before, None), *parts)
