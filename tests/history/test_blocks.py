"""Blocks of five hours: every moment in one, each beginning at the hour of its first moment."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from tallybook.history.blocks import LANE, block_starts, hour_at

FIVE = 5
hours = st.lists(st.integers(-200, 200))


@given(hours)
def test_each_hour_lies_in_its_block(times: list[int]) -> None:
    """Blocks do not overlap, and each begins with the hour that opened it."""
    found = block_starts(times)
    assert set(found) == set(times)
    assert all(begin <= at < begin + FIVE for at, begin in found.items())
    begins = sorted(set(found.values()))
    assert all(later >= earlier + FIVE for earlier, later in pairwise(begins))
    assert set(begins) <= set(times)


@given(st.lists(hours, max_size=4))
def test_lanes_have_blocks_of_their_own(lanes: list[list[int]]) -> None:
    """As if there were no other; every place tells its hour."""
    places = [lane * LANE + hour for lane, its in enumerate(lanes) for hour in its]
    found = block_starts(places)
    assert [hour_at(place) for place in places] == [hour for its in lanes for hour in its]
    for lane, its in enumerate(lanes):
        assert {at: found[lane * LANE + at] - lane * LANE for at in its} == block_starts(its)


def test_a_day_of_work() -> None:
    """A block is over after five hours, however busy it was."""
    assert block_starts([22, 9, 14, 13]) == {9: 9, 13: 9, 14: 14, 22: 22}
