"""Responses added up by all that a price depends on: each by its own day, tier and size."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Final

import msgspec

from tallybook.domain.tokens import TokenVector
from tallybook.history.sums import BAND, BANDS, SUMS

if TYPE_CHECKING:
    from tallybook.history.store import Store

_DAY: Final = 86_400_000_000
_EPOCH: Final = date(1970, 1, 1)


class PricedSum(msgspec.Struct, frozen=True):
    """The responses of one price class."""

    model: str
    tier: str
    context: str
    day: str | None
    """UTC; None for responses without a time."""
    responses: int
    web_searches: int
    tokens: TokenVector


def priced_sums(store: Store) -> tuple[PricedSum, ...]:
    """All responses of all agents, by price class."""
    rows = store.rows(
        f"""SELECT m.text, t.text, {BAND}, r.at / {_DAY}, count(*), sum(r.web_searches), {SUMS}
        FROM response r JOIN word m ON m.id = r.model JOIN word t ON t.id = r.tier
        GROUP BY r.model, r.tier, 3, 4 ORDER BY 1, 2, 3, 4"""  # noqa: S608
    )
    return tuple(
        PricedSum(model, tier, BANDS[band], _day(day), count, searches, TokenVector(*parts))
        for model, tier, band, day, count, searches, *parts in rows
    )


def _day(number: int | None) -> str | None:
    return None if number is None else f"{_EPOCH + timedelta(days=number):%Y-%m-%d}"
