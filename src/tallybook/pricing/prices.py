"""What tokens cost here and now: the book's prices, and what was agreed otherwise."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from tallybook.domain.sizes import size_of
from tallybook.pricing.agreed import Agreed, Asked

if TYPE_CHECKING:
    from tallybook.domain.money import Rates, Unpriced
    from tallybook.domain.tariffs import Tariff
    from tallybook.domain.usage import PriceClass
    from tallybook.pricing.port import Book


class Prices:
    """Prices by agent, model and tier; each is worked out once."""

    def __init__(self, book: Book, agreed: Agreed | None = None) -> None:
        self.agreed = Agreed() if agreed is None else agreed
        self._book = book
        self._seen: set[str] = set()
        self._tariffs = lru_cache(maxsize=4096)(self._found)
        self._classes = lru_cache(maxsize=65_536)(self._of_class)

    @property
    def version(self) -> str:
        """Of the book."""
        return self._book.version

    @property
    def by_agent(self) -> bool:
        """Whether it matters which agent it was."""
        return self.agreed.by_agent

    def listed(self) -> Prices:
        """The same without what was agreed."""
        return Prices(self._book)

    def days(self) -> frozenset[str]:
        """Days on which prices may change, as far as that is known before any is asked for."""
        return self._book.days() | self.agreed.days() | self._seen

    def tariff(self, agent: str, model: str, tier: str) -> Tariff:
        """The prices on all days and for all sizes."""
        return self._tariffs(agent if self.by_agent else "", model, tier)

    def of_class(self, agent: str, it: PriceClass) -> Rates | Unpriced:
        """The prices of the responses of one price class."""
        return self._classes(agent if self.by_agent else "", it)

    def _found(self, agent: str, model: str, tier: str) -> Tariff:
        tariff = self.agreed.applied(Asked(agent, model, tier), self._book.tariff(model, tier))
        self._seen.update(tariff.days())
        return tariff

    def _of_class(self, agent: str, it: PriceClass) -> Rates | Unpriced:
        return self.tariff(agent, it.model, it.tier).rates(it.day, size_of(it.context))
