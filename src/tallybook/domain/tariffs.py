"""Prices of one model over time and by the size of the request, as a value that can be asked and combined."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from tallybook.domain.money import Rates, Unpriced

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from tallybook.domain.sizes import Size


class Band(msgspec.Struct, frozen=True):
    """The prices of requests of more than ``above`` tokens of input, up to the next band."""

    above: int
    rates: Rates | Unpriced


class Stretch(msgspec.Struct, frozen=True):
    """The prices from one day on, up to the next stretch."""

    since: str
    """UTC, YYYY-MM-DD; empty for ever."""
    bands: tuple[Band, ...]
    """By size, each with other prices than the one before; the first begins at -1."""


class Tariff(msgspec.Struct, frozen=True):
    """All prices of one model and tier."""

    stretches: tuple[Stretch, ...]
    """By day; the first has no beginning."""

    def rates(self, day: str, size: Size) -> Rates | Unpriced:
        """The prices in force on a day (UTC, YYYY-MM-DD) for requests of such sizes, all of which cost the same."""
        bands = self.stretch(day).bands
        ends = [*(band.above for band in bands[1:]), None]
        touched = [
            band
            for band, end in zip(bands, ends, strict=True)
            if (end is None or end > size.above) and (size.most is None or band.above < size.most)
        ]
        if len(touched) > 1:
            model = next((it.rates.model for it in touched if it.rates.model), "")
            reason = f"its price changes at {touched[1].above:,} tokens of context, which a sum does not tell"
            return Unpriced(model, reason)
        return touched[0].rates

    def days(self) -> tuple[str, ...]:
        """The days from which on other prices hold."""
        return tuple(stretch.since for stretch in self.stretches[1:])

    def stretch(self, day: str) -> Stretch:
        """The prices of all sizes on a day."""
        found = self.stretches[0]
        for stretch in self.stretches[1:]:
            if stretch.since > day:
                break
            found = stretch
        return found


def flat(rates: Rates | Unpriced) -> Tariff:
    """The same on all days and for all sizes."""
    return Tariff((Stretch("", (Band(-1, rates),)),))


def tariff_of(days: Iterable[str], bands_on: Callable[[str], Iterable[Band]]) -> Tariff:
    """The tariff that changes on these days at most; what does not change is one stretch, and one band."""
    stretches: list[Stretch] = []
    for day in sorted({"", *days}):
        bands: list[Band] = []
        for band in bands_on(day):
            if not bands or bands[-1].rates != band.rates:
                bands.append(band)
        if not stretches or stretches[-1].bands != tuple(bands):
            stretches.append(Stretch(day, tuple(bands)))
    return Tariff(tuple(stretches))
