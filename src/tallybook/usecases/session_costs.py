"""What sessions cost, as the history knows their responses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tallybook.domain.money import Unpriced, cost_of
from tallybook.domain.problems import Refusal
from tallybook.domain.tokens import ZERO
from tallybook.domain.usage import SessionKey
from tallybook.history.choice import Filter
from tallybook.history.usage import Query, usage
from tallybook.history.zones import LocalZone

if TYPE_CHECKING:
    from collections.abc import Collection

    from tallybook.domain.money import Cost
    from tallybook.history.store import Store
    from tallybook.usecases.price_book import PriceBook


def session_costs(store: Store, book: PriceBook, keys: Collection[SessionKey]) -> dict[SessionKey, Cost]:
    """The cost of each session by itself, without its child sessions; where the book can't be used, the reason."""
    if not keys:
        return {}
    prices = book.prices()
    priced = None if isinstance(prices, Refusal) else prices
    query = Query(("agent", "session"), LocalZone(), Filter(sessions=tuple({key.session for key in keys})), priced)
    found = {SessionKey(*(name or "" for name in row.key)): row for row in usage(store, query).rows}
    costs = {key: found[key].cost for key in keys if key in found and found[key].tokens is not None}
    if isinstance(prices, Refusal):
        unknown = Unpriced("", prices.message)
        return {key: cost_of(unknown, found[key].tokens or ZERO) for key in costs}
    book.keep()
    return {key: cost for key, cost in costs.items() if cost is not None}
