"""Gives goals that nobody measured the usage of sessions that the history holds, where it is clear whose it was."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from tallybook.agents.registry import AGENTS
from tallybook.domain.backfill import Book, Candidate, Verdict, Window, innermost_first, microseconds, window_of
from tallybook.domain.events import BackfilledSession, NewEvent, UsageBackfilled
from tallybook.domain.metrics import measure_of, usage_of
from tallybook.domain.problems import Problem, Refusal
from tallybook.domain.quality import Quality
from tallybook.history.zones import LocalZone
from tallybook.repo.places import worktree_places
from tallybook.reports.backfill import GoalBackfill, utc
from tallybook.usecases.capture import reader_versions, with_history
from tallybook.usecases.found_usage import Around, candidates
from tallybook.usecases.usage import Period, period
from tallybook.usecases.workspace import problems_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tallybook.domain.goal import Goal
    from tallybook.domain.state import LedgerState
    from tallybook.history.ingest import IngestReport
    from tallybook.history.store import Store
    from tallybook.ledger.replica import Replica
    from tallybook.usecases.workspace import Workspace


class Request(msgspec.Struct, frozen=True):
    """Which goals to look at, and how."""

    goals: tuple[str, ...] = ()
    """Those that are named; else all that nobody measured."""
    agent: str | None = None
    since: str | None = None
    until: str | None = None
    """Goals that began before this time, or by the end of this day."""
    limit: int | None = None
    """So many goals at most, those that began last."""
    dry_run: bool = False
    force: bool = False
    """Measured goals too, in the place of an earlier backfill."""


class Backfilled(msgspec.Struct, frozen=True):
    """What became of each goal, the one that was started last first."""

    rows: tuple[GoalBackfill, ...]
    problems: tuple[Problem, ...]

    @property
    def found(self) -> int:
        """How many goals got something, or would."""
        return sum(row.verdict.reason is None for row in self.rows)


class _Looked(msgspec.Struct, frozen=True):
    """The goals, and what the history tells of each."""

    rows: tuple[GoalBackfill, ...]
    candidates: Mapping[str, tuple[Candidate, ...]]
    """By goal id."""


def backfill(workspace: Workspace, request: Request) -> Backfilled | Refusal:
    """Find usage for goals, and write it unless that is only tried.

    Raises:
        StoreUnavailable: the history can't be used.
        LedgerError: the ledger can't be written.

    """
    if request.agent is not None and request.agent not in AGENTS:
        message = f"there is no agent {request.agent!r}"
        return Refusal("unknown-agent", message, f"known: {', '.join(AGENTS)}", usage=True)
    when = period(request.since, request.until, LocalZone())
    if isinstance(when, Refusal):
        return when
    replica = workspace.replica()
    unknown = next((name for name in request.goals if name not in replica.state.goals), None)
    if unknown is not None:
        return Refusal("unknown-goal", f"there is no goal {unknown!r}", "tally show lists the goals")

    def looking(store: Store, report: IngestReport) -> Backfilled | Refusal:
        rows = (_row(replica.state, goal, request) for goal in _chosen(replica.state, request, when))
        around = _around(workspace, replica.state, request)
        looked = _looked(store, around, rows)
        made = _planned(replica.state, looked)
        if not request.dry_run and any(row.verdict.reason is None for row in made):
            made = _written(replica, looked)
        replica.save()
        problems = (*workspace.problems, *problems_of(replica, replica.state), *report.problems, *store.problems)
        return Backfilled(tuple(_of_another(row, around) for row in made), problems)

    return with_history(workspace, looking)


def foreseen(workspace: Workspace, store: Store, state: LedgerState, goals: Iterable[str]) -> dict[str, Verdict]:
    """What each goal would get if it was backfilled by itself, whether it is measured or not; by goal id."""
    request = Request(force=True)
    looked = _looked(store, _around(workspace, state, request), [_row(state, state.goals[it], request) for it in goals])
    alone = (replace(looked, rows=(row,)) for row in looked.rows)
    return {row.goal.id: row.verdict for one in alone for row in _planned(state, one)}


def _around(workspace: Workspace, state: LedgerState, request: Request) -> Around:
    places = {} if workspace.repository is None else worktree_places(workspace.repository)
    return Around(frozenset(workspace.ledger.writers().ids), places, state.joined, request.agent)


def _looked(store: Store, around: Around, rows: Iterable[GoalBackfill]) -> _Looked:
    known = tuple(rows)
    asked = [(row.goal, row.window) for row in known if row.window is not None]
    return _Looked(known, candidates(store, around, asked))


def _written(replica: Replica, looked: _Looked) -> tuple[GoalBackfill, ...]:
    """Plan anew under the lock, and write what comes of it."""
    made: list[tuple[GoalBackfill, ...]] = []

    def deciding(now: LedgerState) -> Sequence[NewEvent]:
        made.append(_planned(now, looked))
        return _events(made[-1])

    replica.transact(deciding)
    return made[-1]


def _chosen(state: LedgerState, request: Request, when: Period) -> list[Goal]:
    """The goals that are looked at, in the order in which they are given something."""
    goals = [state.goals[name] for name in dict.fromkeys(request.goals)] or [
        goal for goal in state.goals.values() if _lacks(state, goal, force=request.force)
    ]
    inside = [goal for goal in goals if when.has(microseconds(goal.started_at))]
    return innermost_first(inside)[: request.limit]


def _lacks(state: LedgerState, goal: Goal, *, force: bool) -> bool:
    """Whether a goal is one that is looked at without being named."""
    if goal.outcome is None or goal.merged_into is not None or goal.untracked:
        return False
    return not is_captured(state, goal) or (force and measure_of(state, goal.id).quality is not Quality.EXACT)


def is_captured(state: LedgerState, goal: Goal) -> bool:
    """Whether there are numbers of it that nobody gave by hand."""
    known = measure_of(state, goal.id).quality is not Quality.UNMEASURED
    return known and (goal.manual is None or usage_of(state, goal.id).captured.tokens is not None)


def _row(state: LedgerState, goal: Goal, request: Request) -> GoalBackfill:
    reason = _unfit(state, goal, force=request.force)
    window = window_of(goal) if reason is None else None
    return GoalBackfill(goal, Verdict(goal.id, reason or (None if window else "no-window")), window)


def _unfit(state: LedgerState, goal: Goal, *, force: bool) -> str | None:
    """Why a goal is not looked at."""
    if goal.merged_into is not None:
        return "merged"
    if goal.outcome is None:
        return "open"
    if force:
        return None
    if goal.backfill is not None:
        return "backfilled"
    return "measured" if is_captured(state, goal) else None


def _planned(state: LedgerState, looked: _Looked) -> tuple[GoalBackfill, ...]:
    """The verdict on each goal that was looked at, by the state as it is now."""
    open_to = [row.goal for row in looked.rows if row.window is not None]
    verdicts = {goal.id: Verdict(goal.id, "changed") for goal in open_to}
    current = [goal for goal in open_to if state.goals[goal.id] == goal]
    while current:
        book = Book(state.lines)
        for goal in current:
            book.take_back(goal)
        verdicts |= {goal.id: book.give(goal, looked.candidates[goal.id]) for goal in current}
        # What a goal has already stays its own where nothing better was found.
        rest = [goal for goal in current if goal.backfill is None or verdicts[goal.id].reason is None]
        current = [] if len(rest) == len(current) else rest
    return tuple(replace(row, verdict=verdicts.get(row.goal.id, row.verdict)) for row in looked.rows)


def _events(rows: Sequence[GoalBackfill]) -> tuple[NewEvent, ...]:
    """One event for each goal that gets something; first those that take back what earlier ones gave to these goals."""
    given = [(row, row.window) for row in rows if row.verdict.reason is None and row.window is not None]
    back = [_event(row, window, ()) for row, window in given if row.goal.backfill is not None]
    return (*back, *(_event(row, window, row.verdict.sessions) for row, window in given))


def _event(row: GoalBackfill, window: Window, sessions: tuple[BackfilledSession, ...]) -> NewEvent:
    return NewEvent(row.goal.id, UsageBackfilled(utc(window.since), utc(window.until), sessions, reader_versions()))


def _of_another(row: GoalBackfill, around: Around) -> GoalBackfill:
    """A goal that was worked on elsewhere has its sessions there."""
    if row.verdict.reason != "nothing" or row.goal.writer in around.writers:
        return row
    return replace(row, verdict=replace(row.verdict, reason="elsewhere"))
