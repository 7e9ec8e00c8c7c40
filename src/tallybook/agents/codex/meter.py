"""The thread's own running totals: where they began, how far each went before it fell, where they stand."""

from __future__ import annotations

from operator import lt
from typing import TYPE_CHECKING, Final

import msgspec

from tallybook.agents.codex.facts import NONE, Counts
from tallybook.agents.port import OwnCounter
from tallybook.domain.tokens import TokenVector

if TYPE_CHECKING:
    from collections.abc import Iterator

UNREPORTED: Final = ("cache_write_5m", "cache_write_1h")


class Total(msgspec.Struct, array_like=True):
    """One running total."""

    now: Counts | None = None
    start: Counts | None = None
    """Where it stood before the first own response: a fork goes on from its ancestor's."""
    before: Counts | None = None
    """What it had come to each time before it fell."""
    at: int | None = None

    def copied(self, total: Counts) -> None:
        """A line that a fork has copied."""
        self.now = self.start = total
        self.before = None

    def own(self, total: Counts, last: Counts | None, at: int | None) -> None:
        """An own line; ``last`` is what it added, where that is told."""
        if self.now is None:
            if last is not None and total != last and min(_minus(total, last)) >= 0:
                self.start = _minus(total, last)
        elif any(map(lt, total, self.now)) or (total == last and total != self.now != NONE):
            self.before = _plus(self.before or NONE, self.now)
        self.now, self.at = total, at

    def counters(self, session: str, scope: str) -> Iterator[OwnCounter]:
        """What it says; of where it began and of what it had come to before only what is not nothing."""
        if self.now is None or self.at is None:
            return
        for name, counts in (("", self.now), ("-start", self.start), ("-before", self.before)):
            fresh, cached, written, output, reasoning = counts or NONE
            if fresh >= cached + written and (not name or any(counts or NONE)):
                tokens = TokenVector(fresh - cached - written, cached, 0, 0, written, output, reasoning)
                yield OwnCounter(session, self.at, f"{scope}{name}", None, tokens, UNREPORTED)


def _minus(left: Counts, right: Counts) -> Counts:
    a, b, c, d, e = (one - other for one, other in zip(left, right, strict=True))
    return a, b, c, d, e


def _plus(left: Counts, right: Counts) -> Counts:
    a, b, c, d, e = (one + other for one, other in zip(left, right, strict=True))
    return a, b, c, d, e
