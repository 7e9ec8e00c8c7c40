"""Running totals to steps: each response that a counter tells of, once, however often the counter is repeated."""

from __future__ import annotations

from collections import defaultdict
from enum import StrEnum
from typing import TYPE_CHECKING, TypeAlias

import msgspec

from tallybook.agents.codex.facts import NONE, Count, Counts, Review, consistent

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

Content: TypeAlias = tuple[Counts, Counts | None]
"""The total after a response and its own usage: the same in every copy of its row, and in no other row."""


class Step(msgspec.Struct, frozen=True, gc=False):
    """One response, as a counter tells it."""

    index: int
    """Of its fact in the file."""
    content: Content
    nth: int
    """How many rows of the same content stand before it: a counter that was reset can repeat itself."""
    usage: Counts
    first: bool
    """No counter stands before it in this file."""
    gap: bool
    """The total grew by more than the usage: rows between are missing."""
    forwarded: bool
    """It stands in review mode and may be the review thread's."""

    @property
    def base(self) -> Counts:
        """The total before this response."""
        return _minus(self.content[0], self.usage)


class Passed(StrEnum):
    """Why a counter tells of no response."""

    REPEATED = "the total has not moved"
    ESTIMATE = "an estimate of the context"
    FILLED = "the total was set to the size of the context's window"
    IMPOSSIBLE = "the total has grown by more cached input than input"
    NOTHING = "the total says nothing"


class _Meter(msgspec.Struct):
    """One running total; a review forwarded into its parent's file has its own."""

    total: Counts | None = None
    lost: bool = False

    def take(self, count: Count) -> tuple[Counts, bool, bool] | Passed:
        """Usage, whether it is the first, whether rows are missing before it; or why the row has no usage."""
        before, self.total = self.total, count.total
        if count.last == NONE or (count.last and not count.last[0] and not count.last[3]):
            return Passed.ESTIMATE if count.total == before else Passed.FILLED  # the latter in 0.46 and later
        if count.total == before:
            return Passed.REPEATED
        growth = _minus(count.total, before or NONE)
        rose = min(growth) >= 0
        if count.last is not None:
            gap = self.lost or (rose and growth != count.last and min(_minus(growth, count.last)) >= 0)
            self.lost = False
            return count.last, before is None, gap
        usage = growth if rose else count.total
        if not consistent(usage):
            self.lost = True
            return Passed.IMPOSSIBLE
        gap, self.lost = self.lost, False
        return (usage, before is None, gap) if any(usage) else Passed.NOTHING


def steps_of(facts: Iterable[object], passed: dict[int, Passed] | None = None) -> Iterator[Step]:
    """Every step of one file, in its order; ``passed`` is filled with the counters that are none, by their index."""
    own, review = _Meter(), _Meter()
    reviewing = False
    seen: dict[Content, int] = defaultdict(int)
    for index, fact in enumerate(facts):
        if type(fact) is Review:  # quicker than isinstance, and there are very many facts
            reviewing, review = fact.entered, _Meter()
        if type(fact) is not Count:
            continue
        forwarded = reviewing and not _follows(own.total, fact)
        taken = (review if forwarded else own).take(fact)
        if isinstance(taken, tuple):
            usage, first, gap = taken
            content = (fact.total, fact.last)
            nth = seen[content]
            seen[content] = nth + 1
            yield Step(index, content, nth, usage, first and not forwarded, gap, forwarded)
        elif passed is not None:
            passed[index] = taken


def _follows(total: Counts | None, count: Count) -> bool:
    """Whether a count goes on from ``total``, so that it is no other thread's."""
    return total is not None and (count.total == total or _minus(count.total, total) == count.last)


def _minus(left: Counts, right: Counts) -> Counts:
    return (
        left[0] - right[0],
        left[1] - right[1],
        left[2] - right[2],
        left[3] - right[3],
        left[4] - right[4],
    )
