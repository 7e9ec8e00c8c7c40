"""The prices that come with the package genai-prices, each from its day on; nothing is ever fetched.

The library is imported when the first price is asked for: it takes longer than most commands.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from tallybook.domain.money import Rates, Unpriced, pico_per_token
from tallybook.domain.usage import CONTEXT_BANDS, LONGEST_BAND
from tallybook.pricing.names import Named, translated, without_effort

if TYPE_CHECKING:
    from tallybook.pricing.port import Asked

_STANDARD: Final = frozenset({"", "standard", "default", "auto", "on_demand"})
_CONTEXTS: Final = {
    ("anthropic", "fast"): {"speed": "fast"},
    **{(vendor, "batch"): {"processing": "batch"} for vendor in ("anthropic", "openai", "google", "mistral", "x-ai")},
    **{(vendor, tier): {"service_tier": tier} for vendor in ("openai", "google") for tier in ("flex", "priority")},
    ("openai", "fast"): {"service_tier": "fast"},
}
"""What the book calls a tier, by vendor."""
_MOST: Final = {**{name: most for most, name in CONTEXT_BANDS}, LONGEST_BAND: 10**9}
_LEAST: Final = dict(zip(_MOST, (0, *(most for most, _ in CONTEXT_BANDS)), strict=True))
_THOUSAND: Final = 1000
_PARTS: Final = ("input_mtok", "cache_read_mtok", "cache_write_mtok", "cache_write_1h_mtok", "output_mtok",
                 "output_reasoning_mtok")  # fmt: skip


_SUFFIXES: Final = frozenset({"-latest", "-preview", "-exp", "-thinking", "-001", "-002"})
"""What may stand behind a name that the book knows the beginning of."""


class Fault(Exception):  # noqa: N818
    """There is no price; the message says why."""


class GenaiBook:
    """Implements ``Book``; holds nothing but what it was asked before."""

    def __init__(self) -> None:
        self._rates = lru_cache(maxsize=65_536)(self._found)

    @property
    def version(self) -> str:
        """The package, and the day of its data where it tells one."""
        from importlib.metadata import version  # noqa: PLC0415 - only where a price is shown

        return f"genai-prices {version('genai-prices')}"

    def rates(self, asked: Asked) -> Rates | Unpriced:
        """The prices in force on that day."""
        return self._rates(asked)

    def _found(self, asked: Asked) -> Rates | Unpriced:
        try:
            return self._priced(asked)
        except Fault as fault:
            return Unpriced(asked.model, str(fault))

    def _priced(self, asked: Asked) -> Rates:
        named = translated(asked.model)
        if named is None:
            message = "no rule tells whose model it is"
            raise Fault(message)
        found, named = _model(named)
        if _by_the_hour(found):
            message = "its price depends on the time of day, which a sum does not tell"
            raise Fault(message)
        at = datetime.combine(date.fromisoformat(asked.day), datetime.min.time(), UTC)
        prices = found.get_prices(at, _context(found, named.vendor, asked, at))
        parts = {name: _at(getattr(prices, name, None), asked.context) for name in _PARTS}
        fresh, output = parts["input_mtok"], parts["output_mtok"]
        if fresh is None or output is None:
            message = "the book has no price of its tokens"
            raise Fault(message)
        read = fresh if parts["cache_read_mtok"] is None else parts["cache_read_mtok"]
        write = fresh if parts["cache_write_mtok"] is None else parts["cache_write_mtok"]
        longer = write if parts["cache_write_1h_mtok"] is None else parts["cache_write_1h_mtok"]
        thought = output if parts["output_reasoning_mtok"] is None else parts["output_reasoning_mtok"]
        search = getattr(prices, "web_searches_kcount", None)
        return Rates(
            input=_pico(fresh),
            cache_read=_pico(read),
            cache_write_5m=_pico(write),
            cache_write_1h=_pico(longer),
            output=_pico(output),
            reasoning=_pico(thought),
            web_search=_pico(_at(search, asked.context) or Decimal(0)) * _THOUSAND,
            source=f"{self.version}: {named.vendor} {found.id}",
            since=_since(found, at),
            notes=tuple(_notes(parts)),
        )


def _notes(parts: dict[str, Decimal | None]) -> list[str]:
    missing = {
        "cache_read_mtok": "no price of cache reads: they cost what input costs",
        "cache_write_mtok": "no price of cache writes: they cost what input costs",
    }
    notes = [text for name, text in missing.items() if parts[name] is None]
    if parts["cache_write_mtok"] is not None and parts["cache_write_1h_mtok"] is None:
        notes.append("no price of cache writes for an hour: they cost what shorter ones cost")
    return notes


@lru_cache(maxsize=1)
def _snapshot() -> Any:  # noqa: ANN401 - the library's
    from genai_prices.data_snapshot import get_snapshot  # noqa: PLC0415 - it takes a third of a second

    return get_snapshot()


@lru_cache(maxsize=4096)
def _model(named: Named) -> tuple[Any, Named]:
    """The book's entry for a model, under the name that it was found by.

    Raises:
        Fault: there is none.
    """
    snapshot = _snapshot()
    vendor = next((one for one in snapshot.providers if one.id == named.vendor), None)
    if vendor is None:
        message = f"the book has no prices of {named.vendor}"
        raise Fault(message)
    for name in (named.model, without_effort(named.model)):
        found = None if name is None else vendor.find_model(name)
        if found is not None and name is not None and (_names(found.match, name) or _is_really(found, name)):
            return found, Named(named.vendor, name)
    message = f"the book does not know the model ({named.vendor} {named.model})"
    raise Fault(message)


def _names(match: Any, name: str) -> bool:  # noqa: ANN401 - the library's
    """Whether the book lists the very name, not just how names begin or what stands in them."""
    if hasattr(match, "or_"):
        return any(_names(one, name) for one in match.or_)
    return bool(getattr(match, "equals", None) and match.equals.lower() == name)


def _is_really(known: Any, name: str) -> bool:  # noqa: ANN401 - the library's
    """Whether the name is the model's, with a date or a plain suffix at most: the book takes all that begins so."""
    own = _plain(name)
    bases = [base for base in map(_plain, (known.id, *_beginnings(known.match))) if own.startswith(base)]
    if not bases:
        return True
    rest = own[len(max(bases, key=len)) :]
    return not rest or rest.lstrip("-@").isdigit() or rest in _SUFFIXES


def _beginnings(match: Any) -> list[str]:  # noqa: ANN401 - the library's
    """What names of the model begin with."""
    if hasattr(match, "or_"):
        return [name for one in match.or_ for name in _beginnings(one)]
    begin = getattr(match, "starts_with", None)
    return [begin] if begin else []


def _plain(name: str) -> str:
    return name.lower().replace(".", "-").replace("_", "-")


def _context(found: Any, vendor: str, asked: Asked, at: datetime) -> dict[str, str] | None:  # noqa: ANN401 - the library's
    """What tells the book the tier.

    Raises:
        Fault: the tier has no price that is known for that day.
    """
    if asked.tier in _STANDARD:
        return None
    context = _CONTEXTS.get((vendor, asked.tier))
    variants = [one for one in found.price_variants or () if context and one.when == context]
    if not variants:
        message = f"the book has no price of the tier {asked.tier}"
        raise Fault(message)
    if not any(one.constraint is None or one.constraint.active(at) for one in variants):
        first = min(str(one.constraint.start_date) for one in variants if hasattr(one.constraint, "start_date"))
        message = f"the price of the tier {asked.tier} is known from {first} on"
        raise Fault(message)
    return context


def _at(price: Any, band: str) -> Decimal | None:  # noqa: ANN401 - the library's
    """The price for requests of a band of contexts.

    Raises:
        Fault: the band has two of them.
    """
    if price is None or isinstance(price, Decimal):
        return price
    chosen: Decimal = price.base
    for tier in price.tiers:
        if _LEAST[band] < tier.start < _MOST[band]:
            message = f"its price changes at {tier.start:,} tokens of context, which a sum does not tell"
            raise Fault(message)
        if tier.start <= _LEAST[band]:
            chosen = tier.price
    return chosen


def _by_the_hour(found: Any) -> bool:  # noqa: ANN401 - the library's
    return isinstance(found.prices, list) and any(hasattr(one.constraint, "start_time") for one in found.prices)


def _since(found: Any, at: datetime) -> str | None:  # noqa: ANN401 - the library's
    if not isinstance(found.prices, list):
        return None
    days = [one.constraint.start_date for one in found.prices if hasattr(one.constraint, "start_date")]
    past = [day for day in days if day <= at.date()]
    return max(past).isoformat() if past else None


def _pico(price: Decimal) -> int:
    found = pico_per_token(price)
    if found is None:
        message = f"its price {price} has too many decimals"
        raise Fault(message)
    return found
