"""What `verify` asks of the events once the bytes are in order: invariants, links between goals, growing counters."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from tallybook.domain.goal import goal_faults
from tallybook.domain.problems import Problem
from tallybook.domain.quality import Quality
from tallybook.domain.relations import reaches

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tallybook.domain.goal import Goal
    from tallybook.domain.state import LedgerState


def findings(state: LedgerState) -> Iterator[Problem]:
    """Every finding, those of the replay first."""
    yield from state.problems
    for goal in state.goals.values():
        for fault in goal_faults(goal):
            yield Problem("invariant", f"{goal.id}: {fault}", hint="tally finish-task GOAL --amend corrects an outcome")
        yield from _links(state, goal)
    yield from _counters(state)


def _links(state: LedgerState, goal: Goal) -> Iterator[Problem]:
    for target in goal.inputs:
        if target not in state.goals:
            yield _link(goal, f"its input {target} is not here")
    if reaches(state.goals, goal.inputs, goal.id):
        yield _link(goal, "it is, through its inputs, an input of itself")
    old = None if goal.supersedes is None else state.goals.get(goal.supersedes)
    if old is not None and old.kind != goal.kind:
        yield _link(goal, f"it is of kind {goal.kind} and supersedes {old.id} of kind {old.kind}")
    if old is not None and old.outcome is None:
        yield _link(goal, f"it supersedes {old.id}, which has no outcome")


def _link(goal: Goal, message: str) -> Problem:
    return Problem("goal-link", f"{goal.id}: {message}", hint="another clone may hold the missing events")


def _counters(state: LedgerState) -> Iterator[Problem]:
    for key, line in sorted(state.lines.items()):
        measured = [point for point in line.points if point.quality is not Quality.UNMEASURED]
        for before, after in pairwise(measured):
            now = {usage.price_class: usage.tokens for usage in after.classes}
            fell = [
                usage.price_class
                for usage in before.classes
                if usage.price_class not in now or not now[usage.price_class].covers(usage.tokens)
            ]
            if fell:
                message = f"{key.agent} {key.session}: the counter of {fell[0].model} fell at snapshot {after.snapshot}"
                hint = "the log was counted anew; what was handed out stays, nothing is counted twice"
                yield Problem("counter-fell", message, hint=hint)
