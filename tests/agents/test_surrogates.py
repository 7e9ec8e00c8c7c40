"""Halves of surrogate pairs."""

from __future__ import annotations

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallybook.agents.surrogates import mended


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (rb'"\ud83d"', rb'"\ufffd"'),
        (rb'"x\uD83Dy"', rb'"x\ufffdy"'),
        (rb'"\ude00"', rb'"\ufffd"'),
        (rb'"\ude00\ud83d"', rb'"\ufffd\ufffd"'),
        (rb'"\ud83d\ud83d\ude00"', rb'"\ufffd\ud83d\ude00"'),
        (rb'"\ud83d\ude00"', None),
        (b'"plain"', None),
    ],
)
def test_halves(raw: bytes, expected: bytes | None) -> None:
    assert mended(raw) == expected


@given(st.lists(st.sampled_from(["\ud83d", "\ude00", "\U0001f600", "a", "é"])).map("".join))
def test_what_is_mended_can_be_decoded(text: str) -> None:
    raw = json.dumps(text).encode()
    assert len(msgspec.json.decode(mended(raw) or raw)) <= len(text)
