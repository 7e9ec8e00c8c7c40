"""Looking at the store's file, which changes nothing."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

from tallybook.history.inspection import StoreFacts, inspect
from tallybook.history.schema import SCHEMA
from tallybook.history.store import NAME, open_store

if TYPE_CHECKING:
    from pathlib import Path


def test_no_store(tmp_path: Path) -> None:
    assert inspect(tmp_path, 5) is None
    assert list(tmp_path.iterdir()) == []


def test_an_empty_store(tmp_path: Path) -> None:
    open_store(tmp_path).close()
    before = (tmp_path / NAME).read_bytes()
    facts = inspect(tmp_path, 5)
    assert facts == StoreFacts(len(before), 0o600, SCHEMA)
    assert (tmp_path / NAME).read_bytes() == before


def test_a_page_that_makes_no_sense(tmp_path: Path) -> None:
    open_store(tmp_path).close()
    path = tmp_path / NAME
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.execute("INSERT INTO word VALUES (1, 'x')")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        root = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'word'").fetchone()[0]
        size = connection.execute("PRAGMA page_size").fetchone()[0]
    with path.open("r+b") as file:
        file.seek((root - 1) * size + 8)
        file.write(b"\xff\xff")
    facts = inspect(tmp_path, 5)
    assert facts is not None
    assert facts.faults


def test_a_count_of_free_pages_that_is_wrong(tmp_path: Path) -> None:
    """Told in a row, where a page that makes no sense ends the check."""
    open_store(tmp_path).close()
    with (tmp_path / NAME).open("r+b") as file:
        file.seek(36)
        file.write(b"\0\0\0\5")
    facts = inspect(tmp_path, 5)
    assert facts is not None
    assert len(facts.faults) == 1
    assert "freelist" in facts.faults[0].lower()
    assert facts.faults[0].isprintable()


def test_a_database_of_another_program(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / NAME)) as connection:
        connection.execute("CREATE TABLE other (x)")
    facts = inspect(tmp_path, 5)
    assert facts is not None
    assert (facts.foreign, facts.faults, facts.responses) == (True, (), 0)
