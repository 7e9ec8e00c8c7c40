"""Why another tool has another price for the same tokens: each cause is a way of pricing that gives its number.

Nothing is guessed: a difference that no way of pricing explains to the nanodollar, or few of them together, has no
cause here.
"""

from __future__ import annotations

from enum import StrEnum
from itertools import combinations
from typing import TYPE_CHECKING, Final

import msgspec
from msgspec.structs import replace

from tallybook.domain.goal_costs import PriceOf
from tallybook.domain.money import Rates, Unpriced
from tallybook.domain.sizes import CONTEXT_BANDS
from tallybook.domain.tokens import TokenVector
from tallybook.domain.usage import PriceClass

if TYPE_CHECKING:
    from collections.abc import Sequence
    from collections.abc import Set as AbstractSet


STANDARD: Final = "standard"
THRESHOLD: Final = 200_000
SMALL: Final = CONTEXT_BANDS[0]
MOST_CAUSES: Final = 3
"""So many at most are taken together."""
_NANO: Final = 1000
"""Picodollars in a nanodollar."""


class Way(StrEnum):
    """How the other tool may price, as a sentence."""

    LISTED = "the report takes the list price, and another one is agreed here"
    TODAY = "the report takes today's price for every day"
    NO_TIERS = "the report prices this tier as the standard one"
    NO_FEES = "the report leaves out the fees of web searches"
    MARGINAL = f"the report takes the price of long requests only for what lies beyond {THRESHOLD:,} tokens of a sort"
    FIVE_MINUTES = "the report prices cache writes for an hour as those for five minutes"
    WRITES = "the report takes 1.25 times the input price for cache writes, which have no price of their own here"
    REGION = "the report adds the 10 % of a region"
    HALF = "the report takes half of the price, as for batches"


class Spent(msgspec.Struct, frozen=True):
    """Responses that are priced alike; one of more than ``THRESHOLD`` tokens of input stands by itself."""

    agent: str
    price_class: PriceClass
    tokens: TokenVector
    responses: int = 1
    web_searches: int = 0


class Pricing(msgspec.Struct, frozen=True):
    """What prices there are, and on which day the question is asked."""

    price_of: PriceOf
    list_price_of: PriceOf
    """The same without what was agreed with vendors."""
    today: str
    """UTC, YYYY-MM-DD."""


def equal_to(pico_usd: int, nano_usd: int, responses: int) -> bool:
    """Whether an exact number is the other one, which was added up in floating point from so many responses."""
    return abs(pico_usd - nano_usd * _NANO) <= _NANO + ((nano_usd * _NANO * responses) >> 52)


def ways_to(parts: Sequence[Spent], nano_usd: int, pricing: Pricing) -> tuple[Way, ...] | None:
    """The fewest ways of pricing that give the number; none at all if ours does, None if there are none."""
    responses = sum(part.responses for part in parts)
    for count in range(MOST_CAUSES + 1):
        for ways in combinations(Way, count):
            found = _priced(parts, frozenset(ways), pricing)
            if found is not None and equal_to(found, nano_usd, responses):
                return ways
    return None


def _priced(parts: Sequence[Spent], ways: AbstractSet[Way], pricing: Pricing) -> int | None:
    """Picodollars; None where some part has no price."""
    total = 0
    for part in parts:
        found = _part(part, ways, pricing)
        if found is None:
            return None
        total += found
    if Way.REGION in ways:
        total = total * 11 // 10
    return total // 2 if Way.HALF in ways else total


def _part(part: Spent, ways: AbstractSet[Way], pricing: Pricing) -> int | None:
    price_of = pricing.list_price_of if Way.LISTED in ways else pricing.price_of
    asked = part.price_class
    if Way.TODAY in ways:
        asked = replace(asked, day=pricing.today)
    if Way.NO_TIERS in ways:
        asked = replace(asked, tier=STANDARD)
    rates = _rates(price_of(part.agent, asked), ways)
    small = _rates(price_of(part.agent, replace(asked, context=SMALL)), ways)
    if rates is None or small is None:
        return None
    tokens = part.tokens
    if Way.FIVE_MINUTES in ways:
        tokens = replace(tokens, cache_write_5m=tokens.cache_write_5m + tokens.cache_write_1h, cache_write_1h=0)
    searches = 0 if Way.NO_FEES in ways else part.web_searches
    if Way.MARGINAL in ways and part.responses == 1:
        below, beyond = _cut(tokens)
        return small.cost(below, searches) + rates.cost(beyond)
    return rates.cost(tokens, searches)


def _rates(found: Rates | Unpriced, ways: AbstractSet[Way]) -> Rates | None:
    if isinstance(found, Unpriced):
        return None
    if Way.WRITES in ways and found.cache_write_5m == found.input:
        write = found.input * 5 // 4
        return replace(found, cache_write_5m=write, cache_write_1h=write)
    return found


def _cut(tokens: TokenVector) -> tuple[TokenVector, TokenVector]:
    """What lies below the threshold of each sort, and what lies beyond it."""
    counts = msgspec.structs.asdict(tokens)
    below = TokenVector(**{name: min(count, THRESHOLD) for name, count in counts.items()})
    return below, tokens.growth_since(below)
