"""Occurrences in pieces: nothing is lost in them, none grows without bound, and appends do not scatter."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from history.fake import T0, FakeReader, World
from tallybook.agents.port import Occurrence
from tallybook.history.ingest import ingest
from tallybook.history.pieces import MOST_BYTES, MOST_ROWS, cut, is_plain, packed, stored_rows, unpacked
from tallybook.history.shelf import _SHORT as SHORT

if TYPE_CHECKING:
    from pathlib import Path

OCCURRENCES = st.builds(
    Occurrence,
    st.text(max_size=3),
    st.integers(-(2**62), 2**62),
    st.none() | st.integers(-(2**70), 2**70),
    st.binary(max_size=1200),
)


@given(st.lists(OCCURRENCES, max_size=40), st.lists(st.tuples(st.text(max_size=3), st.text(max_size=3))))
def test_what_is_packed_comes_out_as_it_was(rows: list[Occurrence], links: list[tuple[str, str]]) -> None:
    """Whatever the bytes, in any order of offsets."""
    kept = stored_rows(rows)
    pieces = [unpacked(packed(piece)) for piece in cut(kept, links)]
    assert [row for piece in pieces for row in piece.occurrences()] == list(kept)
    assert [pair for piece in pieces for pair in piece.links] == links
    assert {name for piece in pieces for name in piece.mentioned} == {
        *(row.group for row in kept),
        *(name for pair in links for name in pair),
    }


def test_pieces_are_bounded_by_rows_and_by_bytes() -> None:
    """One fact that is longer than a piece stands in one of its own."""
    many = [Occurrence("g", number, None, b"x") for number in range(MOST_ROWS * 2 + 1)]
    assert [len(piece.data) for piece in cut(many, [])] == [MOST_ROWS, MOST_ROWS, 1]
    long = [Occurrence("g", number, None, b"x" * (MOST_BYTES // 2 + number)) for number in range(3)]
    long.append(Occurrence("g", 3, None, b"x" * MOST_BYTES * 2))
    assert [len(piece.data) for piece in cut(long, [])] == [1, 1, 1, 1]


def test_a_log_that_grows_line_by_line_stays_one_piece_and_a_short_one(tmp_path: Path) -> None:
    """And comes to further ones only when the first is full."""
    world = World(tmp_path)
    world.write("a", {"id": "r0"})
    seen = set()
    with world.store() as store:
        for number in range(1, 120):
            world.append("a", {"id": f"r{number}", "group": f"g{number % 7}"})
            ingest(store, [FakeReader()], world.environ)
            pieces = [data for (data,) in store.rows("SELECT data FROM piece ORDER BY id")]
            seen.add((len(pieces), is_plain(pieces[-1]), len(pieces[-1]) <= SHORT))
    assert seen == {(1, True, True), (1, False, True), (2, True, True)}
    assert world.dump() == world.cold()


@pytest.mark.parametrize("room", [True, False])
def test_what_is_too_much_for_the_short_piece_goes_into_the_one_before(
    tmp_path: Path, room: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or, where that is full, becomes one of its own."""
    monkeypatch.setattr("tallybook.history.shelf._SMALL", 40_000 if room else SHORT + 1)
    world = World(tmp_path)
    world.write("a", *({"id": f"r{number}", "group": f"g{number}"} for number in range(300)))
    world.ingest()
    for number in range(300, 309):
        world.append("a", {"id": f"r{number}", "group": f"g{number}"})
        world.ingest()
    with world.store() as store:
        before = store.rows("SELECT id, data FROM piece ORDER BY id")
    assert [is_plain(data) for _, data in before] == [False, True]
    world.append("a", *({"id": f"r{number}", "group": f"g{number}"} for number in range(309, 340)))
    world.ingest()
    with world.store() as store:
        after = store.rows("SELECT id, data FROM piece ORDER BY id")
    assert [is_plain(data) for _, data in after] == [False] * (1 if room else 2)
    assert (after[0] == before[0]) is not room
    assert world.dump() == world.cold()


def test_a_line_of_a_long_log_needs_no_compressor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its import takes longer than all that is stored of the line."""
    world = World(tmp_path)
    world.write("a", *({"id": f"r{number}", "group": f"g{number}", "session": "s"} for number in range(90)))
    world.ingest()
    with monkeypatch.context() as patch:
        for name in ("backports.zstd", "compression.zstd"):
            patch.setitem(sys.modules, name, None)  # which is an error for those who import it
        for number in range(3):
            world.append("a", {"id": f"more{number}", "group": "more", "session": "s"})
            assert world.ingest().files_read == 1
    assert world.dump() == world.cold()


def changed_by_one_line(root: Path, size: int, more: dict[str, object]) -> int:
    """How many rows of the store are written for one more line of a log with so many groups."""
    world = World(root)
    world.write("a", *({"id": f"r{number}", "group": f"g{number}", "session": "s", "at": T0} for number in range(size)))
    world.ingest()
    world.append("a", more)
    with world.store() as store:
        before = store.rows("SELECT total_changes()")[0][0]
        ingest(store, [FakeReader()], world.environ)
        changed: int = store.rows("SELECT total_changes()")[0][0] - before
    assert world.dump() == world.cold()
    return changed


def test_what_is_written_for_a_line_does_not_grow_with_its_log(tmp_path: Path) -> None:
    """Every group would be told of anew in the index, in places far apart."""
    more = {"id": "r", "group": "g", "session": "s", "at": T0}
    assert changed_by_one_line(tmp_path / "long", 300, more) == changed_by_one_line(tmp_path / "short", 3, more)


def test_a_line_that_tells_no_response_leaves_the_pieces_as_they_are(tmp_path: Path) -> None:
    """Neither does it need what unpacks them."""
    world = World(tmp_path)
    world.write("a", {"id": "r0"})
    world.ingest()
    with world.store() as store, store.transaction() as connection:
        connection.execute("UPDATE piece SET data = x'c1'")  # in no piece
    world.append("a", {"pending": "call"})
    assert [(problem.code, problem.message) for problem in world.ingest().problems] == []
    with world.store() as store:
        assert store.rows("SELECT data FROM piece") == [(b"\xc1",)]
        assert store.rows("SELECT pending_call FROM source") == [("call",)]
