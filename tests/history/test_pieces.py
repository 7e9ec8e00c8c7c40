"""Occurrences in pieces: nothing is lost in them, none grows without bound, and appends do not scatter."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from history.fake import T0, FakeReader, World
from tallybook.agents.port import Occurrence
from tallybook.history.ingest import ingest
from tallybook.history.pieces import MOST_BYTES, MOST_ROWS, cut, packed, stored_rows, unpacked

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


def test_a_log_that_grows_line_by_line_stays_one_piece(tmp_path: Path) -> None:
    """And becomes a second one only when the first is full."""
    world = World(tmp_path)
    world.write("a", {"id": "r0"})
    with world.store() as store:
        for number in range(1, 60):
            world.append("a", {"id": f"r{number}", "group": f"g{number % 7}"})
            ingest(store, [FakeReader()], world.environ)
        assert store.rows("SELECT count(*) FROM piece") == [(1,)]
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
