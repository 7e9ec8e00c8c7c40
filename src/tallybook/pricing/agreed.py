"""What the owner has agreed with vendors: rates, discounts, credits and subscriptions, each for some days, UTC."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from fnmatch import fnmatchcase
from fractions import Fraction
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec
from msgspec.structs import replace

from tallybook.domain.money import PARTS, Rates, Unpriced
from tallybook.domain.subscriptions import Subscription
from tallybook.domain.tariffs import Band, Tariff, tariff_of
from tallybook.pricing.names import standard, translated

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_INSTEAD: Final = {
    "cache_read": "input",
    "cache_write_5m": "input",
    "cache_write_1h": "cache_write_5m",
    "reasoning": "output",
}
_WHOLE: Final = frozenset({"input", "output"})


class Asked(NamedTuple):
    """Whose price it is."""

    agent: str
    model: str
    """As logged."""
    tier: str


class Where(msgspec.Struct, frozen=True):
    """What something is agreed for; None for all."""

    agent: str | None = None
    vendor: str | None = None
    model: str | None = None
    """As logged, or a pattern with ``*``, which alone stands for anything."""
    tier: str | None = None
    since: str = ""
    """UTC, YYYY-MM-DD; empty for ever."""
    until: str | None = None
    """The first day on which it does not hold any more."""

    def fits(self, asked: Asked) -> bool:
        """Whether it is for these, on some day."""
        named = translated(asked.model) if self.vendor is not None else None
        return (
            self.agent in {None, asked.agent}
            and (self.model is None or _like(asked.model, self.model))
            and (self.tier is None or _like(standard(asked.tier), standard(self.tier)))
            and (self.vendor is None or (named is not None and named.vendor == self.vendor))
        )

    def on(self, day: str) -> bool:
        """Whether it holds on that day."""
        return self.since <= day and (self.until is None or day < self.until)

    def days(self) -> Iterator[str]:
        """On which it begins and ends."""
        yield self.since
        if self.until is not None:
            yield self.until


class AgreedRate(msgspec.Struct, frozen=True):
    """Prices in place of those of the book, for requests of all sizes; a part that is not named keeps the book's."""

    where: Where
    parts: Mapping[str, int]
    """Picodollars per token, by ``PARTS``."""
    web_search: int | None
    """Picodollars per request."""
    source: str


class Discount(msgspec.Struct, frozen=True):
    """So much off every price, the agreed ones too."""

    where: Where
    percent: Fraction
    source: str


class Credit(msgspec.Struct, frozen=True):
    """Money that was given: it pays for what is used in its time, and changes no price."""

    where: Where
    pico_usd: int
    source: str


class Agreed(msgspec.Struct, frozen=True):
    """All that was agreed; of rates and of discounts the first that fits counts."""

    rates: tuple[AgreedRate, ...] = ()
    discounts: tuple[Discount, ...] = ()
    credits: tuple[Credit, ...] = ()
    subscriptions: tuple[Subscription, ...] = ()
    """None of them covers what another one does; they change no price."""

    @property
    def by_agent(self) -> bool:
        """Whether prices differ between agents."""
        return any(where.agent is not None for where in self._places())

    def days(self) -> frozenset[str]:
        """On which something begins or ends to hold."""
        return frozenset(day for where in self._places() for day in where.days() if day)

    def _places(self) -> list[Where]:
        return [one.where for one in self.rates] + [one.where for one in self.discounts]

    def applied(self, asked: Asked, tariff: Tariff) -> Tariff:
        """What the book's prices become."""
        rates = [one for one in self.rates if one.where.fits(asked)]
        discounts = [one for one in self.discounts if one.where.fits(asked)]
        if not rates and not discounts:
            return tariff
        places = [one.where for one in rates] + [one.where for one in discounts]
        changes = (day for where in places for day in where.days())

        def bands(day: str) -> Iterator[Band]:
            rate = next((one for one in rates if one.where.on(day)), None)
            discount = next((one for one in discounts if one.where.on(day)), None)
            for band in tariff.stretch(day).bands:
                found = band.rates if rate is None else _agreed(rate, band.rates, asked)
                yield Band(band.above, found if discount is None else _less(discount, found))

        return tariff_of([*tariff.days(), *changes], bands)


def _agreed(rate: AgreedRate, listed: Rates | Unpriced, asked: Asked) -> Rates | Unpriced:
    known = isinstance(listed, Rates)
    if not known and not rate.parts.keys() >= _WHOLE:
        missing = " and ".join(sorted(_WHOLE - rate.parts.keys()))
        return Unpriced(asked.model, f"{rate.source} tells no price of its {missing}, and neither does the book")
    parts: dict[str, int] = {}
    assumed: list[str] = []
    for part in PARTS:
        if part in rate.parts:
            parts[part] = rate.parts[part]
        elif isinstance(listed, Rates) and part not in _borrowed(listed):
            parts[part] = getattr(listed, part)
        else:
            parts[part] = parts[_INSTEAD[part]]
            assumed += [part] if part != "reasoning" else []
    search = listed.web_search if rate.web_search is None and isinstance(listed, Rates) else rate.web_search
    since = rate.where.since or None
    return Rates(
        **parts, web_search=search, source=rate.source, since=since, notes=_notes(assumed), assumed=tuple(assumed),
        model=asked.model,
    )  # fmt: skip


def _borrowed(listed: Rates) -> frozenset[str]:
    """Parts that have no price of their own in the book: they cost what the agreed part costs that stands for them."""
    return frozenset({*listed.assumed, *(["reasoning"] if listed.reasoning == listed.output else [])})


def _notes(assumed: Iterable[str]) -> tuple[str, ...]:
    return tuple(f"no price of {part}: it costs what {_INSTEAD[part]} costs" for part in assumed)


def _less(discount: Discount, listed: Rates | Unpriced) -> Rates | Unpriced:
    if isinstance(listed, Unpriced):
        return listed
    left = 1 - discount.percent / 100
    parts = {part: round(getattr(listed, part) * left) for part in PARTS}
    search = None if listed.web_search is None else round(listed.web_search * left)
    note = f"less {_shown(discount.percent)} %: {discount.source}"
    return replace(listed, **parts, web_search=search, notes=(*listed.notes, note))


def _like(text: str, pattern: str) -> bool:
    """Whether it is the pattern; brackets are none, as in ``claude-opus-4-5[1m]``."""
    return fnmatchcase(text, pattern.replace("[", "[[]").replace("?", "[?]"))


def _shown(percent: Fraction) -> str:
    return f"{Decimal(percent.numerator) / percent.denominator:f}"
