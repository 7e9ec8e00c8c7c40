"""The store where nothing can be written; real read-only and full file systems are in the tests of odd places."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

import pytest

from tallybook.history import as_it_is
from tallybook.history.as_it_is import read_store, store_as_it_is
from tallybook.history.schema import SCHEMA
from tallybook.history.store import NAME, StoreDamaged, StoreUnavailable, named_errors, open_store

if TYPE_CHECKING:
    from pathlib import Path

FULL = StoreUnavailable("no room", "make room", unwritable=True)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A data directory with a sound store that somebody has named something in."""
    with open_store(tmp_path) as store, store.transaction() as connection:
        connection.execute("INSERT INTO agent (name, unreported) VALUES ('claude', '')")
    return tmp_path


def test_it_is_read_and_refuses_to_be_written(place: Path) -> None:
    """What could not be done stands among its problems."""
    before = (place / NAME).read_bytes()
    with store_as_it_is(place, FULL) as store:
        assert store.rows("SELECT name FROM agent") == [("claude",)]
        (problem,) = store.problems
        assert (problem.code, problem.where.file, problem.hint) == (
            "history-not-updated", str(place / NAME), "make room",
        )  # fmt: skip
        assert problem.message == "no room; the history is told as it was last written"
        with pytest.raises(StoreUnavailable), store.transaction() as connection:
            connection.execute("DELETE FROM agent")
    assert (place / NAME).read_bytes() == before


def test_one_that_only_lacks_an_index_is_read(place: Path) -> None:
    """An earlier version has written it, and nobody can add one here."""
    connection = sqlite3.connect(place / NAME)
    connection.execute("DROP INDEX source_pending")
    connection.close()
    with store_as_it_is(place, FULL) as store:
        assert store.rows("SELECT name FROM agent") == [("claude",)]


@pytest.mark.parametrize("state", ["missing", "foreign", "newer", "damaged", "lacking"])
def test_what_is_no_sound_store_is_left_alone(place: Path, state: str) -> None:
    """It would have to be healed first, which needs room."""
    path = place / NAME
    if state in {"missing", "foreign"}:
        path.unlink()
    if state == "damaged":
        path.write_bytes(b"no database" * 999)
    elif state != "missing":
        changes = {
            "foreign": "CREATE TABLE x (y)",
            "newer": f"PRAGMA user_version = {SCHEMA + 1}",
            "lacking": "DROP TABLE imported",
        }
        connection = sqlite3.connect(path)
        connection.execute(changes[state])
        connection.close()
    before = {found.name: found.read_bytes() for found in place.iterdir()}
    with pytest.raises(StoreUnavailable) as caught:
        store_as_it_is(place, FULL)
    assert caught.value is FULL
    assert {found.name: found.read_bytes() for found in place.iterdir() if found.suffix == ".db"} == before


def test_another_reason_is_no_reason_to_read_it_so(place: Path) -> None:
    """Such as a store that is busy, or damaged."""
    busy = StoreUnavailable("busy")
    with pytest.raises(StoreUnavailable) as caught:
        store_as_it_is(place, busy)
    assert caught.value is busy


@pytest.mark.parametrize(
    ("code", "unwritable"),
    [
        (sqlite3.SQLITE_FULL, True),
        (sqlite3.SQLITE_IOERR_WRITE, True),
        (sqlite3.SQLITE_READONLY_DIRECTORY, True),
        (sqlite3.SQLITE_BUSY, False),
        (None, False),
    ],
)
def test_which_faults_are_the_place_s(place: Path, code: int | None, unwritable: bool) -> None:
    """By the number that SQLite gives; an error without one is something else."""
    error = sqlite3.OperationalError("said")
    if code is not None:
        error.sqlite_errorcode = code
    with pytest.raises(StoreUnavailable) as caught, named_errors(place):
        raise error
    assert caught.value.unwritable is unwritable
    assert not isinstance(caught.value, StoreDamaged)


def test_a_store_that_can_be_written_is_opened_as_ever(place: Path) -> None:
    """Nothing is told then."""
    with read_store(place) as store:
        assert store.problems == []
        with store.transaction() as connection:
            connection.execute("DELETE FROM agent")


def test_one_that_can_be_opened_for_nothing_but_reading(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first fault is the one that is told."""

    def refuse(_: Path) -> None:
        raise FULL

    monkeypatch.setattr(as_it_is, "open_store", refuse)
    with read_store(place) as store:
        assert [problem.code for problem in store.problems] == ["history-not-updated"]


def test_a_log_that_was_left_is_not_passed_over(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without it the file could be half of one state: where it can't be read along, nothing is."""
    monkeypatch.setattr(as_it_is, "_WITH_ITS_LOG", "mode=ro&vfs=none-such")
    store_as_it_is(place, FULL).close()
    (place / f"{NAME}-wal").write_bytes(b"x" * 99)
    with pytest.raises(StoreUnavailable) as caught:
        store_as_it_is(place, FULL)
    assert caught.value is FULL
