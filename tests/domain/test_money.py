"""Money is whole numbers: sums in any order and any grouping are the same, and what has no price is never nothing."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallybook.domain.money import (
    NOTHING,
    Cost,
    Rates,
    Unpriced,
    cost_of,
    half_even,
    pico_per_token,
    priced_counts,
    total_cost,
)
from tallybook.domain.tokens import TokenVector

if TYPE_CHECKING:
    import random

counts = st.integers(0, 10**7)
vectors = st.builds(lambda a, b, c, d, e, f, g: TokenVector(a, b, c, d, e, f + g, g), *[counts] * 7)
prices = st.integers(0, 10**8)
rates = st.builds(
    Rates, *[prices] * 6, prices | st.none(), source=st.just("book"), assumed=st.sampled_from([(), ("cache_read",)])
)
unpriced = st.builds(Unpriced, st.sampled_from("mn"), st.sampled_from(["a", "b"]))
costs = st.builds(cost_of, rates | unpriced, vectors, st.integers(0, 9))


@given(st.lists(costs, max_size=9), st.randoms(use_true_random=False))
def test_sums_do_not_depend_on_order_or_grouping(parts: list[Cost], chance: random.Random) -> None:
    """The cost of parts is the cost of the whole, to the last picodollar."""
    whole = total_cost(parts)
    shuffled = list(parts)
    chance.shuffle(shuffled)
    middle = len(parts) // 2
    assert total_cost(shuffled) == whole == total_cost(parts[:middle]) + total_cost(parts[middle:])
    assert whole.priced == sum(one.priced for one in parts)
    assert 0 <= whole.share <= 1
    assert NOTHING + whole == whole


@given(rates, vectors, vectors)
def test_the_cost_of_a_sum_is_the_sum_of_costs(its: Rates, one: TokenVector, other: TokenVector) -> None:
    """So a sum of one price class may be priced at once."""
    assert its.cost(one + other, 3) == its.cost(one, 1) + its.cost(other, 2)


@given(rates, vectors)
def test_each_token_is_priced_once(its: Rates, tokens: TokenVector) -> None:
    """Reasoning is a part of the output; an unknown cache write costs what the shorter one costs."""
    by_hand = (
        tokens.input * its.input + tokens.cache_read * its.cache_read + tokens.cache_write_5m * its.cache_write_5m
        + tokens.cache_write_unknown * its.cache_write_5m + tokens.cache_write_1h * its.cache_write_1h
        + (tokens.output - tokens.reasoning) * its.output + tokens.reasoning * its.reasoning
    )  # fmt: skip
    assert its.cost(tokens) == by_hand == sum(its.parts(tokens).values())
    assert its.parts(tokens, 3)["web_search"] == 3 * (its.web_search or 0)
    assert sum(priced_counts(tokens).values()) == tokens.total


def test_what_has_no_price_is_null_and_named() -> None:
    """Never 0; a mixture has a share."""
    price = 1_000_000
    known = cost_of(Rates(price, price, price, price, price, price, price, "book"), TokenVector(input=300))
    unknown = cost_of(Unpriced("m", "nobody knows"), TokenVector(input=100))
    assert (unknown.nano_usd, unknown.usd) == (None, None)
    assert unknown.share == 0
    both = known + unknown
    assert (both.nano_usd, both.usd, both.share) == (300_000, "0.0003", Fraction(3, 4))
    assert both.unpriced == {Unpriced("m", "nobody knows")}
    assert cost_of(Unpriced("m", "x"), TokenVector()).share == 0


@pytest.mark.parametrize(
    ("its", "tokens", "quality"),
    [
        (Rates(1, 1, 2, 4, 1, 1, 1, "book"), TokenVector(input=5), "exact"),
        (Rates(1, 1, 2, 4, 1, 1, 1, "book"), TokenVector(cache_write_unknown=5), "lower_bound"),
        (Rates(1, 1, 2, 2, 1, 1, 1, "book"), TokenVector(cache_write_unknown=5), "exact"),
        (Rates(1, 1, 1, 1, 1, 1, 1, "book", assumed=("cache_read",)), TokenVector(cache_read=5), "estimated"),
        (Rates(1, 1, 1, 1, 1, 1, 1, "book", assumed=("cache_read",)), TokenVector(input=5), "exact"),
        (Unpriced("m", "x"), TokenVector(input=5), "unmeasured"),
    ],
)
def test_a_cost_says_what_it_is_worth(its: Rates | Unpriced, tokens: TokenVector, quality: str) -> None:
    """All, at least so much, or partly by a rule; with something that has no price it is at least so much."""
    cost = cost_of(its, tokens)
    assert cost.quality == quality
    if quality in {"exact", "unmeasured"}:
        known = cost_of(Rates(1, 1, 1, 1, 1, 1, 1, "book"), TokenVector(input=5))
        assert (cost + known).quality == ("exact" if quality == "exact" else "lower_bound")


def test_searches_of_an_unknown_price_are_named() -> None:
    """They make the rest the least that it can be."""
    cost = cost_of(Rates(1, 1, 1, 1, 1, 1, None, "book", model="m"), TokenVector(input=5), 2)
    assert (cost.pico_usd, cost.quality) == (5, "lower_bound")
    assert cost.unpriced == {Unpriced("m", "its searches of the web have no price")}


@pytest.mark.parametrize(
    ("fee", "searches", "quality"),
    [(3, None, "lower_bound"), (None, None, "lower_bound"), (0, None, "exact"), (3, 0, "exact"), (None, 0, "exact")],
)
def test_searches_that_nobody_told_may_be_missing(fee: int | None, searches: int | None, quality: str) -> None:
    """Untold is not 0, unless a search costs nothing; in a sum with what is exact they stay missing."""
    cost = cost_of(Rates(1, 1, 1, 1, 1, 1, fee, "book"), TokenVector(input=5), searches)
    told = cost_of(Rates(1, 1, 1, 1, 1, 1, 3, "book"), TokenVector(input=5), 1)
    assert (cost.pico_usd, cost.share) == (5, Fraction(1))
    assert not cost.unpriced
    assert cost.quality == quality
    for both in (cost + told, told + cost, total_cost((told, cost))):
        assert (both.pico_usd, both.quality) == (13, quality)
    assert cost_of(Unpriced("m", "x"), TokenVector(input=5), searches).quality == "unmeasured"


def test_nothing_used_costs_nothing() -> None:
    """Which is known."""
    assert (NOTHING.nano_usd, NOTHING.usd) == (0, "0.00")
    assert NOTHING.share == 1


@pytest.mark.parametrize(
    ("pico", "nano", "usd"),
    [(1_500, 2, "0.000000002"), (2_500, 2, "0.000000002"), (10**12, 10**9, "1.00"),
     (1_234_567 * 10**6, 1_234_567_000, "1.234567"), (499, 0, "0.00"), (-1500 * 10**9, -1_500_000_000, "-1.50")],
)  # fmt: skip
def test_what_is_shown_is_rounded_half_to_even(pico: int, nano: int, usd: str) -> None:
    """To the nanodollar."""
    cost = Cost(pico, 1, 1)
    assert (cost.nano_usd, cost.usd) == (nano, usd)


@given(st.integers(-(10**30), 10**30), st.integers(1, 10**9))
def test_whole_numbers_are_rounded_as_fractions_are(number: int, divisor: int) -> None:
    """Half to even, on both sides of nothing, the halves themselves too."""
    assert half_even(number, divisor) == round(Fraction(number, divisor))
    assert half_even((2 * number + 1) * divisor, 2 * divisor) == round(Fraction(2 * number + 1, 2))


@pytest.mark.parametrize(
    ("cost", "share"),
    [(Cost(0, 0, 0, frozenset((Unpriced("m", "r"),))), Fraction(0)), (Cost(0, 0, 5), Fraction(0)),
     (Cost(1, 5, 5), Fraction(1)), (Cost(1, 5, 5, frozenset((Unpriced("m", "r"),))), Fraction(1)),
     (Cost(1, 2, 6), Fraction(1, 3))],
)  # fmt: skip
def test_a_share_is_of_the_tokens(cost: Cost, share: Fraction) -> None:
    """Of no tokens, all, unless something without a price is known to be missing."""
    assert cost.share == share


@pytest.mark.parametrize(
    ("price", "pico"),
    [("1.25", 1_250_000), ("0.0375", 37_500), ("0.000001", 1), ("0.0000001", None), ("-1", None), ("0", 0)],
)
def test_prices_are_whole_numbers_of_picodollars(price: str, pico: int | None) -> None:
    """One with more decimals, or below nothing, is none."""
    assert pico_per_token(Decimal(price)) == pico


def test_no_float_is_anywhere_in_money() -> None:
    """By the types of all members."""
    for kind in (Cost, Rates, Unpriced):
        for name, hint in get_type_hints(kind, vars(__import__("tallybook.domain.money", fromlist=["x"]))).items():
            assert "float" not in str(hint), name
