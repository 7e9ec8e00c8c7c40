"""The present state of a ledger, and the questions that commands ask of it."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import TYPE_CHECKING, Final

import msgspec
from msgspec.structs import replace

from tallybook.domain.attribution import Owner, Point, SessionLine
from tallybook.domain.figures import Figures
from tallybook.domain.goal import Budget, Goal, finish_order
from tallybook.domain.index import Index, add
from tallybook.domain.problems import Problem
from tallybook.domain.quality import Quality
from tallybook.domain.usage import SessionKey, SessionUsage

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tallybook.domain.events import Event


class PendingBoundary(msgspec.Struct, frozen=True):
    """A snapshot of a session in which the issuing response was still missing."""

    snapshot: str
    goal: str
    usage: SessionUsage
    at: str
    """When the snapshot was written, UTC."""


class Claims(msgspec.Struct, frozen=True):
    """Sessions of one snapshot that were born after the start of its goal."""

    sessions: tuple[SessionKey, ...] = ()
    parents: tuple[tuple[SessionKey, SessionKey | None], ...] = ()
    """Every session of the snapshot with its parent."""


class LedgerState(msgspec.Struct):
    """All that the events tell; changed by ``apply`` alone."""

    goals: MutableMapping[str, Goal] = msgspec.field(default_factory=dict)
    """In the order in which they were started."""
    joined: MutableMapping[str, tuple[SessionKey, ...]] = msgspec.field(default_factory=dict)
    """Sessions that ran a command of the goal, by goal id."""
    budgets: MutableMapping[str, tuple[Budget, ...]] = msgspec.field(default_factory=dict)
    lines: MutableMapping[SessionKey, SessionLine] = msgspec.field(default_factory=dict)
    pending: dict[tuple[str, SessionKey], PendingBoundary] = msgspec.field(default_factory=dict)
    claims: dict[str, Claims] = msgspec.field(default_factory=dict)
    """What a goal will claim as soon as it is started, by goal id."""
    problems: list[Problem] = msgspec.field(default_factory=list)
    unknown_types: dict[str, int] = msgspec.field(default_factory=dict)
    events: int = 0
    index: Index = msgspec.field(default_factory=Index)
    figures: Figures = msgspec.field(default_factory=Figures)

    def put(self, goal: Goal) -> None:
        """Add a goal, or replace it as it was before."""
        before = self.goals.get(goal.id)
        self.goals[goal.id] = goal
        self.figures.forget_goal(goal.id)
        if goal.is_open:
            self.index.opened(goal.id)
            if before is not None:
                return
        elif before is not None and before.is_open:
            self.index.closed(goal.id, self.joined.get(goal.id, ()))
        if before is None and goal.source_id is not None:
            add(self.index.passes, goal.source_id, goal.id)
        if goal.merged_into is not None:
            add(self.index.dropped, goal.merged_into, goal.id)
        if goal.outcome is not None:
            self._ended(goal, before)
        self.figures.forget_goal(kept_goal(self.goals, goal.id))

    def _ended(self, goal: Goal, before: Goal | None) -> None:
        """Keep in mind which goal of the place ended last; a correction may have moved an end back."""
        place = (goal.writer, goal.worktree)
        last = self.goals[self.index.finished.get(place, goal.id)]
        if last is goal and before is not None and finish_order(goal) < finish_order(before):
            there = (it for it in self.goals.values() if (it.writer, it.worktree) == place and it.outcome is not None)
            last = max(there, key=finish_order)
        self.index.finished[place] = max(last, goal, key=finish_order).id

    def put_line(self, key: SessionKey, line: SessionLine, first: int = 0) -> None:
        """Replace a session's boundaries, all before number ``first`` being as they were."""
        before = self.lines.get(key)
        self.lines[key] = line
        self.figures.forget_session(key)
        for owner in {point.owner.goal for point in line.points[first:] if point.owner is not None}:
            self._owns(owner, key)
        if line.is_measured != (before is not None and before.is_measured):
            self._visited(key)

    def add_point(self, key: SessionKey, point: Point) -> None:
        """Add a boundary to a session: what most events do."""
        line = self.lines.get(key, _NO_LINE)
        self.lines[key] = SessionLine(line.parent, (*line.points, point))
        self.figures.forget_session(key)
        if point.owner is not None:
            self._owns(point.owner.goal, key)
        if not line.is_measured and point.quality is not Quality.UNMEASURED:
            self._visited(key)

    def _owns(self, goal: str, key: SessionKey) -> None:
        """The goal owns a part of the session that is new or was changed."""
        add(self.index.owned, goal, key)
        self.figures.forget_goal(kept_goal(self.goals, goal))

    def _visited(self, key: SessionKey) -> None:
        """Whether the session has a counter is another thing now, for all who joined it."""
        for goal in self.index.visitors.get(key, ()):
            self.figures.forget_goal(kept_goal(self.goals, goal))

    def join(self, goal_id: str, key: SessionKey) -> None:
        """A session runs a command of the goal for the first time."""
        self.joined[goal_id] = (*self.joined.get(goal_id, ()), key)
        goal = self.goals.get(goal_id)
        self.index.joined(goal_id, key, works=goal is None or goal.is_open)
        self.figures.forget_goal(kept_goal(self.goals, goal_id))


_NO_LINE: Final = SessionLine()


def report(state: LedgerState, event: Event, code: str, message: str) -> None:
    """Note a fault of ``event``, which has no effect then."""
    hint = "tally verify lists every finding; the event stays in the ledger"
    state.problems.append(Problem(code, f"{message} (event {event.id})", hint=hint))


def open_goals(state: LedgerState) -> list[Goal]:
    """All open goals, the one activated last at the end."""
    return _in_order(state.goals[goal] for goal in state.index.open)


def open_in(state: LedgerState, session: SessionKey) -> list[Goal]:
    """The open goals that have joined the session, the one activated last at the end."""
    joined = state.index.working.get(session, ())
    return _in_order(state.goals[goal] for goal in joined if goal in state.index.open)


def _in_order(goals: Iterable[Goal]) -> list[Goal]:
    return sorted(goals, key=_activation)


def _activation(goal: Goal) -> tuple[tuple[str, str, int], str]:
    return (goal.activated, goal.id)


def owner_of(state: LedgerState, session: SessionKey) -> Owner | None:
    """Who a response of ``session`` belongs to now: the goal open in it, else in its nearest ancestor."""
    seen = set()
    here: SessionKey | None = session
    while here is not None and here not in seen:
        goals = [state.goals[goal] for goal in state.index.working.get(here, ()) if goal in state.index.open]
        if goals:
            last = goals[0] if len(goals) == 1 else max(goals, key=_activation)
            return owner_now(last, direct=here == session)
        seen.add(here)
        line = state.lines.get(here)
        here = None if line is None or line.parent is None else replace(here, session=line.parent)
    return None


def owner_now(goal: Goal, *, direct: bool) -> Owner:
    """The part of ``goal`` that usage goes to now."""
    return Owner(goal.id, goal.attempt.number, len(goal.attempt.stages), direct=direct)


def kept_goal(goals: Mapping[str, Goal], goal_id: str) -> str:
    """The goal that ``goal_id`` is counted with, after all merges."""
    while (goal := goals.get(goal_id)) is not None and goal.merged_into is not None:
        goal_id = goal.merged_into
    return goal_id
