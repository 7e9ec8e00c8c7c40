"""Budgets as a pure function: exact to the picodollar, and never more certain than prices are."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from tallybook.domain.budgets import WARN_PERCENT, BudgetUse, budgets_of, notices
from tallybook.domain.events import BudgetSet
from tallybook.domain.metrics import accounts
from tallybook.domain.money import Cost, Rates, Unpriced
from worlds import Book, used

if TYPE_CHECKING:
    from tallybook.domain.usage import PriceClass

NONE = Unpriced("own-1", "nobody knows it")
PICO_IN_NANO = 1000
_amounts = st.none() | st.integers(0, 10**12)
_costs = st.builds(
    lambda pico, priced, rest, least, free: Cost(
        pico if priced else 0,
        priced,
        priced + rest,
        frozenset({NONE} if rest or "unpriced" in free else ()),
        min(least, priced),
        searches_untold="untold" in free,
    ),
    st.integers(0, 10**15),
    st.integers(0, 10**6),
    st.integers(0, 10**6) | st.just(0),
    st.integers(0, 9) | st.just(0),
    st.sets(st.sampled_from(["untold", "unpriced"])),
)
_uses = st.builds(BudgetUse, st.none() | st.just("plan"), _amounts, _amounts, _amounts, st.none() | _costs)


@given(_uses)
def test_percent_and_rest_are_exact(use: BudgetUse) -> None:
    """Against fractions: the percent is rounded down, the rest is what was not used, and unknown stays unknown."""
    if use.tokens and use.used_tokens is not None:
        assert use.percent == int(Fraction(use.used_tokens * 100, use.tokens))
        assert use.left_tokens == use.tokens - use.used_tokens
    known = use.cost is not None and use.cost.is_known
    spent = Fraction(use.cost.pico_usd, PICO_IN_NANO) if use.cost is not None and known else None
    if use.nano_usd and spent is not None:
        assert use.money_percent == int(spent * 100 / use.nano_usd)
    else:
        assert use.money_percent is None
    assert (use.left_nano_usd is None) == (use.nano_usd is None or spent is None)
    if use.left_nano_usd is not None and use.nano_usd is not None and spent is not None:
        assert use.left_nano_usd == use.nano_usd - round(spent)
    in_money = use.nano_usd is not None and spent is not None and spent >= use.nano_usd
    in_tokens = use.tokens is not None and use.used_tokens is not None and use.used_tokens >= use.tokens
    assert use.exceeded is (in_money or in_tokens)
    warned = use.nano_usd is not None and spent is not None and spent * 100 >= use.nano_usd * WARN_PERCENT
    assert use.warns_in_money is warned
    cost = use.cost
    least = cost is not None and (bool(cost.unpriced) or cost.least > 0 or cost.searches_untold)
    assert use.is_least is least


@given(_uses)
def test_who_is_warned(use: BudgetUse) -> None:
    """A line for tokens, one for money, and one where a part of the money can't be known."""
    told = list(notices((use,)))
    assert sum(" tokens used: " in text for text in told) == use.warns
    assert sum(" USD used: " in text for text in told) == use.warns_in_money
    unchecked = use.nano_usd is not None and use.cost is not None and bool(use.cost.unpriced)
    assert sum(" is checked without " in text for text in told) == unchecked
    assert len(told) == use.warns + use.warns_in_money + unchecked


def price_of(agent: str, it: PriceClass) -> Rates | Unpriced:
    """A picodollar for a token of one model, a thousand for others."""
    assert agent == "claude"
    price = 1 if it.model == "m1" else 1000
    return Rates(price, price, price, price, price, price, 0, "book")


def no_price(agent: str, it: PriceClass) -> Rates | Unpriced:
    raise AssertionError((agent, it))


def test_stages_and_the_whole() -> None:
    """A stage that nobody has marked yet has used nothing that is known; of several of one name all count."""
    book = Book()
    book.start("g1", used("s1"))
    book.mark("g1", "plan", used("s1", 5))
    book.mark("g1", "build", used("s1", 5, 0, 3))
    book.mark("g1", "plan", used("s1", 9, 0, 3))
    book.write("g1", BudgetSet(None, 10))
    book.write("g1", BudgetSet(7, 20, "plan"))
    book.write("g1", BudgetSet(None, 30, "test"))
    state = book.state
    whole, plan, test = budgets_of(state, "g1", accounts(state).goals["g1"], price_of)
    assert whole.cost == Cost(9 + 3000, 12, 12)
    assert (plan.cost, plan.used_tokens, plan.percent) == (Cost(9, 9, 9), 9, 128)
    assert (test.cost, test.used_tokens, test.money_percent, test.left_nano_usd) == (None, None, None, None)
    assert whole.exceeded is False
    assert plan.exceeded is True


def test_a_book_is_opened_for_money_alone() -> None:
    book = Book()
    book.start("g1", used("s1"))
    book.mark("g1", "plan", used("s1", 5))
    book.write("g1", BudgetSet(7, None))
    state = book.state
    (only,) = budgets_of(state, "g1", accounts(state).goals["g1"], no_price)
    assert (only.used_tokens, only.cost) == (5, None)
