"""How each event about a goal changes the state; a fault in the data becomes a Problem, nothing raises."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from tallybook.domain.events import WATCHED, GoalUpdated
from tallybook.domain.goal import Attempt, Budget, Claims, Goal, Link, ManualUsage, Outcome, Stage, with_attempt
from tallybook.domain.replay_usage import claim
from tallybook.domain.state import LedgerState, kept_goal, report

if TYPE_CHECKING:
    from tallybook.domain.events import (
        BudgetSet,
        Event,
        GoalContinued,
        GoalCorrected,
        GoalFinished,
        GoalLinked,
        GoalsMerged,
        GoalStarted,
        ImportSource,
        StageMarked,
        UsageManual,
    )


def _goal(state: LedgerState, event: Event) -> Goal | None:
    goal = state.goals.get(event.goal)
    if goal is None:
        report(state, event, "goal-unknown", f"{event.type} names the goal {event.goal}, whose start is not here")
    return goal


def _open_goal(state: LedgerState, event: Event) -> Goal | None:
    goal = _goal(state, event)
    if goal is not None and not goal.is_open:
        report(state, event, "goal-closed", f"{event.type} came after the goal {goal.id} was closed")
        return None
    return goal


def started(state: LedgerState, event: Event, body: GoalStarted) -> None:
    """Open the goal with its first attempt; of two starts the first holds.

    Two clones may have imported one record before they met: the second start from it is an update.
    """
    known = state.goals.get(event.goal)
    if known is not None and known.source is not None and body.source is not None and is_record(known, body.source):
        updated(state, event, _as_update(body, known.source.facts))
        return
    if known is not None:
        report(state, event, "goal-started-twice", f"the goal {event.goal} was started twice; the first start holds")
        return
    state.put(
        Goal(
            id=event.goal,
            title=body.title,
            kind=body.kind,
            started_at=body.started_at,
            attempts=(Attempt(1, body.started_at),),
            writer=event.writer,
            activated=event.order,
            worktree=body.worktree,
            agent=body.agent if body.agent is not None or body.session is None else body.session.agent,
            model=body.model,
            session=body.session,
            untracked=body.untracked,
            notes=body.notes,
            refs=body.refs,
            inputs=body.inputs,
            input_sources=body.input_sources,
            source_id=body.source_id,
            pass_number=body.pass_number,
            branch=body.branch,
            supersedes=body.supersedes,
            source=body.source,
        )
    )
    claim(state, event.goal)
    if body.supersedes is not None:
        _supersede(state, event, body.supersedes)


def is_record(goal: Goal, told: ImportSource) -> bool:
    """Whether a goal is from the record that ``told`` is of."""
    known = goal.source
    return known is not None and (known.system, known.id) == (told.system, told.id)


def _as_update(body: GoalStarted, known: tuple[str, ...]) -> GoalUpdated:
    """What a further start from the same record says beyond the facts that are known; what became of these stays."""
    said = () if body.source is None else body.source.facts
    fresh = {fact.partition(":")[0] for fact in said if fact not in known}
    return GoalUpdated(
        title=body.title if "title" in fresh else None,
        notes=body.notes if "notes" in fresh else None,
        model=body.model if "model" in fresh else None,
        refs=body.refs,
        inputs=body.inputs,
        input_sources=body.input_sources,
        source=body.source,
    )


def _supersede(state: LedgerState, event: Event, target: str) -> None:
    old = state.goals.get(target)
    if target == event.goal:
        report(state, event, "supersedes-itself", f"{target} supersedes itself; left out")
    elif old is None:
        report(state, event, "supersedes-unknown", f"{event.goal} supersedes {target}, which is not here")
    elif old.superseded_by is not None:
        report(state, event, "superseded-twice", f"{target} is superseded by {old.superseded_by} already")
    else:
        state.put(replace(old, superseded_by=event.goal))


def continued(state: LedgerState, event: Event, body: GoalContinued) -> None:
    """Close the attempt that runs as failed and open the next; a number that was reached is the same continuation."""
    known = state.goals.get(event.goal)
    if known is not None and body.number is not None and body.number <= len(known.attempts):
        return
    goal = _open_goal(state, event)
    if goal is None:
        return
    failed = Outcome("fail", body.continued_at, body.failure_reason)
    done = replace(goal.attempt, outcome=failed)
    following = Attempt(done.number + 1, body.continued_at)
    state.put(
        replace(
            goal,
            attempts=(*goal.attempts[:-1], done, following),
            activated=event.order,
            notes=goal.notes if body.notes is None else body.notes,
        )
    )


def finished(state: LedgerState, event: Event, body: GoalFinished) -> None:
    """Close the goal; of two outcomes the later holds, and one that was told twice was told once."""
    goal = _goal(state, event)
    if goal is None:
        return
    outcome = Outcome(body.status, body.finished_at, body.failure_reason, body.result_fit)
    if goal.outcome not in {None, outcome}:
        report(state, event, "goal-finished-twice", f"{goal.id} was finished twice; the later outcome holds")
    done = _with_outcome(goal, outcome, body.notes)
    session, agent = goal.session, goal.agent
    if session is None and body.session is not None and body.session.detected_by in WATCHED:
        session, agent = body.session, agent or body.session.agent
    state.put(replace(done, session=session, agent=agent, finish_head=body.head, finish_dirty=body.dirty))


def _with_outcome(goal: Goal, outcome: Outcome, notes: str | None) -> Goal:
    last = replace(goal.attempt, outcome=outcome)
    return replace(
        goal,
        outcome=outcome,
        attempts=(*goal.attempts[:-1], last),
        notes=goal.notes if notes is None else notes,
    )


def corrected(state: LedgerState, event: Event, body: GoalCorrected) -> None:
    """Replace the outcome of a closed goal."""
    goal = _goal(state, event)
    if goal is None:
        return
    if goal.outcome is None:
        report(state, event, "corrected-while-open", f"{goal.id} was corrected while it was open")
        return
    outcome = Outcome(body.status, body.finished_at, body.failure_reason, body.result_fit)
    state.put(replace(_with_outcome(goal, outcome, body.notes), corrections=goal.corrections + 1))


def updated(state: LedgerState, event: Event, body: GoalUpdated) -> None:
    """Replace the fields that the event names."""
    goal = _goal(state, event)
    if goal is None:
        return
    if goal.outcome is not None and body.result_fit is not None:
        goal = _with_outcome(goal, replace(goal.outcome, result_fit=body.result_fit), None)
    state.put(
        replace(
            goal,
            title=goal.title if body.title is None else body.title,
            notes=goal.notes if body.notes is None else body.notes,
            model=goal.model if body.model is None else body.model,
            refs=_joined(goal.refs, body.refs),
            inputs=_joined(goal.inputs, body.inputs),
            input_sources=_joined(goal.input_sources, body.input_sources),
            claims=_claims(goal, body),
            source=goal.source if body.source is None else _sourced(goal, body.source),
        )
    )


def _sourced(goal: Goal, told: ImportSource) -> ImportSource:
    """What is known of the goal's record after it was told anew: of each fact the value that was taken last."""
    if goal.source is None or not is_record(goal, told):
        return told
    facts = {fact.partition(":")[0]: fact for fact in (*goal.source.facts, *told.facts)}
    return replace(told, facts=tuple(sorted(facts.values())))


def _joined(before: tuple[str, ...], more: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*before, *more)))


def _claims(goal: Goal, body: GoalUpdated) -> Claims | None:
    if body.claims_extracted is None and body.claims_updated is None:
        return goal.claims
    before = goal.claims or Claims()
    return Claims(
        before.extracted if body.claims_extracted is None else body.claims_extracted,
        before.updated if body.claims_updated is None else body.claims_updated,
    )


def told(state: LedgerState, event: Event, body: UsageManual) -> None:
    """Remember what somebody says that the goal used."""
    goal = _goal(state, event)
    if goal is not None:
        state.put(replace(goal, manual=ManualUsage(body.tokens, body.unreported, body.model)))


def merged(state: LedgerState, event: Event, body: GoalsMerged) -> None:
    """Count the dropped goal with the one that is kept, which is active from now on where both were open."""
    keep, drop = _goal(state, event), state.goals.get(body.dropped)
    if keep is None:
        return
    if drop is None:
        report(state, event, "merge-unknown", f"the goal {body.dropped} to merge is not here")
    elif drop.merged_into == keep.id:
        return
    elif drop.merged_into is not None:
        report(state, event, "merged-twice", f"{drop.id} was merged into {drop.merged_into} already")
    elif kept_goal(state.goals, keep.id) == drop.id:
        report(state, event, "merge-cycle", f"merging {drop.id} into {keep.id} would close a circle; left out")
    else:
        if keep.is_open and drop.is_open:
            state.put(replace(keep, activated=max(keep.activated, drop.activated)))
        state.put(replace(drop, merged_into=keep.id))


def _used_keys(goal: Goal) -> set[str | None]:
    """Of stages of the last attempt; of a record of another system, which may have been taken in parts, of all."""
    attempts = goal.attempts[-1:] if goal.source is None else goal.attempts
    return {stage.key for attempt in attempts for stage in attempt.stages}


def marked(state: LedgerState, event: Event, body: StageMarked) -> None:
    """Close a stage; a key that was used is the same mark."""
    known = state.goals.get(event.goal)
    if known is not None and body.key is not None and body.key in _used_keys(known):
        return
    goal = _open_goal(state, event)
    if goal is None:
        return
    stage = Stage(body.stage, body.marked_at, body.notes, body.key)
    last = goal.attempt
    marked_now = Attempt(last.number, last.started_at, last.outcome, (*last.stages, stage))
    state.put(with_attempt(goal, marked_now))


def linked(state: LedgerState, event: Event, body: GoalLinked) -> None:
    """Tie a commit, branch or pull request to the goal."""
    goal = _goal(state, event)
    if goal is not None:
        link = Link(body.kind, body.target, body.evidence)
        state.put(replace(goal, links=tuple(dict.fromkeys((*goal.links, link)))))


def budgeted(state: LedgerState, event: Event, body: BudgetSet) -> None:
    """Remember a budget; in a batch it stands before the start of its goal."""
    budget = Budget(body.tokens, body.nano_usd, body.stage)
    state.budgets[event.goal] = (*state.budgets.get(event.goal, ()), budget)
