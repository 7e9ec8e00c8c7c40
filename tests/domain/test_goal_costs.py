"""What goals cost by their snapshots: every token once, and the parts of a goal are the whole."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from tallybook.domain.events import UsageManual
from tallybook.domain.goal_costs import BY_HAND, GoalCosts, PriceOf, costs_of, no_prices, remainder_cost, total_of_goal
from tallybook.domain.metrics import accounts
from tallybook.domain.money import Cost, Rates, Unpriced, cost_of, total_cost
from tallybook.domain.replay import fold
from tallybook.domain.tokens import TokenVector
from worlds import Book, World, born, messy_events, of_class, used, worlds

if TYPE_CHECKING:
    from tallybook.domain.events import Event
    from tallybook.domain.state import LedgerState
    from tallybook.domain.usage import PriceClass


def prices(agent: str, it: PriceClass) -> Rates | Unpriced:
    """Other ones for each class; some have none."""
    number = sum(map(ord, f"{agent}{it.model}{it.tier}{it.context}{it.day}"))
    if number % 5 == 0:
        return Unpriced(it.model, "nobody knows")
    return Rates(number, 1, 2, 3, 5, 7, 11, source="book", model=it.model)


def all_costs(state: LedgerState, price_of: PriceOf = prices) -> dict[str, GoalCosts]:
    """Of every goal that is not merged into another."""
    handed_out = accounts(state).goals
    return {
        goal: costs_of(state, goal, handed_out[goal], price_of)
        for goal in state.goals
        if state.goals[goal].merged_into is None
    }


def assert_adds_up(state: LedgerState) -> None:
    """Models, attempts and stages of a goal, each to its whole; goals and remainder to all that was seen."""
    for goal, costs in all_costs(state).items():
        usage = accounts(state).goals[goal]
        assert total_of_goal(state, goal, prices) == costs.total
        if costs.total is None:
            assert usage.measure.tokens is None
            continue
        assert usage.measure.tokens is not None
        assert costs.total.tokens == usage.measure.tokens.total
        assert costs.total == total_cost(costs.by_model.values())
        assert {model: cost.tokens for model, cost in costs.by_model.items()} == {
            model: tokens.total for model, tokens in usage.by_model
        }
        by_hand = [share.usage.tokens.total for share in usage.manual if share.counts]
        for parts, uses in ((costs.attempts, usage.attempts), (costs.stages, usage.stages)):
            assert [cost is None for cost in parts] == [use.measure.tokens is None for use in uses]
            whole = total_cost(cost for cost in parts if cost is not None)
            assert whole.tokens + sum(by_hand) == costs.total.tokens
            assert (whole.pico_usd, whole.priced) == (costs.total.pico_usd, costs.total.priced)


@settings(max_examples=30)
@given(worlds())
def test_parts_are_the_whole_in_a_world(world: World) -> None:
    """And each response is priced once, by its own class."""
    state = world.book.state
    assert_adds_up(state)
    true = total_cost(
        cost_of(
            prices(session.key.agent, response.usage.price_class), response.usage.tokens, response.usage.web_searches
        )
        for session in world.sessions
        for response in session.counted
    )
    goals = [costs.total for costs in all_costs(state).values() if costs.total is not None]
    assert total_cost(goals) + remainder_cost(state, prices) == true


@settings(max_examples=30)
@given(st.one_of(messy_events(), worlds().map(lambda world: world.book.events)))
def test_parts_are_the_whole_whatever_the_counters_do(events: list[Event]) -> None:
    """Counters that were set back, sessions that vanish, goals that were merged."""
    assert_adds_up(fold(events))


@pytest.fixture
def book() -> Book:
    return Book()


def test_numbers_by_hand_have_no_price(book: Book) -> None:
    """They tell no day and no tier; beside them nothing is measured."""
    book.start("a")
    book.write("a", UsageManual(TokenVector(input=7)))
    (costs,) = all_costs(book.state).values()
    assert costs.total == Cost(0, 0, 7, frozenset((Unpriced("unknown", BY_HAND),)))
    assert total_of_goal(book.state, "a", prices) == costs.total
    assert costs.attempts == costs.stages == (None,)
    assert remainder_cost(book.state, prices) == Cost()


def test_fees_are_not_lost_beside_searches_that_nobody_counted(book: Book) -> None:
    """Of one price class, one session tells how many searches there were and an early one does not."""
    before, after = (
        replace(used("s"), classes=(replace(of_class(0, tokens), web_searches=searches),))
        for tokens, searches in ((5, 3), (6, 5))
    )
    book.start("a", before)
    book.finish("a", after, born(used("t", 7)))
    fee = Rates(1, 1, 1, 1, 1, 1, web_search=1000, source="book")
    (costs,) = all_costs(book.state, lambda *_: fee).values()
    assert costs.total == total_of_goal(book.state, "a", lambda *_: fee)
    assert costs.total is not None
    assert (costs.total.pico_usd, costs.total.searches_untold) == (1 + 7 + 2 * 1000, True)


def test_nothing_measured_costs_nobody_knows_what(book: Book) -> None:
    """Which is not 0."""
    book.start("a")
    (costs,) = all_costs(book.state).values()
    assert costs.total is None


@settings(max_examples=30)
@given(worlds())
def test_without_a_book_nothing_has_a_price(world: World) -> None:
    """And all tokens are told as such."""
    state = world.book.state
    for goal, usage in accounts(state).goals.items():
        if state.goals[goal].merged_into is None and usage.measure.tokens is not None:
            total = costs_of(state, goal, usage, no_prices).total
            assert total is not None
            assert (total.priced, total.tokens) == (0, usage.measure.tokens.total)
