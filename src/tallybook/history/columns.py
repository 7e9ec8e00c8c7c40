"""The columns of the sums of one question: what is asked, and what is not 0 everywhere, since each takes its time."""

from __future__ import annotations

from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from tallybook.history.rollup import COMPONENTS, SUMS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    Part = tuple[Any, ...]
    """One sum, or what a single response adds to one."""

_BILLED: Final = SUMS.index("reasoning")
"""How many of them come before reasoning, the last component, which is a part of the output."""


class Values(NamedTuple):
    """What the store tells of some responses, in its own numbers; None for what was not asked."""

    session: int | None
    model: int | None
    day: int | None
    """Local, since 1970-01-01."""
    hour: int | None
    """Since the epoch; where blocks are asked for, the place of the first hour of the block."""
    effort: int | None = None
    branch: int | None = None
    """Like ``cwd``, 0 or None where the session's own holds."""
    cwd: int | None = None
    tier: int | None = None


QUALITY: Final = len(Values._fields)
SPLIT: Final = QUALITY + 1
NUMBERS: Final = SPLIT + 1
"""Where they stand in a part that has all columns: its ``Values``, its quality, its split, and all of ``SUMS``."""


class Columns(NamedTuple):
    """Which columns the parts of a question have; a quality and a split stand between the two."""

    asked: tuple[str, ...]
    """Of the fields of ``Values``, in their order."""
    counted: tuple[str, ...]
    """Of ``SUMS``, in their order: the first, and those that are not 0 everywhere."""

    @property
    def numbers(self) -> int:
        """Where the sums begin in a part."""
        return len(self.asked) + 2

    @property
    def billed(self) -> int:
        """Where, among the sums, those end that are added up to all tokens."""
        return sum(name in self.counted for name in SUMS[:_BILLED])

    def picker(self) -> Callable[[Part], Part]:
        """Takes these columns from a part that has all."""
        values = [Values._fields.index(name) for name in self.asked]
        return _taking([*values, QUALITY, SPLIT, *(NUMBERS + SUMS.index(name) for name in self.counted)])

    def vector(self) -> Callable[[Part], Part]:
        """Takes the components from sums that a 0 stands behind."""
        return _taking([self.counted.index(name) if name in self.counted else -1 for name in COMPONENTS])

    def of(self, parts: Sequence[Part]) -> list[Sequence[Any]]:
        """One sequence for each of ``asked``, of the qualities, and of the splits."""
        columns: list[Sequence[Any]] = [*zip(*parts, strict=True)]
        return columns[: self.numbers] if parts else [()] * self.numbers


def counted_in(sums: Iterable[Part]) -> tuple[str, ...]:
    """Those of ``SUMS`` that are not 0 in all of these."""
    some = {name for one in sums for name, number in zip(SUMS, one, strict=True) if number}
    return (SUMS[0], *(name for name in SUMS[1:] if name in some))


def _taking(places: Sequence[int]) -> Callable[[Part], Part]:
    take: Callable[[Part], Part] = itemgetter(*places)  # more than one: else it would bring no tuple
    return take
