"""Comments that allow a finding, and the places of findings."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallybook.repo.scanning.allowances import comments_in
from tallybook.repo.scanning.content import Content, Places, content_of


@pytest.mark.parametrize(
    ("text", "rule", "reason"),
    [
        (b"# tally:allow shop-token made up for a test", "shop-token", "made up for a test"),
        (b"<!-- tally:allow a.b_c-1 documented -->", "a.b_c-1", "documented"),
        (b"/* tally:allow x \t why not */", "x", "why not"),
        (b"# tally:allow x: it is none\r\n", "x", ": it is none"),
        (b"# tally:allow x", "x", ""),
        (b"<!-- tally:allow x -->", "x", ""),
        (b"/* tally:allow x *** */", "x", ""),
        (b"# tally:allow x \xff\xfe", "x", ""),
        (b"# tally:allow x ja, das ist eins \xc3\xa4", "x", "ja, das ist eins ä"),
    ],
)
def test_what_a_comment_says(text: bytes, rule: str, reason: str) -> None:
    """The reason without the signs that end a comment; one without a word is none."""
    (found,) = comments_in(text).by_place.values()
    assert (found.rule, found.reason, found.line) == (rule, reason, 1)


@pytest.mark.parametrize(
    "text", [b"", b"tally:allow", b"tally:allow X why", b"tally:allowx why", b"tally:allow\nx why"]
)
def test_what_is_no_comment(text: bytes) -> None:
    """Its rule stands behind it in the same line."""
    assert comments_in(text).by_place == {}


def test_what_a_comment_covers() -> None:
    """Its own line and the one below; the whole file where it says so in the first ten lines."""
    found = comments_in(b"\n# tally:allow x why\n\n\n# tally:allow-file y why\n")
    assert [line for line in range(1, 9) if found.covering("x", line)] == [2, 3]
    assert all(found.covering("y", line) for line in (None, 1, 9))
    assert not found.covering("x", None)
    assert not found.covering("z", 2)
    assert not comments_in(b"\n" * 10 + b"# tally:allow-file y why\n").covering("y", 1)
    assert comments_in(b"\n" * 9 + b"# tally:allow-file y why\n").covering("y", None)


def test_the_one_with_a_reason_counts() -> None:
    """Where there are two in a line."""
    long = b" " * 1000
    for one, other in ((b"", b"why"), (b"why", b"")):
        (found,) = comments_in(b"tally:allow x " + one + long + b"tally:allow x " + other).by_place.values()
        assert found.reason == "why"


@given(st.text("ab\né🦉", max_size=60), st.data())
def test_places(text: str, data: st.DataObject) -> None:
    """Line and column as an editor counts them, asked for in order."""
    letters = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=6)))
    places = Places(content_of(text.encode()))
    for place in letters:
        before = text[:place]
        at = places.at(len(before.encode()))
        assert (at.line, at.column) == (before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1)


def test_what_files_hold() -> None:
    """Text as it is, UTF-16 as UTF-8, a pointer of LFS nothing; what has zeros is no text."""
    assert content_of(b"caf\xe9") == Content(b"caf\xe9", binary=False)
    assert content_of("\ufeffé".encode("utf-16-le")).data == "é".encode()
    assert content_of("\ufeffé".encode("utf-16-be")) == Content("é".encode(), binary=False)
    assert content_of(b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n").data == b""
    assert content_of(b"version https://git-lfs.github.com/spec/v1\n" + b"x" * 2000).data != b""
    assert content_of(b"abc\0def").binary
    assert content_of("abcd".encode("utf-16-le")) == Content(b"abcd", binary=True)
    assert Places(content_of(b"a\0b\nc")).at(4) == (4, None, None)
    assert content_of(b"") == Content(b"", binary=False)
