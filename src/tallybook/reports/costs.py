"""Costs as JSON and as short texts; money is text or whole numbers, never a float, and unknown is null, never 0."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tallybook.domain.money import PICO, Cost, Unpriced, half_even
from tallybook.reports.words import NOTHING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from fractions import Fraction

    from tallybook.reports.vectors import Json

_SHOWN: Final = 10**4
"""Parts of a dollar that tables show."""
_UNMEASURED: Final = Cost(unpriced=frozenset((Unpriced("", "nothing was measured"),)))
_MOST_REASONS: Final = 20


def share(part: Fraction) -> str:
    """From 0 to 1 with four decimals, rounded down: only all of it is 1."""
    whole, rest = divmod(part.numerator * 10_000 // part.denominator, 10_000)
    return f"{whole}.{rest:04}".rstrip("0").rstrip(".")


def share_json(part: Fraction) -> Json:
    """The same as a number; it is no money, and as near as four decimals tell it."""
    scaled = int(part * 10_000 // 1)
    return scaled // 10_000 if scaled % 10_000 == 0 else scaled / 10_000


def cost_json(cost: Cost | None) -> Json:
    """Dollars and nanodollars of what has a price, how much that is, and why the rest has none."""
    it = _UNMEASURED if cost is None else cost
    return {
        "usd": it.usd,
        "nano_usd": it.nano_usd,
        "priced_share": share_json(it.share),
        "quality": str(it.quality),
        "reason": None if it.is_known else reasons(it),
        "unpriced": unpriced_json(it.unpriced),
    }


def reasons(cost: Cost) -> str:
    """Why something has no price, each reason once."""
    return "; ".join(sorted({one.reason for one in cost.unpriced}))


def unpriced_json(unpriced: Iterable[Unpriced]) -> list[Json]:
    """Models without a price, each reason once."""
    return [{"model": one.model or None, "reason": one.reason} for one in sorted(unpriced)]


def dollars(cost: Cost | None) -> str:
    """Dollars with four decimals, rounded half to even."""
    if cost is None or not cost.is_known:
        return NOTHING
    whole, rest = divmod(half_even(cost.pico_usd * _SHOWN, PICO), _SHOWN)
    return f"{whole:,}.{rest:04}"


def priced_dollars(cost: Cost | None) -> str:
    """Such as ``1.2300 USD``, ``1.2300 USD for 0.95 of the tokens``, or why there is no price."""
    if cost is None:
        return "unmeasured"
    if not cost.is_known:
        return f"no price: {reasons(cost)}"
    part = "" if cost.share == 1 else f" for {share(cost.share)} of the tokens"
    return f"{dollars(cost)} USD{part} ({cost.quality})"


def unpriced_lines(cost: Cost) -> list[str]:
    """One line for each model without a price, of many the first."""
    found = sorted(cost.unpriced)
    lines = [f"no price of {one.model or 'it'}: {one.reason}" for one in found[:_MOST_REASONS]]
    return [*lines, *([f"and {len(found) - _MOST_REASONS} more"] if len(found) > _MOST_REASONS else [])]
