"""Bands of single requests: each request in one, whose name tells its ends."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallybook.domain.sizes import CONTEXT_BANDS, EDGES, Size, context_band, size_of
from tallybook.history.bands import band


@given(st.one_of(st.integers(0, 600_000), st.sampled_from([edge + by for edge in EDGES for by in (0, 1)])))
def test_a_request_lies_in_its_band(tokens: int) -> None:
    """And the band has the number under which the history keeps it."""
    name = context_band(tokens)
    size = size_of(name)
    assert size.above < tokens
    assert size.most is None or tokens <= size.most
    assert CONTEXT_BANDS[band([tokens])] == name


def test_bands_touch_each_other() -> None:
    """From nothing on, for ever."""
    sizes = [size_of(name) for name in CONTEXT_BANDS]
    assert [size.above for size in sizes] == [-1, *EDGES]
    assert [size.most for size in sizes] == [*EDGES, None]


@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("≤200k", Size(-1, 200_000)),
        ("≤272k", Size(200_000, 272_000)),
        (">272k", Size(272_000, None)),
        ("32k-64k", Size(32_000, 64_000)),
    ],
)
def test_bands_that_others_have_cut(name: str, size: Size) -> None:
    """Three of early versions, and whatever a later one cuts."""
    assert size_of(name) == size


@pytest.mark.parametrize(
    "name",
    ["", "huge", "≤", "≤200", "≤0k", "≤0200k", "≤-1k", "≤\u0661k", ">k", ">1k-2k", "≤1k-2k", "200k-100k", "100k-100k",
     "100k-", "-100k", "1k-2k-3k", "≤10000000k", "200k"],
)  # fmt: skip
def test_what_is_no_band(name: str) -> None:
    """Is refused."""
    with pytest.raises(ValueError, match="no band"):
        size_of(name)
