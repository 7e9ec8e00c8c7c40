"""Moments in a row as the steps between them, which are small."""

from __future__ import annotations

from itertools import accumulate, pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence


def steps_of(moments: Sequence[int | None]) -> list[int | None]:
    """Of each moment since the one before it that is known, the first since 0; None for one that is unknown."""
    if None not in moments:
        known: Sequence[int] = moments  # type: ignore[assignment]
        return [*known[:1], *[after - before for before, after in pairwise(known)]]
    steps: list[int | None] = []
    before = 0
    for at in moments:
        steps.append(None if at is None else at - before)
        before = before if at is None else at
    return steps


def moments_of(steps: Sequence[int | None]) -> Iterable[int | None]:
    """The moments that ``steps_of`` was given."""
    if None not in steps:
        return accumulate(steps)
    return _with_unknown(steps)


def _with_unknown(steps: Sequence[int | None]) -> Iterator[int | None]:
    at = 0
    for step in steps:
        at += step or 0
        yield None if step is None else at
