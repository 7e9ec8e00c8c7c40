"""Decisions that change a goal beside its life: new values, a merge, a budget. What was said before stays."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from tallybook.domain.batches import batch, by_hand, changed, snapshot
from tallybook.domain.commands import Circumstances, Decision, MergeTasks, SetBudget, UpdateTask
from tallybook.domain.events import BudgetSet, GoalsMerged
from tallybook.domain.goal import outcome_faults
from tallybook.domain.problems import Refusal
from tallybook.domain.relations import reaches
from tallybook.domain.resolve import described, known, resolve
from tallybook.domain.state import kept_goal
from tallybook.domain.usage import SnapshotReason
from tallybook.domain.workflow import Command

if TYPE_CHECKING:
    from tallybook.domain.goal import Goal
    from tallybook.domain.state import LedgerState


def decide_update(state: LedgerState, circumstances: Circumstances, request: UpdateTask) -> Decision | Refusal:
    """Give fields new values; of a closed goal that is a correction, which keeps the old ones in the ledger."""
    body, numbers = changed(request.changes), by_hand(request.manual)
    if body is None and numbers is None:
        return Refusal("nothing-to-update", "no new value was given", "tally update --help lists them", usage=True)
    goal = resolve(state, circumstances, Command.UPDATE, request.goal)
    if isinstance(goal, Refusal):
        return goal
    fault = _merged_fault(state, goal) or _fit_fault(goal, request.changes.result_fit)
    fault = fault or input_fault(state, goal, request.changes.inputs)
    if fault is not None:
        return fault
    notices = () if goal.is_open else ("the values before this stay in the ledger",)
    return Decision(goal.id, batch(goal.id, (numbers, body)), notices)


def decide_merge(state: LedgerState, circumstances: Circumstances, request: MergeTasks) -> Decision | Refusal:
    """Count one goal with another; of two open ones the sessions of both go on with the one that is kept."""
    keep, drop = known(state, request.keep), known(state, request.drop)
    if isinstance(keep, Refusal):
        return keep
    if isinstance(drop, Refusal):
        return drop
    fault = _merge_fault(state, keep, drop)
    if fault is not None:
        return fault
    usage = snapshot(circumstances, SnapshotReason.MERGE) if drop.is_open else None
    return Decision(keep.id, batch(keep.id, (usage, GoalsMerged(drop.id))))


def decide_budget(state: LedgerState, circumstances: Circumstances, request: SetBudget) -> Decision | Refusal:
    """Set a budget, or take it away; a number that is not given stays as it is."""
    nothing = request.tokens is None and request.nano_usd is None
    if nothing != request.clear:
        message = "give an amount, or --clear, and not both"
        return Refusal("bad-budget", message, "tally budget set --help shows how", usage=True)
    goal = resolve(state, circumstances, Command.MARK, request.goal)
    if isinstance(goal, Refusal):
        return goal
    before = next((one for one in reversed(state.budgets.get(goal.id, ())) if one.stage == request.stage), None)
    body = BudgetSet(None, None, request.stage)
    if not request.clear and before is not None:
        body = replace(body, tokens=before.tokens, nano_usd=before.nano_usd)
    if request.tokens is not None:
        body = replace(body, tokens=request.tokens)
    if request.nano_usd is not None:
        body = replace(body, nano_usd=request.nano_usd)
    return Decision(goal.id, batch(goal.id, (body,)))


def input_fault(state: LedgerState, goal: Goal, inputs: tuple[str, ...]) -> Refusal | None:
    """Why these goals can't be taken as inputs of ``goal``."""
    missing = [name for name in inputs if name not in state.goals]
    if missing:
        return Refusal("input-unknown", f"there is no goal {', '.join(missing)} to take as input", "see tally show")
    if reaches(state.goals, inputs, goal.id):
        message = f"the goal {goal.id} would be an input of itself"
        return Refusal("input-cycle", message, "tally show GOAL tells the inputs of a goal")
    return None


def _fit_fault(goal: Goal, fit: str | None) -> Refusal | None:
    if fit is None:
        return None
    if goal.outcome is None:
        return Refusal("fit-while-open", f"the goal {goal.id} is open; its result has no fit yet", "tally finish-task")
    fault = next(outcome_faults(goal, replace(goal.outcome, result_fit=fit)), None)
    return None if fault is None else Refusal("outcome-invalid", fault, "tally finish-task GOAL --amend corrects more")


def _merged_fault(state: LedgerState, goal: Goal) -> Refusal | None:
    if goal.merged_into is None:
        return None
    kept = kept_goal(state.goals, goal.id)
    return Refusal("goal-merged", f"the goal {goal.id} is {described(goal)}", f"name {kept} instead")


def _merge_fault(state: LedgerState, keep: Goal, drop: Goal) -> Refusal | None:
    if keep.id == drop.id:
        return Refusal("merge-with-itself", f"{keep.id} can't be merged with itself", "name two goals", usage=True)
    fault = _merged_fault(state, keep) or _merged_fault(state, drop)
    if fault is not None:
        return fault
    if keep.kind != drop.kind:
        message = f"{keep.id} is of kind {keep.kind}, {drop.id} of kind {drop.kind}; goals of one kind can be merged"
        return Refusal("merge-other-kind", message, "tally show lists the goals with their kinds")
    if drop.is_open and not keep.is_open:
        message = f"the goal {drop.id} is still open, and {keep.id} is closed"
        return Refusal("merge-open-into-closed", message, "tally finish-task closes it; or keep the open one")
    return None
