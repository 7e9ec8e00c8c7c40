"""What goals cost, from the price classes in their snapshots alone: so that a colleague's goal has a cost as well.

``costs_of`` prices one goal; what ``tally usage`` tells of the history is priced by ``history.costs``.

A price class holds all that the price of a token depends on, and prices are whole numbers for each token: the cost of
a class is the sum of the costs of its responses, to the last picodollar. Early snapshots don't tell how many searches
of the web there were: the cost of what they tell is a lower bound, unless a search costs nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final

import msgspec

from tallybook.domain.figures import UNKNOWN_MODEL
from tallybook.domain.metrics import accounts, members_of, segments_of_goal, segments_of_session
from tallybook.domain.money import NOTHING, Cost, Rates, Unpriced, cost_of, total_cost
from tallybook.domain.usage import PriceClass

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tallybook.domain.attribution import Segment
    from tallybook.domain.figures import AttemptUsage, GoalUsage
    from tallybook.domain.state import LedgerState

PriceOf = Callable[[str, PriceClass], Rates | Unpriced]
"""The prices of the responses of one price class of an agent."""
BY_HAND: Final = "numbers given by hand tell no day and no tier"
Place = tuple[str, int, int]
"""A goal, the number of its attempt, and the place of a stage in it."""


class GoalCosts(msgspec.Struct, frozen=True):
    """What one goal cost, with those that were merged into it; None where nothing was measured."""

    total: Cost | None
    by_model: Mapping[str, Cost]
    """Of the same models as ``GoalUsage.by_model``."""
    attempts: tuple[Cost | None, ...]
    """In the order of ``GoalUsage.attempts``."""
    stages: tuple[Cost | None, ...]
    """In the order of ``GoalUsage.stages``."""


def no_prices(agent: str, it: PriceClass) -> Rates | Unpriced:
    """Prices of nothing, where nobody has opened a book."""
    del agent
    return Unpriced(it.model, "no price book")


def costs_of(state: LedgerState, goal_id: str, usage: GoalUsage, price_of: PriceOf) -> GoalCosts:
    """What a goal cost, as ``usage`` tells what it used.

    Raises:
        KeyError: there is no such goal.
    """
    models: dict[str, Cost] = defaultdict(Cost)
    places: dict[Place, Cost] = defaultdict(Cost)
    owned = segments_of_goal(state, members_of(state, goal_id))
    for owner, segment in ((part.owner, part) for part in owned if part.owner is not None):
        for model, cost in _by_model(segment, price_of):
            models[model] += cost
            places[owner.goal, owner.attempt, owner.stage] += cost
    for told in (share.usage for share in usage.manual if share.counts):
        model = told.model or UNKNOWN_MODEL
        models[model] += cost_of(Unpriced(model, BY_HAND), told.tokens)
    known = usage.measure.tokens is not None
    stages = tuple(
        None if stage.measure.tokens is None else places.get(place, NOTHING)
        for stage, place in zip(usage.stages, _stage_places(usage), strict=True)
    )
    return GoalCosts(
        total=total_cost(models.values()) if known else None,
        by_model={model: models.get(model, NOTHING) for model, _ in usage.by_model},
        attempts=tuple(_of_attempt(attempt, places) for attempt in usage.attempts),
        stages=stages,
    )


def total_of_goal(state: LedgerState, goal_id: str, price_of: PriceOf) -> Cost | None:
    """``costs_of(...).total``, and no more than is needed for it.

    Raises:
        KeyError: there is no such goal.
    """
    known = accounts(state)
    if known.measures[goal_id].tokens is None:
        return None
    if any(member.manual is not None for member in members_of(state, goal_id)):
        return costs_of(state, goal_id, known.goals[goal_id], price_of).total
    return total_cost(
        cost_of(price_of(agent, usage.price_class), usage.tokens, usage.web_searches)
        for agent, usage in known.spending[goal_id]
    )


def remainder_cost(state: LedgerState, price_of: PriceOf) -> Cost:
    """What usage costs that belongs to no goal, in sessions that goals have touched."""
    return total_cost(
        cost
        for key, share in accounts(state).shares.items()
        if share.rest is not None
        for segment in segments_of_session(state, key, None)
        for _, cost in _by_model(segment, price_of)
    )


def _by_model(segment: Segment, price_of: PriceOf) -> Iterable[tuple[str, Cost]]:
    for usage in segment.classes:
        rates = price_of(segment.session.agent, usage.price_class)
        yield usage.price_class.model, cost_of(rates, usage.tokens, usage.web_searches)


def _of_attempt(usage: AttemptUsage, places: Mapping[Place, Cost]) -> Cost | None:
    if usage.measure.tokens is None:
        return None
    number, last = usage.attempt.number, len(usage.attempt.stages)
    return total_cost(places.get((usage.goal, number, index), NOTHING) for index in range(last + 1))


def _stage_places(usage: GoalUsage) -> Iterable[Place]:
    for attempt in usage.attempts:
        for index in range(len(attempt.attempt.stages) + 1):
            yield attempt.goal, attempt.attempt.number, index
