"""Which goal a command is for, and in which state the worktree is that it runs in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tallybook.domain.goal import Goal, Status
from tallybook.domain.problems import Refusal
from tallybook.domain.state import LedgerState, open_goals, open_in
from tallybook.domain.usage import SessionKey
from tallybook.domain.workflow import Command, Verdict, WorkflowState, verdict, worktree_state

if TYPE_CHECKING:
    from tallybook.domain.commands import Circumstances


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
    return open_in(state, key)


def workflow_state(state: LedgerState, circumstances: Circumstances) -> WorkflowState:
    """The state of this worktree."""
    return worktree_state(len(goals_here(state, circumstances)), circumstances.work)


def resolve(state: LedgerState, circumstances: Circumstances, command: Command, named: str | None) -> Goal | Refusal:
    """The goal that ``command`` is for: the one named, else the only one open in the session or worktree."""
    goal = known(state, named) if named is not None else _only_open(state, circumstances)
    if isinstance(goal, Refusal):
        return goal
    place = workflow_state(state, circumstances)
    if goal is not None and not goal.is_open:
        place = WorkflowState.CLOSED_REPAIR
    cell = verdict(place, command, goal_is_open=goal is not None and goal.is_open)
    if goal is not None and cell.verdict is not Verdict.REFUSE:
        return goal
    name = "" if goal is None else f"{goal.id} ({described(goal)}): "
    return Refusal(f"{place}-{command}", name + cell.say, cell.hint)


def known(state: LedgerState, named: str) -> Goal | Refusal:
    """The goal of this id."""
    goal = state.goals.get(named)
    if goal is None:
        return Refusal("goal-unknown", f"there is no goal {named} in this ledger", "tally show lists the goals")
    return goal


def of_kind(goal: Goal | Refusal, kind: str | None) -> Goal | Refusal:
    """The goal, if it is of the kind that the command is for."""
    if isinstance(goal, Refusal) or kind is None or goal.kind == kind:
        return goal
    hint = "tally check list lists the checks" if kind == "check" else "tally show lists the goals"
    return Refusal("other-kind", f"the goal {goal.id} is of kind {goal.kind}, not {kind}", hint)


def _only_open(state: LedgerState, circumstances: Circumstances) -> Goal | Refusal | None:
    here, joined = goals_here(state, circumstances), goals_in_session(state, circumstances)
    if len(joined) == 1 and (not here or joined[0] in here):
        return joined[0]
    candidates = {goal.id: goal for goal in (*here, *joined)}
    if len(candidates) > 1:
        listed = "; ".join(f"{goal.id} {goal.title}" for goal in candidates.values())
        return Refusal("several-goals", f"several goals are open: {listed}", "name one; tally show lists them")
    return next(iter(candidates.values()), None)


def described(goal: Goal) -> str:
    """The goal's status, and which goal to look at instead."""
    if goal.status is Status.MERGED:
        return f"merged into {goal.merged_into}"
    if goal.status is Status.SUPERSEDED:
        return f"superseded by {goal.superseded_by}"
    return goal.status
