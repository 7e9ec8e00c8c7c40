"""Stages of the history: each makes its tables anew from what was read, and not at all where nothing has changed."""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Final

import msgspec

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterable, Sequence

    from tallybook.history.store import Store

Rows = list[tuple[Any, ...]]
_SIZE: Final = 16


class Outcome(msgspec.Struct, frozen=True):
    """What a stage has done."""

    name: str
    version: int
    ran: bool
    """False where neither the version nor what it works on has changed."""
    rows: int
    """Rows written or removed."""


def run_stage(store: Store, stage: tuple[str, int], inputs: Rows, make: Callable[[sqlite3.Connection], int]) -> Outcome:
    """Run a stage, of a name and a version, unless it has run over these inputs.

    ``make`` writes what is different and returns how many rows that were. ``inputs`` are all that it depends on.
    """
    name, version = stage
    mark = _mark(inputs)
    if store.rows("SELECT version, input FROM stage WHERE name = ?", (name,)) == [(version, mark)]:
        return Outcome(name, version, ran=False, rows=0)
    with store.transaction() as connection:
        rows = make(connection)
        connection.execute("INSERT OR REPLACE INTO stage VALUES (?, ?, ?)", (name, version, mark))
    return Outcome(name, version, ran=True, rows=rows)


def replace_rows(connection: sqlite3.Connection, table: str, rows: Iterable[Sequence[object]]) -> int:
    """Make a table's rows these, whose first column is the key; returns how many were written or removed."""
    wanted = {row[0]: tuple(row) for row in rows}
    stored = {row[0]: tuple(row) for row in connection.execute(f"SELECT * FROM {table}")}  # noqa: S608
    key = connection.execute(f"SELECT name FROM pragma_table_info('{table}') WHERE pk = 1").fetchone()[0]  # noqa: S608
    gone = [(one,) for one in stored.keys() - wanted.keys()]
    changed = [row for one, row in wanted.items() if stored.get(one) != row]
    connection.executemany(f"DELETE FROM {table} WHERE {key} = ?", gone)  # noqa: S608
    if changed:
        marks = ", ".join("?" * len(changed[0]))
        connection.executemany(f"INSERT OR REPLACE INTO {table} VALUES ({marks})", changed)  # noqa: S608
    return len(gone) + len(changed)


def _mark(inputs: Rows) -> bytes:
    found = blake2b(digest_size=_SIZE)
    for row in inputs:
        found.update(repr(row).encode("utf-8", "backslashreplace"))
    return found.digest()
