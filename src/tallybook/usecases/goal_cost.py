"""What a goal cost, by the price classes in its snapshots: so that a colleague's goal has a cost as well."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tallybook.domain.goal_costs import total_of_goal
from tallybook.domain.money import NOTHING

if TYPE_CHECKING:
    from tallybook.domain.money import Cost
    from tallybook.domain.state import LedgerState
    from tallybook.usecases.price_book import PriceBook


def goal_cost(state: LedgerState, book: PriceBook, goal: str) -> Cost:
    """What a goal cost; nothing where nothing was measured."""
    return total_of_goal(state, goal, book.of_class) or NOTHING
