"""What a goal cost, by the price classes in its snapshots: so that a colleague's goal has a cost as well."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from tallybook.domain.figures import UNKNOWN_MODEL
from tallybook.domain.metrics import accounts
from tallybook.domain.money import Unpriced, cost_of, total_cost
from tallybook.pricing.port import Asked

if TYPE_CHECKING:
    from tallybook.domain.money import Cost
    from tallybook.domain.state import LedgerState
    from tallybook.pricing.book import GenaiBook


def goal_cost(state: LedgerState, book: GenaiBook, goal: str) -> Cost:
    """What a goal cost, by the price classes of its snapshots; numbers by hand tell no day, so they have no price."""
    usage = accounts(state).goals[goal]
    by_class = ((book.rates(Asked(*msgspec.structs.astuple(it.price_class))), it.tokens) for it in usage.classes)
    by_hand = (
        (Unpriced(share.usage.model or UNKNOWN_MODEL, "numbers by hand tell no day and no tier"), share.usage.tokens)
        for share in usage.manual
        if share.counts
    )
    return total_cost(cost_of(rates, tokens) for rates, tokens in (*by_class, *by_hand))
