"""Decisions that end a goal, or correct how it ended."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tallybook.domain.batches import batch, by_hand, changed, snapshot
from tallybook.domain.commands import Circumstances, Decision, FinishTask
from tallybook.domain.decide_changes import input_fault
from tallybook.domain.events import GoalCorrected, GoalFinished
from tallybook.domain.goal import Outcome, outcome_faults
from tallybook.domain.problems import Refusal
from tallybook.domain.resolve import of_kind, resolve
from tallybook.domain.usage import SnapshotReason
from tallybook.domain.workflow import Command

if TYPE_CHECKING:
    from tallybook.domain.state import LedgerState


def decide_finish(state: LedgerState, circumstances: Circumstances, request: FinishTask) -> Decision | Refusal:
    """Close a goal, or correct the outcome of one that is closed."""
    if request.amend:
        return _amend(state, request)
    goal = of_kind(resolve(state, circumstances, Command.FINISH, request.goal), request.kind)
    if isinstance(goal, Refusal):
        return goal
    outcome = fresh_outcome(request, circumstances)
    fault = next(outcome_faults(goal, outcome), None)
    if fault is not None:
        return Refusal("outcome-invalid", fault, "tally finish-task --help lists what goes together")
    wrong = input_fault(state, goal, request.changes.inputs)
    if wrong is not None:
        return wrong
    told = (by_hand(request.manual), changed(request.changes))
    ended = finished(request, outcome, circumstances)
    return Decision(goal.id, batch(goal.id, (snapshot(circumstances, SnapshotReason.FINISH), *told, ended)))


def finished(request: FinishTask, outcome: Outcome, circumstances: Circumstances) -> GoalFinished:
    """The event that closes a goal."""
    return GoalFinished(
        status=outcome.status,
        finished_at=outcome.finished_at,
        failure_reason=outcome.failure_reason,
        result_fit=outcome.result_fit,
        notes=request.notes,
        session=circumstances.session,
        head=circumstances.head,
        dirty=circumstances.dirty,
    )


def _amend(state: LedgerState, request: FinishTask) -> Decision | Refusal:
    goal = state.goals.get(request.goal or "")
    if goal is None or goal.outcome is None:
        named = "no goal is named" if request.goal is None else f"{request.goal} is no closed goal"
        return Refusal("nothing-to-amend", f"{named}; --amend corrects a closed goal", "tally show lists the goals")
    finished_at = request.finished_at or goal.outcome.finished_at
    outcome = Outcome(request.status, finished_at, request.failure_reason, request.result_fit)
    fault = next(outcome_faults(goal, outcome), None)
    if fault is not None:
        return Refusal("outcome-invalid", fault, "tally finish-task --help lists what goes together")
    body = GoalCorrected(outcome.status, finished_at, outcome.failure_reason, outcome.result_fit, request.notes)
    told = (by_hand(request.manual), body)
    return Decision(goal.id, batch(goal.id, told), ("the outcome before this stays in the ledger",))


def fresh_outcome(request: FinishTask, circumstances: Circumstances) -> Outcome:
    """The outcome that the request asks for; it ends now unless a time is given."""
    return Outcome(request.status, request.finished_at or circumstances.now, request.failure_reason, request.result_fit)
