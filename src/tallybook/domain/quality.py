"""How far a number can be trusted: a join in which the worst wins."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


class Quality(StrEnum):
    """The quality of one number, from best to none."""

    EXACT = "exact"
    """Equal to what the agent's log holds."""
    LOWER_BOUND = "lower_bound"
    """At least this much; something known to exist was not logged or not measured."""
    ESTIMATED = "estimated"
    """Derived by a stated rule, not logged."""
    UNVERIFIED = "unverified"
    """Logged, but whose it is could not be proved."""
    UNMEASURED = "unmeasured"
    """No number at all; shown as null, never as 0."""


_RANK = {quality: rank for rank, quality in enumerate(Quality)}


def worst(first: Quality, second: Quality) -> Quality:
    """Join two qualities; measured with unmeasured is at best a lower bound."""
    if first is second:
        return first
    if Quality.UNMEASURED in (first, second):
        measured = second if first is Quality.UNMEASURED else first
        return max(measured, Quality.LOWER_BOUND, key=_RANK.__getitem__)
    return max(first, second, key=_RANK.__getitem__)


def join(qualities: Iterable[Quality]) -> Quality:
    """Join any number of qualities; of none, ``unmeasured``."""
    result: Quality | None = None
    for quality in qualities:
        result = quality if result is None else worst(result, quality)
    return Quality.UNMEASURED if result is None else result
