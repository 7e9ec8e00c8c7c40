"""Prices over time and by size: what is asked for has one price, or the reason why it has none."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from tallybook.domain.money import Rates, Unpriced
from tallybook.domain.sizes import Size
from tallybook.domain.tariffs import Band, flat, tariff_of

if TYPE_CHECKING:
    from collections.abc import Iterator

DAYS = [f"2026-01-{number:02}" for number in range(1, 29)]
EDGES = [0, 10, 20, 30]


def priced(price: int) -> Rates:
    """The same for every part."""
    return Rates(price, price, price, price, price, price, price, source="book", model="m")


table = st.dictionaries(
    st.tuples(st.sampled_from(["", *DAYS]), st.sampled_from([-1, *EDGES])),
    st.integers(0, 2).map(priced) | st.just(Unpriced("m", "nobody knows")),
    max_size=12,
)


@given(table, st.sampled_from(DAYS), st.integers(0, 40))
def test_one_request_has_the_price_of_its_day_and_size(
    given_prices: dict[tuple[str, int], Rates | Unpriced], day: str, size: int
) -> None:
    """The latest change of the day, and in it the largest edge below the size."""
    first = {("", -1): priced(9), **given_prices}

    def in_force(on: str) -> dict[int, Rates | Unpriced]:
        return {above: first[max((one, edge) for one, edge in first if edge == above and one <= on)]
                for above in sorted({edge for one, edge in first if one <= on})}  # fmt: skip

    def bands(on: str) -> Iterator[Band]:
        return (Band(above, rates) for above, rates in in_force(on).items())

    tariff = tariff_of([one for one, _ in first], bands)
    expected = in_force(day)
    assert (
        tariff.rates(day, Size(size - 1, size)) == expected[max(edge for edge in expected if edge < size or edge < 0)]
    )
    assert all(one.bands != other.bands for one, other in pairwise(tariff.stretches))
    assert tariff.days() == tuple(stretch.since for stretch in tariff.stretches[1:])


def test_sizes_that_cost_differently_have_no_price_together() -> None:
    """The reason says where the price changes; what costs the same on both sides has one."""
    other = [Band(-1, Unpriced("m", "a")), Band(10, priced(1)), Band(20, priced(1)), Band(30, priced(2))]
    tariff = tariff_of([], lambda _: other)
    assert tariff.rates("2026-01-01", Size(10, 30)) == priced(1)
    found = tariff.rates("2026-01-01", Size(10, None))
    assert found == Unpriced("m", "its price changes at 30 tokens of context, which a sum does not tell")
    assert tariff.rates("2026-01-01", Size(30, None)) == priced(2)
    assert tariff.rates("2026-01-01", Size(-1, 10)) == Unpriced("m", "a")
    assert flat(priced(3)).rates("", Size(-1, None)) == priced(3)
