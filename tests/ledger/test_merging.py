"""Lines of one writer from several places: each once, by sequence number, and only whole ones of that writer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from ledger.ledgers import WRITER, tampered
from ledger.test_stream import numbered
from tallybook.ledger.merging import sift, union

if TYPE_CHECKING:
    import random

LINES = [numbered(number) for number in range(1, 9)]


def file_of(lines: list[bytes]) -> bytes:
    """As it lies on disk."""
    return b"".join(line + b"\n" for line in lines)


def test_what_is_no_line_of_the_writer_is_told_of() -> None:
    """Junk, a damaged line, another writer's, and a torn end, each with its place; the rest is good."""
    stranger = numbered(3, "w-ffffffff")
    damaged = LINES[3].replace(b'"seq":4', b'"seq":5')
    data = file_of([LINES[0], b"junk", damaged, stranger, LINES[4]]) + LINES[5][:9]
    found = sift(data, WRITER)
    assert found.good == {LINES[0]: 1, LINES[4]: 5}
    assert [(one.number, one.fault.code) for one in found.bad] == [
        (2, "no-sum"), (3, "bad-sum"), (4, "another-writer"), (6, "torn"),
    ]  # fmt: skip
    assert all(data[one.byte :].startswith(one.raw) for one in found.bad)


def test_a_line_of_a_newer_format_is_good() -> None:
    """It is carried along as it is, whatever it means."""
    newer = tampered(LINES[0], {b'{"v":1': b'{"v":2'})
    assert sift(file_of([newer]), WRITER).good == {newer: 1}


def test_what_is_known_to_be_good_is_not_looked_at_again() -> None:
    """Numbers and places go on behind it."""
    before = file_of(LINES[:2])
    found = sift(before + b"junk\n" + file_of(LINES[2:3]), WRITER, before)
    assert found.good == {LINES[2]: 3}
    assert [(one.number, one.byte) for one in found.bad] == [(3, len(before))]


PARTS = st.lists(st.lists(st.sampled_from(LINES), max_size=8), min_size=1, max_size=4)


@given(PARTS, st.randoms(use_true_random=False))
def test_the_union_does_not_depend_on_order(parts: list[list[bytes]], chance: random.Random) -> None:
    """Any parts in any order, some of them twice: every line once, in its place."""
    sifted = [sift(file_of(part), WRITER).good for part in parts]
    whole = union(sifted)
    shuffled = sifted + sifted[:1]
    chance.shuffle(shuffled)
    assert union(shuffled) == whole
    assert union((sift(whole, WRITER).good,)) == whole
    assert whole == file_of([line for line in LINES if any(line in part for part in parts)])


def test_of_bad_lines_no_more_are_kept_than_asked_for() -> None:
    """The good ones are all there, and the numbers of the bad ones are those of the file."""
    found = sift(b"junk\njunk\n" + LINES[0] + b"\njunk\njunk", WRITER, most=3)
    assert list(found.good) == [LINES[0]]
    assert [(line.number, line.byte) for line in found.bad] == [(1, 0), (2, 5), (4, 11 + len(LINES[0]))]
    assert sift(b"junk\n", WRITER, most=0).bad == ()
