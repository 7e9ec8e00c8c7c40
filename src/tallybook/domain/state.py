"""The present state of a ledger, and the questions that commands ask of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from tallybook.domain.attribution import Owner, SessionLine
from tallybook.domain.goal import Budget, Goal
from tallybook.domain.problems import Problem
from tallybook.domain.usage import SessionKey, SessionUsage

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tallybook.domain.events import Event


@attrs.frozen
class PendingBoundary:
    """A snapshot of a session in which the issuing response was still missing."""

    snapshot: str
    goal: str
    usage: SessionUsage
    at: str
    """When the snapshot was written, UTC."""


@attrs.frozen
class Claims:
    """Sessions of one snapshot that were born after the start of its goal."""

    sessions: tuple[SessionKey, ...] = ()
    parents: tuple[tuple[SessionKey, SessionKey | None], ...] = ()
    """Every session of the snapshot with its parent."""


@attrs.define
class LedgerState:
    """All that the events tell; changed by ``apply`` alone."""

    goals: dict[str, Goal] = attrs.field(factory=dict)
    """In the order in which they were started."""
    joined: dict[str, tuple[SessionKey, ...]] = attrs.field(factory=dict)
    """Sessions that ran a command of the goal, by goal id."""
    budgets: dict[str, tuple[Budget, ...]] = attrs.field(factory=dict)
    lines: dict[SessionKey, SessionLine] = attrs.field(factory=dict)
    pending: dict[tuple[str, SessionKey], PendingBoundary] = attrs.field(factory=dict)
    claims: dict[str, Claims] = attrs.field(factory=dict)
    """What a goal will claim as soon as it is started, by goal id."""
    problems: list[Problem] = attrs.field(factory=list)
    unknown_types: dict[str, int] = attrs.field(factory=dict)
    events: int = 0
    open: set[str] = attrs.field(factory=set)
    """Ids of the open goals: an index of ``goals``."""

    def put(self, goal: Goal) -> None:
        """Add a goal, or replace it as it was before."""
        self.goals[goal.id] = goal
        if goal.is_open:
            self.open.add(goal.id)
        else:
            self.open.discard(goal.id)

    def copy(self) -> LedgerState:
        """A state of its own with the same content (its values are immutable)."""
        return LedgerState(
            dict(self.goals),
            dict(self.joined),
            dict(self.budgets),
            dict(self.lines),
            dict(self.pending),
            dict(self.claims),
            list(self.problems),
            dict(self.unknown_types),
            self.events,
            set(self.open),
        )


def report(state: LedgerState, event: Event, code: str, message: str) -> None:
    """Note a fault of ``event``, which has no effect then."""
    hint = "tally verify lists every finding; the event stays in the ledger"
    state.problems.append(Problem(code, f"{message} (event {event.id})", hint=hint))


def open_goals(state: LedgerState) -> list[Goal]:
    """All open goals, the one activated last at the end."""
    return sorted((state.goals[goal] for goal in state.open), key=lambda goal: (goal.activated, goal.id))


def owner_of(state: LedgerState, session: SessionKey) -> Owner | None:
    """Who a response of ``session`` belongs to now: the goal open in it, else in its nearest ancestor."""
    goals = open_goals(state)
    seen = set()
    here: SessionKey | None = session
    while here is not None and here not in seen:
        seen.add(here)
        goal = next((goal for goal in reversed(goals) if here in state.joined.get(goal.id, ())), None)
        if goal is not None:
            return owner_now(goal, direct=here == session)
        line = state.lines.get(here)
        here = None if line is None or line.parent is None else attrs.evolve(here, session=line.parent)
    return None


def owner_now(goal: Goal, *, direct: bool) -> Owner:
    """The part of ``goal`` that usage goes to now."""
    return Owner(goal.id, goal.attempt.number, len(goal.attempt.stages), direct=direct)


def kept_goal(goals: Mapping[str, Goal], goal_id: str) -> str:
    """The goal that ``goal_id`` is counted with, after all merges."""
    while (goal := goals.get(goal_id)) is not None and goal.merged_into is not None:
        goal_id = goal.merged_into
    return goal_id
