"""Documents are whole, or nothing of them is taken; odd text beside the counts costs none of them."""

from __future__ import annotations

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallybook.agents.documents import Torn, decoded

CUT, DEEP = Torn("it is not whole JSON"), Torn("it is nested too deeply")
NEST = b"[" * 100_000 + b"]" * 100_000


class Paper(msgspec.Struct):
    name: str | None = None


DECODE = msgspec.json.Decoder(Paper).decode


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b'{"name":"x"}', Paper("x")),
        (b'\xef\xbb\xbf {"name" :\r\n"x"}\n\n', Paper("x")),
        (b'{"other":{"name":"y"}}', Paper()),
        (b'{"n":' + b"9" * 5000 + b"}", Paper()),
        (b'{"name":"x","text":"\\ud83d"}', Paper("x")),
        (b'{"name":"x","text":"\xff"}', Paper("x")),
        (b"[]", None),
        (b"null", None),
        (b'{"name":5}', None),
        (b'{"name":"\xff"}', None),
        (b'{"name":5,"text":"\\ud83d"}', None),
        (b"", CUT),
        (b"\0\0\0", CUT),
        (b'{"name":"x"', CUT),
        (b'{"name":5', CUT),
        (b"[1,", CUT),
        (b'{"name":"x"}{', CUT),
        (b'{"name":"x","n":NaN}', CUT),
        (b'{"name":"x","text":"\\ud83d"', CUT),
        (NEST, DEEP),
        (b'{"name":"x","n":' + NEST + b"}", DEEP),
    ],
)
def test_document(raw: bytes, expected: Paper | Torn | None) -> None:
    assert decoded(raw, DECODE) == expected


VALUES = st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists, max_leaves=5)


@given(st.dictionaries(st.sampled_from(["name", "other"]), VALUES), st.data())
def test_every_true_beginning_is_torn(value: dict[str, object], data: st.DataObject) -> None:
    raw = json.dumps(value, indent=data.draw(st.sampled_from([None, 2]))).encode()
    assert not isinstance(decoded(raw, DECODE), Torn)
    assert decoded(raw[: data.draw(st.integers(0, len(raw) - 1))], DECODE) == CUT


@given(st.binary(max_size=200))
def test_no_bytes_raise(raw: bytes) -> None:
    decoded(raw, DECODE)
