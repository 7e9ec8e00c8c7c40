"""A cause is found where it makes the number, and nowhere else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tallybook.domain.money import Rates, Unpriced
from tallybook.domain.price_causes import MOST_CAUSES, SMALL, Pricing, Spent, Way, equal_to, ways_to
from tallybook.domain.sizes import CONTEXT_BANDS
from tallybook.domain.tokens import TokenVector
from tallybook.domain.usage import PriceClass

if TYPE_CHECKING:
    from collections.abc import Sequence

TODAY = "2026-11-22"
EARLIER = "2026-03-01"
NANO = 1000
_counts = st.integers(0, 300_000)
_vectors = st.builds(TokenVector, _counts, _counts, _counts, _counts, st.just(0), _counts)
_spent = st.builds(
    Spent,
    st.just("claude"),
    st.builds(
        PriceClass,
        st.just("m"),
        st.sampled_from(("standard", "batch")),
        st.sampled_from(CONTEXT_BANDS),
        st.sampled_from((TODAY, EARLIER)),
    ),
    _vectors,
    st.sampled_from((1, 1, 7)),
    st.integers(0, 3),
)


def price_of(agent: str, it: PriceClass) -> Rates | Unpriced:
    """Each thing that a price depends on makes it another one."""
    assert agent == "claude"
    if it.model != "m":
        return Unpriced(it.model, "nobody knows it")
    base = 3_000_000 if it.day == TODAY else 5_000_000
    base = base // 2 if it.tier == "batch" else base
    base = base if it.context == SMALL else base * 2
    return Rates(base, base // 10, base * 2, base * 3, base * 5, base * 5, 10_000_000_000, "book")


def agreed(agent: str, it: PriceClass) -> Rates | Unpriced:
    """A fifth less."""
    found = price_of(agent, it)
    return found if isinstance(found, Unpriced) else replace(found, input=found.input * 4 // 5)


PRICING = Pricing(price_of, price_of, TODAY)


def pico(parts: Sequence[Spent]) -> int:
    found = 0
    for part in parts:
        rates = price_of(part.agent, part.price_class)
        assert isinstance(rates, Rates)
        found += rates.cost(part.tokens, part.web_searches)
    return found


def one(tokens: TokenVector, **more: str | int) -> Spent:
    """One response of today."""
    context, day, tier = (
        str(more.pop(name, it)) for name, it in (("context", SMALL), ("day", TODAY), ("tier", "standard"))
    )
    return Spent("claude", PriceClass("m", tier, context, day), tokens, **more)  # type: ignore[arg-type]


def nano(pico_usd: int) -> int:
    return round(pico_usd / NANO)


@given(st.lists(_spent, max_size=5))
def test_the_own_price_needs_no_cause(parts: list[Spent]) -> None:
    assert ways_to(parts, nano(pico(parts)), PRICING) == ()


@given(st.lists(_spent, min_size=1, max_size=3), st.integers(1, 10**15))
def test_what_is_found_is_short_and_what_is_not_has_no_cause(parts: list[Spent], other: int) -> None:
    """A number that only chance could give is explained by nothing."""
    ways = ways_to(parts, other, PRICING)
    assert ways is None or len(ways) <= MOST_CAUSES
    assert ways_to(parts, 10**18 + 1, PRICING) is None


def test_each_way_gives_its_number() -> None:
    """By hand, in picodollars for each token."""
    long = TokenVector(input=250_000, output=100)
    cases = (
        (Way.TODAY, one(TokenVector(input=1000), day=EARLIER), 1000 * 3_000_000),
        (Way.NO_TIERS, one(TokenVector(input=1000), tier="batch"), 1000 * 3_000_000),
        (Way.NO_FEES, one(TokenVector(input=1000), web_searches=2), 1000 * 3_000_000),
        (
            Way.MARGINAL,
            one(long, context=CONTEXT_BANDS[3]),
            200_000 * 3_000_000 + 50_000 * 6_000_000 + 100 * 15_000_000,
        ),
        (Way.FIVE_MINUTES, one(TokenVector(input=1, cache_write_1h=1000)), 3_000_000 + 1000 * 6_000_000),
        (Way.REGION, one(TokenVector(input=1000)), 1000 * 3_300_000),
        (Way.HALF, one(TokenVector(input=1000)), 1000 * 1_500_000),
    )
    for way, part, told in cases:
        assert ways_to([part], told // NANO, PRICING) == (way,)
    assert ways_to([cases[3][1]], cases[3][2] * 2 // NANO, PRICING) is None
    many = Spent("claude", cases[3][1].price_class, long, responses=2)
    assert ways_to([many], cases[3][2] // NANO, PRICING) is None
    both = one(TokenVector(input=1000), day=EARLIER, web_searches=1)
    assert ways_to([both], 3_000_000, PRICING) == (Way.TODAY, Way.NO_FEES)


def test_what_was_agreed_is_no_list_price() -> None:
    """It is told where the list price gives the report's number."""
    part = one(TokenVector(input=1000))
    pricing = Pricing(agreed, price_of, TODAY)
    assert ways_to([part], 1000 * 3_000_000 // NANO, pricing) == (Way.LISTED,)
    assert ways_to([part], 1000 * 2_400_000 // NANO, pricing) == ()


def test_a_cache_write_without_a_price_of_its_own() -> None:
    """Where writes cost what input costs, the other tool may take more; where they have a price, it stays."""

    def flat(agent: str, it: PriceClass) -> Rates | Unpriced:
        del agent, it
        return Rates(4_000_000, 400_000, 4_000_000, 4_000_000, 8_000_000, 8_000_000, 0, "book")

    part = one(TokenVector(input=1000, cache_write_unknown=1000))
    assert ways_to([part], 9_000_000, Pricing(flat, flat, TODAY)) == (Way.WRITES,)
    assert ways_to([part], 8_000_000, Pricing(flat, flat, TODAY)) == ()
    assert ways_to([part], 9_000_000, PRICING) == ()
    assert ways_to([part], 3_000_000 + 3_750_000, PRICING) is None


def test_without_a_price_nothing_is_explained() -> None:
    """Neither a number nor 0."""
    part = Spent("claude", PriceClass("other", "standard", SMALL, TODAY), TokenVector(input=5))
    assert ways_to([part], 5, PRICING) is None
    assert ways_to([part], 0, PRICING) is None


def test_floating_point_is_no_difference() -> None:
    """Half a nanodollar, and what so many additions can have lost; a nanodollar more is one."""
    assert equal_to(1_500, 1, 1)
    assert equal_to(1_500, 2, 1)
    assert not equal_to(3_001, 1, 1)
    assert equal_to(10**18 + 10**6, 10**15, 10**6 * 5)
    assert not equal_to(10**18 + 10**6, 10**15, 1)
