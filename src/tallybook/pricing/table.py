"""Prices that vendors state as a factor, for days on which the book does not have them; each with its public source.

A row is only here if its source states the factor in public. What is neither here nor in the book has no price: it is
never taken for the standard one.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Final, NamedTuple


class Factor(NamedTuple):
    """From one day on, a tier of a vendor costs so many times the standard tier, part by part."""

    vendor: str
    tier: str
    times: Fraction
    since: str
    """UTC, YYYY-MM-DD: the day on which the vendor began with it."""
    source: str
    every: bool = False
    """For every model of the vendor; else only for those whose own first price of the tier in the book bears it out."""


_HALF: Final = Fraction(1, 2)
FACTORS: Final = (
    Factor(
        *("anthropic", "batch", _HALF, "2024-10-08"),
        "https://platform.claude.com/docs/en/build-with-claude/batch-processing",
        every=True,
    ),
    Factor("openai", "flex", _HALF, "2025-04-17", "https://platform.openai.com/docs/guides/flex-processing"),
)


def factor(vendor: str, tier: str) -> Factor | None:
    """The row for a tier of a vendor."""
    return next((row for row in FACTORS if (row.vendor, row.tier) == (vendor, tier)), None)
