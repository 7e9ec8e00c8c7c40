"""Decisions: a state and a command become events, or a refusal that names the command which helps.

Pure: time, ids and usage come in as arguments, and no event is decided on that would break an invariant.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from msgspec.structs import replace

from tallybook.domain.batches import batch, by_hand, changed, snapshot
from tallybook.domain.commands import (
    AddCheck,
    Circumstances,
    ContinueTask,
    Decision,
    EnsureTask,
    FinishTask,
    MarkStage,
    MergeTasks,
    Request,
    SetBudget,
    StartTask,
    UpdateTask,
)
from tallybook.domain.decide_changes import decide_budget, decide_merge, decide_update
from tallybook.domain.decide_finish import decide_finish, finished, fresh_outcome
from tallybook.domain.events import BudgetSet, GoalContinued, GoalStarted, StageMarked
from tallybook.domain.goal import Attempt, Goal, Status, moment, outcome_faults, time_faults
from tallybook.domain.problems import Refusal
from tallybook.domain.requests import request_fault
from tallybook.domain.resolve import described, goals_here, of_kind, resolve, workflow_state
from tallybook.domain.usage import SnapshotReason
from tallybook.domain.workflow import Command, Verdict, verdict

if TYPE_CHECKING:
    from collections.abc import Callable

    from tallybook.domain.state import LedgerState


def decide(state: LedgerState, circumstances: Circumstances, request: Request) -> Decision | Refusal:
    """What to write for ``request``, or why not."""
    fault = request_fault(request)
    if fault is not None:
        return fault
    return _DECIDERS[type(request)](state, circumstances, request)


def _start(state: LedgerState, circumstances: Circumstances, request: StartTask) -> Decision | Refusal:
    fault = _future_fault(request, circumstances.now) or _link_fault(state, request)
    if fault is not None:
        return fault
    cell = verdict(workflow_state(state, circumstances), Command.START, goal_is_open=False)
    budget = None
    if request.budget_tokens is not None or request.budget_nano_usd is not None:
        budget = BudgetSet(request.budget_tokens, request.budget_nano_usd)
    started = GoalStarted(
        title=request.title,
        kind=request.kind,
        started_at=request.started_at or circumstances.now,
        worktree=circumstances.worktree,
        session=circumstances.session,
        untracked=request.untracked,
        agent=request.agent,
        model=request.model,
        notes=request.notes,
        refs=request.refs,
        supersedes=request.supersedes,
        inputs=request.inputs,
        input_sources=request.input_sources,
        source_id=request.source_id,
        pass_number=_next_pass(state, request),
        branch=circumstances.branch,
        head=circumstances.head,
    )
    events = batch(request.goal, (snapshot(circumstances, SnapshotReason.START), budget, started))
    return Decision(request.goal, events, (cell.say,) if cell.verdict is Verdict.NOTICE else ())


def _ensure(state: LedgerState, circumstances: Circumstances, request: EnsureTask) -> Decision | Refusal:
    cell = verdict(workflow_state(state, circumstances), Command.ENSURE, goal_is_open=False)
    if cell.verdict is Verdict.NOTICE:
        here = goals_here(state, circumstances)
        return Decision(here[-1].id if here else None, (), (cell.say,))
    place = "a detached HEAD" if circumstances.branch is None else circumstances.branch
    draft = StartTask(request.goal, f"Recovered work on {place}", "product")
    if request_fault(draft) is not None:
        draft = replace(draft, title="Recovered work")
    return _start(state, circumstances, replace(draft, notes=request.notes))


def _future_fault(request: StartTask, now: str) -> Refusal | None:
    at, present = moment(request.started_at or now), moment(now)
    if at is None or present is None or at <= present:
        return None
    message = f"the start time {request.started_at} lies in the future"
    return Refusal("start-in-future", message, "check the time and its zone", usage=True)


def _add(state: LedgerState, circumstances: Circumstances, request: AddCheck) -> Decision | Refusal:
    started = _start(state, circumstances, request.start)
    if isinstance(started, Refusal):
        return started
    begun = request.start.started_at or circumstances.now
    goal = Goal(
        request.start.goal, request.start.title, request.start.kind, begun, (Attempt(1, begun),), "", ("", "", 0)
    )
    outcome = fresh_outcome(request.finish, circumstances)
    fault = next(outcome_faults(goal, outcome), None)
    if fault is not None:
        return Refusal("outcome-invalid", fault, "tally check add --help lists what goes together")
    told = (by_hand(request.finish.manual), changed(request.finish.changes))
    ended = finished(request.finish, outcome, circumstances)
    return replace(started, events=(*started.events, *batch(goal.id, (*told, ended))), notices=())


def _passes(state: LedgerState, source: str) -> dict[int, Goal]:
    """The passes over a source, by number; of two with one number the later."""
    there = (state.goals[goal] for goal in state.index.passes.get(source, ()))
    return {goal.pass_number: goal for goal in there if goal.pass_number is not None}


def _next_pass(state: LedgerState, request: StartTask) -> int | None:
    if request.source_id is None or request.pass_number is not None:
        return request.pass_number
    return 1 + max(_passes(state, request.source_id), default=0)


def _pass_fault(state: LedgerState, request: StartTask) -> Refusal | None:
    if request.pass_number is None:
        return None
    if request.source_id is None:
        return Refusal("pass-without-source", "a pass is one of a source", "give --source-id", usage=True)
    there = _passes(state, request.source_id).get(request.pass_number)
    if there is None or there.status is Status.FAIL:
        return None
    message = f"pass {request.pass_number} over {request.source_id} is there already: {there.id} ({described(there)})"
    return Refusal("pass-exists", message, "leave --pass out for the next one")


def _link_fault(state: LedgerState, request: StartTask) -> Refusal | None:
    if request.goal in state.goals:
        return Refusal("goal-exists", f"the goal id {request.goal} is in use", "run the command again")
    missing = [goal for goal in request.inputs if goal not in state.goals]
    if missing:
        return Refusal("input-unknown", f"there is no goal {', '.join(missing)} to take as input", "see tally show")
    return _pass_fault(state, request) or (None if request.supersedes is None else _supersede_fault(state, request))


def _supersede_fault(state: LedgerState, request: StartTask) -> Refusal | None:
    target = state.goals.get(request.supersedes or "")
    if target is None:
        return Refusal("goal-unknown", f"there is no goal {request.supersedes} to supersede", "see tally show")
    if target.is_open:
        return Refusal(
            "supersedes-open",
            f"the goal {target.id} is still open",
            "tally continue-task opens its next attempt; tally finish-task closes it",
        )
    if target.superseded_by is not None or target.merged_into is not None:
        after = target.superseded_by or target.merged_into
        return Refusal("superseded-already", f"the goal {target.id} is {described(target)}", f"supersede {after}")
    if target.kind != request.kind:
        return Refusal(
            "supersedes-other-kind",
            f"the goal {target.id} is of kind {target.kind}, not {request.kind}",
            f"use --kind {target.kind}",
        )
    return None


def _continue(state: LedgerState, circumstances: Circumstances, request: ContinueTask) -> Decision | Refusal:
    goal = resolve(state, circumstances, Command.CONTINUE, request.goal)
    if isinstance(goal, Refusal):
        return goal
    fault = next(time_faults(goal, circumstances.now), None)
    if fault is not None:
        return Refusal("clock-behind", fault, f"look at the clock; tally show {goal.id} tells when it was started")
    body = GoalContinued(circumstances.now, request.failure_reason, request.notes, circumstances.session)
    return Decision(goal.id, batch(goal.id, (snapshot(circumstances, SnapshotReason.CONTINUE), body)))


def _mark(state: LedgerState, circumstances: Circumstances, request: MarkStage) -> Decision | Refusal:
    goal = of_kind(resolve(state, circumstances, Command.MARK, request.goal), request.kind)
    if isinstance(goal, Refusal):
        return goal
    if request.key is not None and any(stage.key == request.key for stage in goal.attempt.stages):
        return Decision(goal.id, (), (f"the mark with the key {request.key} is there already; nothing was written",))
    body = StageMarked(request.stage, circumstances.now, request.notes, request.key)
    return Decision(goal.id, batch(goal.id, (snapshot(circumstances, SnapshotReason.MARK), body)))


_DECIDERS: Final[dict[type, Callable[[LedgerState, Circumstances, Any], Decision | Refusal]]] = {
    StartTask: _start,
    ContinueTask: _continue,
    MarkStage: _mark,
    EnsureTask: _ensure,
    FinishTask: decide_finish,
    UpdateTask: decide_update,
    MergeTasks: decide_merge,
    SetBudget: decide_budget,
    AddCheck: _add,
}
