"""Money as whole numbers: what tokens cost, how much of them has a price, and why the rest has none.

The unit is the picodollar, a millionth of a millionth of a US dollar: prices are told in dollars per million tokens
with at most six decimals, so the price of one token is a whole number of them and no sum is ever rounded. Only what is
shown is, to the nanodollar, half to even.
"""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final

import msgspec

from tallybook.domain.quality import Quality

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from decimal import Decimal
    from fractions import Fraction

    from tallybook.domain.tokens import TokenVector

PICO: Final = 10**12
"""Picodollars in a dollar."""
_NANO: Final = 1000
"""Picodollars in a nanodollar."""
PARTS: Final = ("input", "cache_read", "cache_write_5m", "cache_write_1h", "output", "reasoning")
"""Of tokens, as they have prices."""


class Rates(msgspec.Struct, frozen=True, tag=True):
    """What one token of each sort costs, in picodollars."""

    input: int
    cache_read: int
    cache_write_5m: int
    cache_write_1h: int
    output: int
    reasoning: int
    """Of tokens that are a part of the output."""
    web_search: int | None
    """One request; None where that is not known."""
    source: str
    """Where the price is from, such as ``genai-prices 0.2.3: openai gpt-5``."""
    since: str | None = None
    """The day from which on it holds, where that is known."""
    notes: tuple[str, ...] = ()
    """What is to be said of them."""
    assumed: tuple[str, ...] = ()
    """Those of ``PARTS`` that have the price of another part, as they have none themselves."""
    model: str = ""
    """As it was asked for."""

    def parts(self, tokens: TokenVector, web_searches: int = 0) -> dict[str, int]:
        """Picodollars for each of ``PARTS``, and for searches of the web."""
        found = {name: count * getattr(self, name) for name, count in priced_counts(tokens).items()}
        return {**found, "web_search": web_searches * (self.web_search or 0)}

    def cost(self, tokens: TokenVector, web_searches: int = 0) -> int:
        """Picodollars. A cache write of unknown lifetime costs what the shorter one costs."""
        return (
            tokens.input * self.input
            + tokens.cache_read * self.cache_read
            + (tokens.cache_write_5m + tokens.cache_write_unknown) * self.cache_write_5m
            + tokens.cache_write_1h * self.cache_write_1h
            + (tokens.output - tokens.reasoning) * self.output
            + tokens.reasoning * self.reasoning
            + web_searches * (self.web_search or 0)
        )


class Unpriced(msgspec.Struct, frozen=True, order=True, tag=True):
    """Tokens of a model that have no price."""

    model: str
    reason: str


class Cost(msgspec.Struct, frozen=True, gc=False):
    """What some tokens cost, as far as they have prices; costs add up in any order to the same."""

    pico_usd: int = 0
    priced: int = 0
    """Tokens that have a price."""
    tokens: int = 0
    """All tokens."""
    unpriced: frozenset[Unpriced] = frozenset()
    """What has no price, and why."""
    least: int = 0
    """Tokens written to a cache for nobody knows how long, at the lower of two prices."""
    assumed: int = 0
    """Tokens at the price of another part."""
    searches_untold: bool = False
    """Nobody told how many searches were paid for beside some of the tokens: their fees may be missing."""

    def __add__(self, other: Cost) -> Cost:
        """Both together."""
        return Cost(
            self.pico_usd + other.pico_usd,
            self.priced + other.priced,
            self.tokens + other.tokens,
            self.unpriced | other.unpriced if other.unpriced else self.unpriced,
            self.least + other.least,
            self.assumed + other.assumed,
            self.searches_untold or other.searches_untold,
        )

    @property
    def quality(self) -> Quality:
        """Whether it is all, at least so much, or partly by a rule."""
        if not self.is_known:
            return Quality.UNMEASURED
        if self.assumed:
            return Quality.ESTIMATED
        return Quality.LOWER_BOUND if self.least or self.unpriced or self.searches_untold else Quality.EXACT

    @property
    def is_known(self) -> bool:
        """Whether anything of it has a price; what used nothing costs nothing."""
        return self.priced > 0 or (self.tokens == 0 and not self.unpriced)

    @property
    def lacks(self) -> str:
        """What of it has no price, such as ``1,200 tokens``; searches of the web are no tokens."""
        missing = self.tokens - self.priced
        return f"{missing:,} tokens" if missing else "its searches of the web"

    @property
    def nano_usd(self) -> int | None:
        """Nanodollars of what has a price, rounded half to even; None where nothing has."""
        return half_even(self.pico_usd, _NANO) if self.is_known else None

    @property
    def usd(self) -> str | None:
        """Dollars with at least two decimals, exact to the nanodollar."""
        nano = self.nano_usd
        return None if nano is None else dollars(nano)

    @property
    def share(self) -> Fraction:
        """How much of the tokens has a price, from 0 to 1; of nothing, all."""
        from fractions import Fraction  # noqa: PLC0415 - most commands show no share

        if self.priced == self.tokens:
            return Fraction(0 if self.unpriced and not self.tokens else 1)
        return Fraction(self.priced, self.tokens)


def half_even(number: int, divisor: int) -> int:
    """``round(Fraction(number, divisor))`` for a divisor above 0, without a fraction: there are very many costs."""
    whole, rest = divmod(number, divisor)
    return whole + (2 * rest > divisor or (2 * rest == divisor and whole % 2 == 1))


def dollars(nano_usd: int) -> str:
    """Nanodollars as dollars such as ``-0.0105``: exact, with two decimals at least."""
    whole, rest = divmod(abs(nano_usd), 10**9)
    decimals = f"{rest:09}".rstrip("0").ljust(2, "0")
    return f"{'-' if nano_usd < 0 else ''}{whole}.{decimals}"


NOTHING: Final = Cost()


def cost_of(rates: Rates | Unpriced, tokens: TokenVector, web_searches: int | None = 0) -> Cost:
    """What tokens of one price class cost, with ``web_searches``; None where nobody told how many there were."""
    if isinstance(rates, Unpriced):
        return Cost(0, 0, tokens.total, frozenset((rates,)))
    total, free = tokens.total, frozenset[Unpriced]()
    if web_searches and rates.web_search is None:
        free = frozenset((Unpriced(rates.model, "its searches of the web have no price"),))
    least = tokens.cache_write_unknown if rates.cache_write_1h > rates.cache_write_5m else 0
    assumed = 0
    if rates.assumed:
        counts = priced_counts(tokens)
        assumed = sum(counts[name] for name in rates.assumed)
    untold = web_searches is None and rates.web_search != 0
    return Cost(rates.cost(tokens, web_searches or 0), total, total, free, least, assumed, untold)


def total_cost(costs: Iterable[Cost]) -> Cost:
    """All of them together."""
    found = list(costs)
    if not found:
        return NOTHING
    if len(found) == 1:
        return found[0]
    *counts, unpriced, untold = zip(*map(_members, found), strict=True)
    pico, priced, tokens, least, assumed = map(sum, counts)
    return Cost(pico, priced, tokens, frozenset[Unpriced]().union(*unpriced), least, assumed, any(untold))


_members: Final[Callable[[Cost], tuple[Any, ...]]] = attrgetter(
    *("pico_usd", "priced", "tokens", "least", "assumed", "unpriced", "searches_untold")
)


def priced_counts(tokens: TokenVector) -> dict[str, int]:
    """Tokens by ``PARTS``, each once."""
    return {
        "input": tokens.input,
        "cache_read": tokens.cache_read,
        "cache_write_5m": tokens.cache_write_5m + tokens.cache_write_unknown,
        "cache_write_1h": tokens.cache_write_1h,
        "output": tokens.output - tokens.reasoning,
        "reasoning": tokens.reasoning,
    }


def pico_per_token(per_million: Decimal) -> int | None:
    """The price of a token, from dollars per million; None where that is no whole number of picodollars."""
    exact = per_million * (PICO // 10**6)
    return int(exact) if exact == exact.to_integral_value() and exact >= 0 else None
