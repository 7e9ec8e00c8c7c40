"""A state that was worked out before, in one SQLite file of the data directory: a cache that may be deleted any time.

It is whole or it is none: rows are sealed, a change of it is one transaction, and whoever reads sees one moment.
"""

from __future__ import annotations

import os
import sqlite3
import weakref
from contextlib import closing, contextmanager, suppress
from typing import TYPE_CHECKING, Any, Final

from tallybook.domain.figures import Figures
from tallybook.domain.index import Index
from tallybook.domain.state import LedgerState
from tallybook.ledger.blobs import (
    KINDS,
    Small,
    Summary,
    key_text,
    small_of,
    summary_blob,
    summary_of,
    tables_of,
    value_blob,
)
from tallybook.ledger.goal_index import GoalEntry
from tallybook.ledger.goal_lookup import Saved as ForHooks
from tallybook.ledger.goal_lookup import encoded
from tallybook.ledger.seal import LOOKUP, VERSION, DamagedError, sealed, unsealed
from tallybook.ledger.shelf import Shelf, lines_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, MutableMapping
    from pathlib import Path

    from tallybook.ledger.position import Position

_WAIT: Final = 1.0
"""Seconds that a command waits for another one that saves."""
_SCHEMA: Final = """
CREATE TABLE summary (only INTEGER PRIMARY KEY CHECK (only = 1), value BLOB NOT NULL);
CREATE TABLE listed (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE entry (name TEXT, key TEXT, value BLOB NOT NULL, PRIMARY KEY (name, key)) WITHOUT ROWID;
"""


class Saved:
    """One moment of a checkpoint: what it begins with, and rows that are read as they are asked for."""

    def __init__(self, path: Path) -> None:
        self._connection = _connected(path, "ro")
        self._closing = weakref.finalize(self, self._connection.close)
        self._lists: dict[str, str] = {}
        self._replay: Callable[[], LedgerState] | None = None
        self._tables: dict[str, MutableMapping[Any, Any]] | None = None
        with _damage():
            self._connection.execute("BEGIN")
            self.blob: bytes = self._one("SELECT value FROM summary")
        self.summary: Summary = summary_of(self.blob)
        if self.summary.version != VERSION:
            raise DamagedError(self.summary.version)

    @property
    def is_damaged(self) -> bool:
        """Whether some of it had to be replayed."""
        return self._tables is not None

    def state(self, replay: Callable[[], LedgerState]) -> LedgerState:
        """The state as it was saved; ``replay`` works it out anew, for the case of damage."""
        self._replay = replay
        small: Small = self.summary.small
        shelves = {name: Shelf(self, name, kind) for name, kind in KINDS.items()}
        return LedgerState(
            goals=shelves["goals"],
            joined=shelves["joined"],
            budgets=shelves["budgets"],
            lines=shelves["lines"],
            pending={(boundary.snapshot, boundary.usage.key): boundary for boundary in small.pending},
            claims=small.claims,
            problems=list(small.problems),
            unknown_types=small.unknown_types,
            events=small.events,
            index=Index(
                open=set(small.open),
                finished={(writer, worktree): goal for writer, worktree, goal in small.finished},
                passes=shelves["passes"],
                dropped=shelves["dropped"],
                owned=shelves["owned"],
                visitors=shelves["visitors"],
                working=shelves["working"],
            ),
            figures=Figures(
                measures=shelves["measures"],
                spending=shelves["spending"],
                shares=shelves["shares"],
                total=small.total,
            ),
        )

    def row(self, table: str, key: str) -> bytes | None:
        """One value."""
        with _damage():
            found = self._connection.execute("SELECT value FROM entry WHERE name = ? AND key = ?", (table, key))
            row = found.fetchone()
        return None if row is None else row[0]

    def rows(self, table: str) -> dict[str, bytes]:
        """All values of a table."""
        with _damage():
            return dict(self._connection.execute("SELECT key, value FROM entry WHERE name = ?", (table,)))

    def keys(self, table: str) -> str:
        """All keys of a table."""
        if table not in self._lists:
            with _damage():
                blob = self._one("SELECT value FROM listed WHERE name = ?", table)
            self._lists[table] = unsealed(f"keys {table}", blob).decode()
        return self._lists[table]

    def rescued(self, table: str) -> MutableMapping[Any, Any]:
        """The whole table from a replay."""
        if self._tables is None:
            assert self._replay is not None  # noqa: S101 - shelves are made by ``state`` alone
            self._tables = tables_of(self._replay())
        return self._tables[table]

    def _one(self, statement: str, *values: str) -> Any:  # noqa: ANN401 - whatever stands there
        row = self._connection.execute(statement, values).fetchone()
        return None if row is None else row[0]


def load(path: Path) -> Saved | None:
    """The checkpoint at ``path``; None where there is none that can be used."""
    try:
        return Saved(path)
    except (DamagedError, sqlite3.Error, OSError):
        return None


def save(path: Path, state: LedgerState, position: Position, saved: Saved | None) -> bool:
    """Bring the checkpoint to ``state``, which came from ``saved`` or from a replay; whether that went well.

    Where another process has saved since ``saved`` was read, its work stays.
    """
    try:
        summary = _summary(state, position)
    except UnicodeEncodeError:  # a path in it that is no UTF-8
        return False
    base = None if saved is None or saved.is_damaged else saved.blob
    if base == summary and not _changes(state):
        return True
    with suppress(sqlite3.Error, OSError):
        try:
            return _write(path, state, position, base)
        except DamagedError:
            return _write(path, state, position, None)
    return False


def _write(path: Path, state: LedgerState, position: Position, base: bytes | None) -> bool:
    if base is None:
        _made_anew(path)
    with closing(_connected(path, "rw")) as connection:
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("BEGIN IMMEDIATE")
        if base is None:
            _write_all(connection, state)
        elif connection.execute("SELECT value FROM summary").fetchone() != (base,):
            return False
        else:
            _write_changes(connection, state)
        _write_list(connection, LOOKUP, encoded(_for_hooks(state, position)))
        connection.execute("INSERT OR REPLACE INTO summary VALUES (1, ?)", (_summary(state, position),))
        connection.execute("COMMIT")
        return True


def _summary(state: LedgerState, position: Position) -> bytes:
    return summary_blob(Summary(VERSION, position, small_of(state)))


def _for_hooks(state: LedgerState, position: Position) -> ForHooks:
    goals = (state.goals[goal] for goal in sorted(state.index.open))
    return ForHooks(
        {head.path: head.mark for head in position.heads},
        position.last,
        position.highest,
        tuple(GoalEntry(it.id, it.title, it.kind, it.worktree, it.writer, it.activated) for it in goals),
    )


def _changes(state: LedgerState) -> bool:
    return any(table.changes for table in tables_of(state).values() if isinstance(table, Shelf))


def _write_all(connection: sqlite3.Connection, state: LedgerState) -> None:
    for name, table in tables_of(state).items():
        keyed = ((key_text(key), value) for key, value in table.items())
        rows = ((name, key, value_blob(name, key, value)) for key, value in keyed)
        connection.executemany("INSERT INTO entry VALUES (?, ?, ?)", rows)
        _write_list(connection, name, lines_of(table).encode())


def _write_changes(connection: sqlite3.Connection, state: LedgerState) -> None:
    for name, table in tables_of(state).items():
        if not isinstance(table, Shelf) or not table.changes:
            continue
        for key, value in table.changes.items():
            text = key_text(key)
            if table.is_gone(value):
                connection.execute("DELETE FROM entry WHERE name = ? AND key = ?", (name, text))
            else:
                blob = value_blob(name, text, value)
                connection.execute("INSERT OR REPLACE INTO entry VALUES (?, ?, ?)", (name, text, blob))
        keys = table.keys_text()
        if keys is not None:
            _write_list(connection, name, keys.encode())


def _write_list(connection: sqlite3.Connection, name: str, data: bytes) -> None:
    connection.execute("INSERT OR REPLACE INTO listed VALUES (?, ?)", (name, sealed(f"keys {name}", data)))


def _made_anew(path: Path) -> None:
    """An empty file in the place of whatever stands there; a process that reads the old one goes on with it."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    for ending in ("", "-wal", "-shm"):
        path.with_name(path.name + ending).unlink(missing_ok=True)
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    with closing(_connected(path, "rw")) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.executescript(f"BEGIN;{_SCHEMA}COMMIT;")


def _connected(path: Path, mode: str) -> sqlite3.Connection:
    # One thread uses it; another may be the one that finds it given up, and closes it.
    return sqlite3.connect(
        f"{path.absolute().as_uri()}?mode={mode}",
        timeout=_WAIT,
        isolation_level=None,
        uri=True,
        check_same_thread=False,
    )


@contextmanager
def _damage() -> Iterator[None]:
    try:
        yield
    except (sqlite3.Error, UnicodeError) as error:
        message = str(error)
        raise DamagedError(message) from error
