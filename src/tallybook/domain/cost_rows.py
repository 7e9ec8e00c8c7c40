"""What goals used, handed on to the commits, branches or references that they belong to.

Nothing is lost and nothing counted twice: what a goal used is split evenly over the things that it belongs to, to the
token, and what belongs to no thing stands in a row of its own.
"""

from __future__ import annotations

from collections import defaultdict
from enum import StrEnum
from typing import TYPE_CHECKING

import msgspec

from tallybook.domain.figures import Measure
from tallybook.domain.money import Cost, total_cost
from tallybook.domain.quality import Quality, join, worst
from tallybook.domain.tokens import TokenVector, total_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


class Confidence(StrEnum):
    """How it is known what something belongs to, from best to none."""

    DECLARED = "declared"
    """Somebody said so of the goal itself."""
    TRAILER = "trailer"
    """A commit names the goal."""
    INFERRED = "inferred"
    """The program saw it when the goal began."""
    NONE = "none"


_RANK = {confidence: rank for rank, confidence in enumerate(Confidence)}


class Kind(StrEnum):
    """What a row stands for."""

    LINKED = "linked"
    UNLINKED = "unlinked"
    """Goals that belong to no such thing."""
    REMAINDER = "remainder"
    """Sessions that goals have touched, while none was open."""
    UNATTRIBUTED = "unattributed"
    """All other sessions of the history."""


class Spent(msgspec.Struct, frozen=True):
    """What one goal used, or work without a goal, and what that belongs to."""

    goal: str | None
    measure: Measure
    cost: Cost | None
    """None where nothing was measured."""
    keys: tuple[tuple[str, Confidence], ...] = ()
    """Each thing once."""


class CostRow(msgspec.Struct, frozen=True):
    """What belongs to one thing."""

    kind: Kind
    key: str | None
    goals: tuple[str, ...]
    measure: Measure
    cost: Cost | None
    confidence: Confidence


def rows_of(spent: Iterable[Spent]) -> tuple[CostRow, ...]:
    """A row for each thing, the largest first, and at the end one for goals that belong to none, if there are any."""
    found: dict[str | None, list[tuple[Spent, Confidence]]] = defaultdict(list)
    for one in spent:
        number = len(one.keys)
        for index, (key, confidence) in enumerate(one.keys):
            found[key].append((_part(one, index, number), confidence))
        if not one.keys:
            found[None].append((one, Confidence.NONE))
    return tuple(sorted((_row(key, parts) for key, parts in found.items()), key=_largest))


def summed(measures: Iterable[Measure]) -> Measure:
    """All of them together; what nobody measured adds nothing, and is told by the quality."""
    some = tuple(measures)
    known = [one.tokens for one in some if one.tokens is not None]
    return Measure(total_of(known) if known else None, join(one.quality for one in some))


def summed_cost(costs: Iterable[Cost | None]) -> Cost | None:
    """All of them together; None where nothing was measured."""
    known = [cost for cost in costs if cost is not None]
    return total_cost(known) if known else None


def _row(key: str | None, parts: Sequence[tuple[Spent, Confidence]]) -> CostRow:
    return CostRow(
        Kind.UNLINKED if key is None else Kind.LINKED,
        key,
        tuple(sorted({one.goal for one, _ in parts if one.goal is not None})),
        summed(one.measure for one, _ in parts),
        summed_cost(one.cost for one, _ in parts),
        max((confidence for _, confidence in parts), key=_RANK.__getitem__),
    )


def _largest(row: CostRow) -> tuple[bool, int, str]:
    tokens = row.measure.tokens
    return row.key is None, 0 if tokens is None else -tokens.total, row.key or ""


def _part(whole: Spent, index: int, number: int) -> Spent:
    """One of ``number`` even parts; those in front take what can't be divided."""
    if number == 1:
        return whole
    tokens, cost = whole.measure.tokens, whole.cost
    quality = whole.measure.quality
    if tokens is not None:
        quality = worst(quality, Quality.ESTIMATED)
        tokens = TokenVector(*(_even(count, index, number) for count in tokens.parts()))
    if cost is not None:
        counts = (cost.pico_usd, cost.priced, cost.tokens, cost.least, cost.assumed)
        pico, priced, all_, least, assumed = (_even(count, index, number) for count in counts)
        cost = Cost(pico, priced, all_, cost.unpriced, least, assumed, cost.searches_untold)
    return Spent(whole.goal, Measure(tokens, quality), cost)


def _even(count: int, index: int, number: int) -> int:
    return count // number + (index < count % number)
