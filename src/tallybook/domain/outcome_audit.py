"""Successes that may be none: goals that were replaced, or whose work was done over soon after."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter
from typing import TYPE_CHECKING

from tallybook.domain.backfill import microseconds
from tallybook.domain.findings import DAY, Code, Facts, Finding, Limits, ended_at

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tallybook.domain.goal import Goal
    from tallybook.domain.state import LedgerState


def outcomes(state: LedgerState, facts: Facts, limits: Limits) -> Iterator[Finding]:
    """Likely misses and likely partial fits, a goal at most once, in the order in which goals were started."""
    work = _Work(state, facts, limits)
    for goal in state.goals.values():
        if is_claim(goal):
            yield from work.judged(goal)


def is_claim(goal: Goal) -> bool:
    """Whether it is told to be an entire success, and nobody has corrected that."""
    outcome = goal.outcome
    if outcome is None or goal.kind != "product" or goal.merged_into is not None or goal.corrections:
        return False
    return outcome.status == "success" and outcome.result_fit in {None, "exact_fit"}


class _Work:
    """All product goals in the order in which they began, and what they have in common."""

    def __init__(self, state: LedgerState, facts: Facts, limits: Limits) -> None:
        goals = [it for it in state.goals.values() if it.kind == "product" and it.merged_into is None]
        begun = [(at, goal.id, goal) for goal in goals if (at := microseconds(goal.started_at)) is not None]
        self._begun = sorted(begun, key=lambda one: one[:2])
        self._limits = limits
        self._refs = _telling({goal.id: frozenset(goal.refs) for goal in goals}, limits.crowd)
        kept = {goal.id: facts.files.get(goal.id, frozenset()) for goal in goals}
        self._files = _telling(kept, limits.crowd)

    def judged(self, goal: Goal) -> Iterator[Finding]:
        """What speaks most against its success."""
        if goal.superseded_by is not None:
            yield _miss(goal, goal.superseded_by, f"it is told to be a success, and {goal.superseded_by} replaced it")
            return
        followers = self._followers(goal)
        shared = next(((it, sorted(refs)) for it in followers if (refs := self._common_refs(goal, it))), None)
        if shared is not None:
            days, again = self._limits.follow_up_days, shared[0].id
            yield _miss(goal, again, f"{again} began for {', '.join(shared[1])} again within {days} days")
            return
        percent, again = max(((self._again(goal, it), it.id) for it in followers), default=(0, ""), key=_most)
        if percent >= self._limits.miss_percent:
            yield _miss(goal, again, f"{again} changed {percent} % of its files again")
        elif percent >= self._limits.partial_percent:
            yield _partial(goal, (again,), f"{again} changed {percent} % of its files again")
        elif len(goal.attempts) >= self._limits.attempts:
            yield _partial(goal, (), f"it took {len(goal.attempts)} attempts")

    def _followers(self, goal: Goal) -> list[Goal]:
        """Goals that began soon after its end, the first one first; those that it is a known input of aside."""
        end = ended_at(goal)
        if end is None:
            return []
        first = bisect_left(self._begun, end, key=lambda one: one[0])
        last = bisect_right(self._begun, end + self._limits.follow_up_days * DAY, key=lambda one: one[0])
        return [it for _, _, it in self._begun[first:last] if it.id != goal.id and goal.id not in it.inputs]

    def _common_refs(self, goal: Goal, other: Goal) -> frozenset[str]:
        return self._refs[goal.id] & self._refs[other.id]

    def _again(self, goal: Goal, other: Goal) -> int:
        """How much of the goal's files the other one changed too, in percent, rounded down."""
        files = self._files[goal.id]
        if len(files) < self._limits.few_files:
            return 0
        return len(files & self._files[other.id]) * 100 // len(files)


def _most(one: tuple[int, str]) -> int:
    return one[0]


def _telling(marks: Mapping[str, frozenset[str]], crowd: int) -> dict[str, frozenset[str]]:
    """The same without what more than ``crowd`` goals have."""
    goals = Counter(name for some in marks.values() for name in some)
    common = {name for name, count in goals.items() if count > crowd}
    return {goal: some - common for goal, some in marks.items()}


def _miss(goal: Goal, again: str, message: str) -> Finding:
    hint = f"tally finish-task {goal.id} --amend --status fail --failure-reason other --result-fit miss"
    return Finding(Code.LIKELY_MISS, message, hint, goal.id, (again,))


def _partial(goal: Goal, related: tuple[str, ...], message: str) -> Finding:
    hint = f"tally update {goal.id} --result-fit partial_fit"
    return Finding(Code.LIKELY_PARTIAL_FIT, message, hint, goal.id, related)
