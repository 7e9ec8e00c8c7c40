"""Blocks of five hours: every moment in one, each beginning at the hour of its first moment."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from tallybook.history.blocks import HOUR, LENGTH, block_starts

moments = st.lists(st.integers(0, 200 * HOUR))


@given(moments)
def test_each_moment_lies_in_its_block(times: list[int]) -> None:
    """Blocks do not overlap, and each holds the moment that opened it in its first hour."""
    found = block_starts(times)
    assert set(found) == set(times)
    assert all(begin <= at < begin + LENGTH for at, begin in found.items())
    begins = sorted(set(found.values()))
    assert all(later >= earlier + LENGTH for earlier, later in pairwise(begins))
    for begin in begins:
        assert begin % HOUR == 0
        assert min(at for at, its in found.items() if its == begin) < begin + HOUR


def test_a_day_of_work() -> None:
    """A block is over after five hours, however busy it was."""
    nine, half, two, later = 9 * HOUR + 600, 13 * HOUR + 1800, 14 * HOUR, 22 * HOUR + 5
    assert block_starts([later, nine, two, half]) == {nine: 9 * HOUR, half: 9 * HOUR, two: two, later: 22 * HOUR}
