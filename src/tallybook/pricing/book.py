"""The prices that come with the package genai-prices, each from its day on; nothing is ever fetched.

The library is imported when the first price is asked for: it takes longer than most commands.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from itertools import chain
from typing import TYPE_CHECKING, Any, Final

from tallybook.domain.money import Rates, Unpriced, pico_per_token
from tallybook.domain.tariffs import Band, Tariff, flat, tariff_of
from tallybook.pricing.matching import is_spelled, matches
from tallybook.pricing.names import Named, standard, translated, without_effort
from tallybook.pricing.table import Factor, factor

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_CONTEXTS: Final = {
    ("anthropic", "fast"): {"speed": "fast"},
    **{(vendor, "batch"): {"processing": "batch"} for vendor in ("anthropic", "openai", "google", "mistral", "x-ai")},
    **{(vendor, tier): {"service_tier": tier} for vendor in ("openai", "google") for tier in ("flex", "priority")},
    ("openai", "fast"): {"service_tier": "fast"},
}
"""What the book calls a tier, by vendor."""
_PARTS: Final = {
    "input": "input_mtok",
    "cache_read": "cache_read_mtok",
    "cache_write_5m": "cache_write_mtok",
    "cache_write_1h": "cache_write_1h_mtok",
    "output": "output_mtok",
    "reasoning": "output_reasoning_mtok",
}
_INSTEAD: Final = (
    ("cache_read", "input", "no price of cache reads: they cost what input costs"),
    ("cache_write_5m", "input", "no price of cache writes: they cost what input costs"),
    ("cache_write_1h", "cache_write_5m", "no price of cache writes for an hour: they cost what shorter ones cost"),
)
"""Parts that cost what another costs where they have no price of their own."""
_SEARCH: Final = "web_searches_kcount"
_THOUSAND: Final = 1000
_PICO_OF_SEARCH: Final = 10**9
"""Picodollars for one of a thousand, per dollar."""


class Fault(Exception):  # noqa: N818
    """There is no price; the message says why."""


class GenaiBook:
    """Implements ``Book``; holds nothing but what it was asked before."""

    def __init__(self) -> None:
        self._tariffs = lru_cache(maxsize=4096)(self._found)

    @property
    def version(self) -> str:
        """The package."""
        from importlib.metadata import version  # noqa: PLC0415 - only where a price is shown

        return f"genai-prices {version('genai-prices')}"

    @property
    def latest(self) -> str:
        """The day of the latest change of a price that it knows, UTC; it may be still to come."""
        return _latest()

    def tariff(self, model: str, tier: str) -> Tariff:
        """The prices on all days."""
        return self._tariffs(model, tier)

    def days(self) -> frozenset[str]:
        """None: nothing is remembered here."""
        return frozenset()

    def models(self) -> Iterator[tuple[str, str]]:
        """The vendors that a name can lead to, with names of their models that lead there."""
        for vendor in _snapshot().providers:
            for model in vendor.models:
                name = model.id.replace("regional.", "us.", 1) if vendor.id == "aws" else f"{vendor.id}/{model.id}"
                named = translated(name)
                if named is not None and named.vendor == vendor.id:
                    yield vendor.id, name

    def _found(self, model: str, tier: str) -> Tariff:
        try:
            return _Entry(model, tier).tariff()
        except Fault as fault:
            return flat(Unpriced(model, str(fault)))


class _Entry:
    """One model of the book and one tier.

    Raises:
        Fault: the book does not know it.
    """

    def __init__(self, model: str, tier: str) -> None:
        named = translated(model)
        if named is None:
            message = "no rule tells whose model it is"
            raise Fault(message)
        self._asked = model
        self._tier = standard(tier)
        self._vendor = named.vendor
        self._it = _model(named)
        if any(hasattr(one.constraint, "start_time") for one in self._dated()):
            message = "its price depends on the time of day, which a sum does not tell"
            raise Fault(message)
        context = _CONTEXTS.get((named.vendor, tier))
        self._variants = [one for one in self._it.price_variants or () if context and one.when == context]
        row = factor(named.vendor, tier)
        self._factor = row if row is not None and (row.every or self._bears_out(row)) else None
        if self._tier != "standard" and not self._variants and self._factor is None:
            message = f"the book has no price of the tier {tier[:40]!r}"
            raise Fault(message)

    def tariff(self) -> Tariff:
        days = [one.constraint.start_date.isoformat() for one in chain(self._dated(), self._variants) if one.constraint]
        return tariff_of([*days, *([self._factor.since] if self._factor else [])], self._bands)

    def _bears_out(self, row: Factor) -> bool:
        """Whether the first price of the tier that the book has is so many times the standard one of that day."""
        starts = [one.constraint.start_date for one in self._variants if one.constraint]
        if not starts:
            return False
        at = datetime.combine(min(starts), datetime.min.time(), UTC)
        standard, own = vars(self._it.get_prices(at)), vars(self._it.get_prices(at, self._variants[0].when))
        return all(_steps(own.get(key)) == _steps(standard.get(key), row.times) for key in _PARTS.values())

    def _dated(self) -> list[Any]:
        return self._it.prices if isinstance(self._it.prices, list) else []

    def _bands(self, day: str) -> Iterator[Band]:
        """By size, on one day."""
        try:
            prices, times = self._prices(day)
        except Fault as fault:
            yield Band(-1, Unpriced(self._asked, str(fault)))
            return
        tiers = chain.from_iterable(getattr(prices.get(key), "tiers", ()) for key in (*_PARTS.values(), _SEARCH))
        for above in sorted({-1, *(_edge(tier.start) for tier in tiers)}):
            try:
                yield Band(above, self._rates(prices, above, day, times))
            except Fault as fault:
                yield Band(above, Unpriced(self._asked, str(fault)))

    def _prices(self, day: str) -> tuple[Mapping[str, Any], Factor | None]:
        """The prices of the book in force, and what to multiply them by."""
        at = datetime.combine(date.fromisoformat(day or "1970-01-01"), datetime.min.time(), UTC)
        if self._tier == "standard":
            return vars(self._it.get_prices(at)), None
        active = [one for one in self._variants if one.constraint is None or one.constraint.active(at)]
        if active:
            return vars(self._it.get_prices(at, active[0].when)), None
        if self._factor is not None and day >= self._factor.since:
            return vars(self._it.get_prices(at)), self._factor
        known = [one.constraint.start_date.isoformat() for one in self._variants]
        first = min([*known, *([self._factor.since] if self._factor else [])])
        message = f"the price of the tier {self._tier} is known from {first} on"
        raise Fault(message)

    def _rates(self, prices: Mapping[str, Any], above: int, day: str, times: Factor | None) -> Rates:
        by_part = {part: _at(prices.get(key), above) for part, key in _PARTS.items()}
        if by_part["input"] is None or by_part["output"] is None:
            message = "the book has no price of its tokens"
            raise Fault(message)
        lacking = [row for row in _INSTEAD if by_part[row[0]] is None]
        for part, other, _ in (*lacking, ("reasoning", "output", "")):
            by_part[part] = by_part[other] if by_part[part] is None else by_part[part]
        factor_of = Fraction(1) if times is None else times.times
        found = {part: _pico(price, factor_of) for part, price in by_part.items() if price is not None}
        search = _at(prices.get(_SEARCH), above)
        source = f"{self._vendor} {self._it.id}"
        return Rates(
            **found,
            web_search=None if search is None else round(Fraction(search) * _PICO_OF_SEARCH),
            source=source if times is None else f"{source}, times {times.times}: {times.source}",
            since=self._since(day, times),
            notes=tuple(note for _, other, note in lacking if other not in {part for part, _, _ in lacking}),
            assumed=tuple(part for part, _, _ in lacking),
            model=self._asked,
        )

    def _since(self, day: str, times: Factor | None) -> str | None:
        """The day on which these prices began."""
        days = [one.constraint.start_date.isoformat() for one in chain(self._dated(), self._variants) if one.constraint]
        return max((one for one in [*days, *([times.since] if times else [])] if one <= day), default=None)


@lru_cache(maxsize=1)
def _snapshot() -> Any:  # noqa: ANN401 - the library's
    from genai_prices.data_snapshot import get_snapshot  # noqa: PLC0415 - it takes a third of a second

    return get_snapshot()


@lru_cache(maxsize=1)
def _latest() -> str:
    listed = (model.prices for vendor in _snapshot().providers for model in vendor.models)
    dated = chain.from_iterable(one for one in listed if isinstance(one, list))
    days = [one.constraint.start_date for one in dated if hasattr(one.constraint, "start_date")]
    return max(days, default=date.min).isoformat()


@lru_cache(maxsize=4096)
def _model(named: Named) -> Any:  # noqa: ANN401 - the library's
    """The book's entry for a model.

    Raises:
        Fault: there is none.
    """
    vendor = next((one for one in _snapshot().providers if one.id == named.vendor), None)
    if vendor is None:
        message = f"the book has no prices of {named.vendor}"
        raise Fault(message)
    for name in (named.model, without_effort(named.model)):
        if name is None:
            continue
        asked = named._replace(model=name)
        for fits in (is_spelled, matches):
            found = next((one for one in vendor.models if fits(one, asked)), None)
            if found is not None:
                return found
    message = f"the book does not know the model ({named.vendor} {named.model})"
    raise Fault(message)


def _edge(start: int) -> int:
    """Where prices change: vendors say "above 200,000" or "from 200,000 on", which differs by one token."""
    return start + 1 if (start + 1) % _THOUSAND == 0 else start


def _steps(price: Any, times: Fraction = Fraction(1)) -> list[tuple[int, Fraction]]:  # noqa: ANN401 - the library's
    """A price by the size of the request, so many times."""
    if price is None:
        return []
    if isinstance(price, Decimal):
        return [(0, Fraction(price) * times)]
    return [(0, Fraction(price.base) * times), *((tier.start, Fraction(tier.price) * times) for tier in price.tiers)]


def _at(price: Any, above: int) -> Decimal | None:  # noqa: ANN401 - the library's
    """The price of requests that are larger than ``above``."""
    if price is None or isinstance(price, Decimal):
        return price
    chosen: Decimal = price.base
    for tier in price.tiers:
        if _edge(tier.start) <= above:
            chosen = tier.price
    return chosen


def _pico(price: Decimal, times: Fraction) -> int:
    found = pico_per_token(price)
    if found is None:
        message = f"its price {price} has too many decimals"
        raise Fault(message)
    return round(found * times)
