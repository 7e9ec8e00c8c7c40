"""What a book of prices is asked, and by whom it can be answered."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from tallybook.domain.tariffs import Tariff


class Book(Protocol):
    """A book of prices."""

    @property
    def version(self) -> str:
        """Which book, and of when."""
        ...

    def days(self) -> frozenset[str]:
        """Days on which prices change that were asked for before; there may be more."""
        ...

    def tariff(self, model: str, tier: str) -> Tariff:
        """The prices of a model and a tier, both as logged, on all days and for all sizes of requests.

        What has no price is in it with the reason; nothing is ever raised for a name.
        """
        ...
