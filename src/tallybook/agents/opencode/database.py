"""Opens OpenCode's database for one look: read only, nothing left beside it, everything as it stood at one moment."""

from __future__ import annotations

import os
import sqlite3
import stat
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from tallybook.agents.opencode.rows import BITS
from tallybook.agents.port import UnreadableRows

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tallybook.agents.port import LogFile

PATIENCE: Final = 1.0
"""Seconds to wait for a program that has locked it."""
_REASONS: Final = {
    sqlite3.SQLITE_BUSY: "another program has locked it",
    sqlite3.SQLITE_LOCKED: "another program has locked it",
    sqlite3.SQLITE_NOTADB: "it is no SQLite database",
    sqlite3.SQLITE_CORRUPT: "it is damaged",
    sqlite3.SQLITE_CANTOPEN: "it can't be opened: its directory must let SQLite write beside it while it is in use",
    sqlite3.SQLITE_READONLY: "a change of another program was broken off, and that program must mend it first",
}
_PRIMARY: Final = 0xFF

Table = dict[str, frozenset[str]]
"""The columns of tables."""


class Snapshot:
    """A database in one read transaction."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def rows(self, query: str, values: tuple[int | bytes, ...] = ()) -> Iterator[tuple[Any, ...]]:
        """Rows of a query, text as bytes."""
        return self._connection.execute(query, values)

    def schema(self) -> int:
        """A number that moves with every change of tables."""
        ((number,),) = self.rows("PRAGMA schema_version")
        return int(number)

    def tables(self) -> Table:
        """All tables with their columns; views are none."""
        names = [name for (name,) in self.rows("SELECT name FROM sqlite_master WHERE type = 'table'")]
        columns = "SELECT name FROM pragma_table_info(CAST(? AS TEXT))"
        return {
            name.decode("utf-8", "replace"): frozenset(
                column.decode("utf-8", "replace").lower() for (column,) in self.rows(columns, (name,))
            )
            for name in names
        }


def columns(tables: Table, table: str, names: tuple[str, ...]) -> str:
    """Columns of a table, whose alias is its first letter; NULL for those that this database does not have."""
    return ", ".join(f"{table[0]}.{name}" if name in tables[table] else "NULL" for name in names)


def within(alias: str) -> str:
    """The condition for rows of a ``span``."""
    return f"{alias}.rowid >= ? AND {alias}.rowid <= ?"


def span(block: int) -> tuple[int, int]:
    """The numbers of the first and the last row of a block; the last of all is the largest that SQLite knows."""
    return block << BITS, (block << BITS) + (1 << BITS) - 1


def text_of(value: Any) -> str | None:  # noqa: ANN401 - SQLite's columns hold whatever was put there
    """A text; None for anything else."""
    if not isinstance(value, bytes):
        return None
    try:
        return value.decode()
    except UnicodeDecodeError:
        return None


def number_of(value: Any) -> int | float | None:  # noqa: ANN401 - see above
    """A number; None for anything else."""
    return value if isinstance(value, int | float) else None


@contextmanager
def opened(log: LogFile) -> Iterator[Snapshot | None]:
    """The database as it stands; None where its file is still empty.

    Without a journal it is opened as one that can't change, since SQLite would leave files beside it otherwise.

    Raises:
        UnreadableRows: it can't be read now, or what was read then is worth nothing.
        OSError: there is no such file.

    """
    place = os.path.realpath(log.place)
    before = os.stat(place)  # noqa: PTH116
    if not stat.S_ISREG(before.st_mode):
        message = "not a regular file"
        raise UnreadableRows(message)
    if not before.st_size:
        yield None
        return
    still = not _size(f"{place}-wal") and not _size(f"{place}-journal")
    try:
        connection = _connect(place, still=still)
        try:
            yield Snapshot(connection)
        finally:
            connection.close()
    except sqlite3.Error as error:
        raise UnreadableRows(_reason(error)) from error
    except UnicodeDecodeError as error:  # of an error's text, which quotes what it has found
        raise UnreadableRows(_REASONS[sqlite3.SQLITE_CORRUPT]) from error
    after = os.stat(place)  # noqa: PTH116
    if still and (after.st_size, after.st_mtime_ns) != (before.st_size, before.st_mtime_ns):
        message = "it changed while it was read"
        raise UnreadableRows(message)


def _connect(place: str, *, still: bool) -> sqlite3.Connection:
    address = f"file:{quote(os.fsencode(place))}?mode=ro{'&immutable=1' * still}"
    connection = sqlite3.connect(address, uri=True, timeout=PATIENCE, isolation_level=None)
    connection.text_factory = bytes
    try:
        connection.execute("PRAGMA trusted_schema = OFF")
        connection.execute("PRAGMA query_only = ON")
        connection.execute("BEGIN")
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def _size(path: str) -> int:
    try:
        return os.stat(path).st_size  # noqa: PTH116
    except OSError:
        return 0


def _reason(error: sqlite3.Error) -> str:
    """What is wrong, in a few words; what SQLite quotes of the database is left out."""
    code = getattr(error, "sqlite_errorcode", None)
    primary = None if code is None else code & _PRIMARY
    return _REASONS.get(primary or 0, f"SQLite can't read it ({getattr(error, 'sqlite_errorname', 'unknown error')})")
