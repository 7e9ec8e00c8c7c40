"""Moments come out of their steps as they were."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tallybook.history.steps import moments_of, steps_of


@given(st.lists(st.none() | st.integers(0, 2**52)) | st.lists(st.integers(0, 2**52)))
def test_moments_are_what_their_steps_add_up_to(moments: list[int | None]) -> None:
    steps = steps_of(moments)
    assert len(steps) == len(moments)
    assert list(moments_of(steps)) == moments


def test_an_unknown_moment_is_stepped_over() -> None:
    assert steps_of([5, None, 7, None]) == [5, None, 2, None]
    assert steps_of([None, 5, 4]) == [None, 5, -1]
    assert steps_of([5, 7]) == [5, 2]
