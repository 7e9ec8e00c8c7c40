"""What goals add up to together: chains of goals that replace each other, and syntheses of goals that went into one.

These sums are shown beside a goal and never added to any total; within one of them each goal counts once.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import attrs

from tallybook.domain.goal import Goal
from tallybook.domain.metrics import GoalUsage, Measure, total_measure
from tallybook.domain.state import kept_goal

if TYPE_CHECKING:
    from collections.abc import Iterable


@attrs.frozen
class Chain:
    """A goal and all that it replaces."""

    goals: tuple[str, ...]
    """Oldest first; the goal itself is the last."""
    measure: Measure


@attrs.frozen
class SynthesisInput:
    """A goal whose result went into another one."""

    goal: str
    direct: bool
    """Named as an input itself, not through another input."""
    measure: Measure


@attrs.frozen
class Synthesis:
    """A goal with all that went into it."""

    inputs: tuple[SynthesisInput, ...]
    """Each goal once, however many ways lead to it; those named themselves first."""
    sources: tuple[str, ...]
    own: Measure
    end_to_end: Measure
    """The goal and all its inputs."""


@attrs.frozen
class Book:
    """All goals with what they used."""

    goals: Mapping[str, Goal]
    usage: Mapping[str, GoalUsage]


def members_of(goals: Mapping[str, Goal], goal_id: str) -> list[Goal]:
    """The goal and all that were merged into it, however far; the goal itself first."""
    found, ahead = [], [goal_id]
    while ahead:
        goal = goals[ahead.pop(0)]
        found.append(goal)
        ahead.extend(goal.absorbed)
    return found


def chain_of(book: Book, goal: Goal) -> Chain | None:
    """The goal with its predecessors; None where it has none."""
    found, walked = {goal.id: None}, {goal.id}
    before = goal.supersedes
    while before is not None and before not in walked and before in book.goals:
        walked.add(before)
        found[kept_goal(book.goals, before)] = None
        before = book.goals[before].supersedes
    if len(found) == 1:
        return None
    ids = tuple(reversed(found))
    return Chain(ids, total_measure(book.usage[goal_id].measure for goal_id in ids))


def synthesis_of(book: Book, goal: Goal) -> Synthesis | None:
    """The goal with its inputs; None where it has none. An input that is not here is left out of the sums."""
    sources = tuple(dict.fromkeys(name for one in members_of(book.goals, goal.id) for name in one.input_sources))
    direct = _inputs(book, goal.id)
    if not direct and not sources:
        return None
    found = dict.fromkeys(direct)
    ahead = list(direct)
    while ahead:
        for further in _inputs(book, ahead.pop(0)):
            if further not in found and further != goal.id:
                found[further] = None
                ahead.append(further)
    inputs = tuple(SynthesisInput(name, name in direct, book.usage[name].measure) for name in found)
    own = book.usage[goal.id].measure
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


def _inputs(book: Book, goal_id: str) -> list[str]:
    """What went into a goal and into all that is counted with it, each once."""
    named = (name for goal in members_of(book.goals, goal_id) for name in goal.inputs if name in book.goals)
    kept = dict.fromkeys(kept_goal(book.goals, name) for name in named)
    return [name for name in kept if name != goal_id]
