"""Decisions: a state and a command become events, or a refusal that names the command which helps.

Pure: time, ids and usage come in as arguments, and no event is decided on that would break an invariant.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from tallybook.domain.commands import (
    Circumstances,
    ContinueTask,
    Decision,
    EnsureTask,
    FinishTask,
    MarkStage,
    Request,
    StartTask,
)
from tallybook.domain.events import (
    Body,
    BudgetSet,
    GoalContinued,
    GoalCorrected,
    GoalFinished,
    GoalStarted,
    NewEvent,
    StageMarked,
    UsageSnapshot,
)
from tallybook.domain.goal import Goal, Outcome, Status, moment, outcome_faults, time_faults
from tallybook.domain.problems import Refusal
from tallybook.domain.requests import request_fault
from tallybook.domain.state import LedgerState, open_goals
from tallybook.domain.usage import SessionKey, SnapshotReason
from tallybook.domain.workflow import Command, Verdict, WorkflowState, verdict, worktree_state

if TYPE_CHECKING:
    from collections.abc import Iterable


def decide(state: LedgerState, circumstances: Circumstances, request: Request) -> Decision | Refusal:
    """What to write for ``request``, or why not."""
    fault = request_fault(request)
    if fault is not None:
        return fault
    match request:
        case StartTask():
            decided = _start(state, circumstances, request)
        case ContinueTask():
            decided = _continue(state, circumstances, request)
        case MarkStage():
            decided = _mark(state, circumstances, request)
        case EnsureTask():
            decided = _ensure(state, circumstances, request)
        case _:
            decided = _finish(state, circumstances, request)
    return decided


def goals_here(state: LedgerState, circumstances: Circumstances) -> list[Goal]:
    """The goals open in this worktree, the one activated last at the end."""
    return [
        goal
        for goal in open_goals(state)
        if goal.writer in circumstances.writers and goal.worktree == circumstances.worktree
    ]


def goals_in_session(state: LedgerState, circumstances: Circumstances) -> list[Goal]:
    """The open goals that the session of this command has joined, the one activated last at the end."""
    if circumstances.session is None:
        return []
    key = SessionKey(circumstances.session.agent, circumstances.session.id)
    return [goal for goal in open_goals(state) if key in state.joined.get(goal.id, ())]


def workflow_state(state: LedgerState, circumstances: Circumstances) -> WorkflowState:
    """The state of this worktree."""
    return worktree_state(len(goals_here(state, circumstances)), circumstances.work)


def resolve(state: LedgerState, circumstances: Circumstances, command: Command, named: str | None) -> Goal | Refusal:
    """The goal that ``command`` is for: the one named, else the only one open in the session or worktree."""
    goal = state.goals.get(named) if named is not None else _only_open(state, circumstances)
    if isinstance(goal, Refusal):
        return goal
    if named is not None and goal is None:
        return Refusal("goal-unknown", f"there is no goal {named} in this ledger", "tally show lists the goals")
    place = workflow_state(state, circumstances)
    if goal is not None and not goal.is_open:
        place = WorkflowState.CLOSED_REPAIR
    cell = verdict(place, command, goal_is_open=goal is not None and goal.is_open)
    if goal is not None and cell.verdict is not Verdict.REFUSE:
        return goal
    name = "" if goal is None else f"{goal.id} ({_described(goal)}): "
    return Refusal(f"{place}-{command}", name + cell.say, cell.hint)


def _only_open(state: LedgerState, circumstances: Circumstances) -> Goal | Refusal | None:
    here, joined = goals_here(state, circumstances), goals_in_session(state, circumstances)
    if len(joined) == 1 and (not here or joined[0] in here):
        return joined[0]
    candidates = {goal.id: goal for goal in (*here, *joined)}
    if len(candidates) > 1:
        listed = "; ".join(f"{goal.id} {goal.title}" for goal in candidates.values())
        return Refusal("several-goals", f"several goals are open: {listed}", "name one; tally show lists them")
    return next(iter(candidates.values()), None)


def _described(goal: Goal) -> str:
    if goal.status is Status.MERGED:
        return f"merged into {goal.merged_into}"
    if goal.status is Status.SUPERSEDED:
        return f"superseded by {goal.superseded_by}"
    return goal.status


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
    events = _batch(request.goal, (_snapshot(circumstances, SnapshotReason.START), budget, started))
    return Decision(request.goal, events, (cell.say,) if cell.verdict is Verdict.NOTICE else ())


def _ensure(state: LedgerState, circumstances: Circumstances, request: EnsureTask) -> Decision | Refusal:
    cell = verdict(workflow_state(state, circumstances), Command.ENSURE, goal_is_open=False)
    if cell.verdict is Verdict.NOTICE:
        here = goals_here(state, circumstances)
        return Decision(here[-1].id if here else None, (), (cell.say,))
    place = "a detached HEAD" if circumstances.branch is None else circumstances.branch
    draft = StartTask(request.goal, f"Recovered work on {place}", "product")
    if request_fault(draft) is not None:
        draft = attrs.evolve(draft, title="Recovered work")
    return _start(state, circumstances, attrs.evolve(draft, notes=request.notes))


def _future_fault(request: StartTask, now: str) -> Refusal | None:
    at, present = moment(request.started_at or now), moment(now)
    if at is None or present is None or at <= present:
        return None
    message = f"the start time {request.started_at} lies in the future"
    return Refusal("start-in-future", message, "check the time and its zone", usage=True)


def _next_pass(state: LedgerState, request: StartTask) -> int | None:
    if request.source_id is None:
        return None
    return 1 + sum(goal.source_id == request.source_id for goal in state.goals.values())


def _link_fault(state: LedgerState, request: StartTask) -> Refusal | None:
    if request.goal in state.goals:
        return Refusal("goal-exists", f"the goal id {request.goal} is in use", "run the command again")
    missing = [goal for goal in request.inputs if goal not in state.goals]
    if missing:
        return Refusal("input-unknown", f"there is no goal {', '.join(missing)} to take as input", "see tally show")
    return None if request.supersedes is None else _supersede_fault(state, request)


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
        return Refusal("superseded-already", f"the goal {target.id} is {_described(target)}", f"supersede {after}")
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
    return Decision(goal.id, _batch(goal.id, (_snapshot(circumstances, SnapshotReason.CONTINUE), body)))


def _mark(state: LedgerState, circumstances: Circumstances, request: MarkStage) -> Decision | Refusal:
    goal = resolve(state, circumstances, Command.MARK, request.goal)
    if isinstance(goal, Refusal):
        return goal
    if request.key is not None and any(stage.key == request.key for stage in goal.attempt.stages):
        return Decision(goal.id, (), (f"the mark with the key {request.key} is there already; nothing was written",))
    body = StageMarked(request.stage, circumstances.now, request.notes, request.key)
    return Decision(goal.id, _batch(goal.id, (_snapshot(circumstances, SnapshotReason.MARK), body)))


def _finish(state: LedgerState, circumstances: Circumstances, request: FinishTask) -> Decision | Refusal:
    if request.amend:
        return _amend(state, request)
    goal = resolve(state, circumstances, Command.FINISH, request.goal)
    if isinstance(goal, Refusal):
        return goal
    outcome = _outcome(request, circumstances)
    fault = next(outcome_faults(goal, outcome), None)
    if fault is not None:
        return Refusal("outcome-invalid", fault, "tally finish-task --help lists what goes together")
    body = GoalFinished(
        status=outcome.status,
        finished_at=outcome.finished_at,
        failure_reason=outcome.failure_reason,
        result_fit=outcome.result_fit,
        notes=request.notes,
        session=circumstances.session,
        head=circumstances.head,
        dirty=circumstances.dirty,
    )
    return Decision(goal.id, _batch(goal.id, (_snapshot(circumstances, SnapshotReason.FINISH), body)))


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
    return Decision(goal.id, _batch(goal.id, (body,)), ("the outcome before this stays in the ledger",))


def _outcome(request: FinishTask, circumstances: Circumstances) -> Outcome:
    return Outcome(request.status, request.finished_at or circumstances.now, request.failure_reason, request.result_fit)


def _snapshot(circumstances: Circumstances, reason: SnapshotReason) -> UsageSnapshot | None:
    if not circumstances.usage:
        return None
    return UsageSnapshot(reason, circumstances.usage, circumstances.reader)


def _batch(goal: str, bodies: Iterable[Body | None]) -> tuple[NewEvent, ...]:
    return tuple(NewEvent(goal, body) for body in bodies if body is not None)
