"""What a book of prices is asked, and by whom it can be answered."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from tallybook.domain.money import Rates, Unpriced


class Asked(NamedTuple):
    """All that the price of a response depends on, besides its tokens."""

    model: str
    """As logged."""
    tier: str
    context: str
    """Band of the single request, see ``domain.usage.context_band``."""
    day: str
    """UTC, YYYY-MM-DD."""


class Book(Protocol):
    """A book of prices."""

    version: str
    """Which book, and of when."""

    def rates(self, asked: Asked) -> Rates | Unpriced:
        """The prices in force; or why there are none."""
        ...
