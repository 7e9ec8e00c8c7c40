"""What goals add up to together: chains of goals that replace each other, and syntheses of goals that went into one.

These sums are shown beside a goal and never added to any total; within one of them each goal counts once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from tallybook.domain.figures import Measure
from tallybook.domain.metrics import accounts, members_of, total_measure
from tallybook.domain.state import LedgerState, kept_goal

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tallybook.domain.goal import Goal


class Chain(msgspec.Struct, frozen=True):
    """A goal and all that it replaces."""

    goals: tuple[str, ...]
    """Oldest first; the goal itself is the last."""
    measure: Measure


class SynthesisInput(msgspec.Struct, frozen=True):
    """A goal whose result went into another one."""

    goal: str
    direct: bool
    """Named as an input itself, not through another input."""
    measure: Measure


class Synthesis(msgspec.Struct, frozen=True):
    """A goal with all that went into it."""

    inputs: tuple[SynthesisInput, ...]
    """Each goal once, however many ways lead to it; those named themselves first."""
    sources: tuple[str, ...]
    own: Measure
    end_to_end: Measure
    """The goal and all its inputs."""


def chain_of(state: LedgerState, goal: Goal) -> Chain | None:
    """The goal with its predecessors; None where it has none."""
    found, walked = {goal.id: None}, {goal.id}
    before = goal.supersedes
    while before is not None and before not in walked and before in state.goals:
        walked.add(before)
        found[kept_goal(state.goals, before)] = None
        before = state.goals[before].supersedes
    if len(found) == 1:
        return None
    ids, measures = tuple(reversed(found)), accounts(state).measures
    return Chain(ids, total_measure(measures[goal_id] for goal_id in ids))


def synthesis_of(state: LedgerState, goal: Goal) -> Synthesis | None:
    """The goal with its inputs; None where it has none. An input that is not here is left out of the sums."""
    sources = tuple(dict.fromkeys(name for one in members_of(state, goal.id) for name in one.input_sources))
    direct = _inputs(state, goal.id)
    if not direct and not sources:
        return None
    found = dict.fromkeys(direct)
    ahead = list(direct)
    while ahead:
        for further in _inputs(state, ahead.pop(0)):
            if further not in found and further != goal.id:
                found[further] = None
                ahead.append(further)
    measures = accounts(state).measures
    inputs = tuple(SynthesisInput(name, name in direct, measures[name]) for name in found)
    own = measures[goal.id]
    return Synthesis(inputs, sources, own, total_measure((own, *(one.measure for one in inputs))))


def reaches(goals: Mapping[str, Goal], start: Iterable[str], target: str) -> bool:
    """Whether ``target`` is one of ``start`` or an input of one of them, however far."""
    seen: set[str] = set()
    ahead = list(start)
    while ahead:
        here = ahead.pop()
        if here == target:
            return True
        goal = goals.get(here)
        if here not in seen and goal is not None:
            seen.add(here)
            ahead.extend(goal.inputs)
    return False


def _inputs(state: LedgerState, goal_id: str) -> list[str]:
    """What went into a goal and into all that is counted with it, each once."""
    named = (name for goal in members_of(state, goal_id) for name in goal.inputs if name in state.goals)
    kept = dict.fromkeys(kept_goal(state.goals, name) for name in named)
    return [name for name in kept if name != goal_id]
