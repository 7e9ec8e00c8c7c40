"""The store's file: opens, guards and heals it; no SQLite error leaves this package as anything but a named one."""

from __future__ import annotations

import errno
import fcntl
import os
import sqlite3
import stat
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from tallybook.domain.problems import Problem, Where
from tallybook.history.schema import ADDED, INDEXES, OLDER, SCHEMA, TABLES, additions, statements

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from types import TracebackType
    from typing import Self

NAME: Final = "history.db"
BUSY_SECONDS: Final = 10
OLDEST_SQLITE: Final = (3, 37, 0)
_OLDER: Final = "the history store is of an older schema"
_LONGEST: Final = 1.0
"""Seconds for which other writers wait while transactions are held together."""
_PAGE: Final = 2048
"""Bytes, in a new store: most pieces and blocks of items are longer, and what their last pages leave free is lost."""
_PAGES_OF_MANY: Final = 16 * 1024
"""Of the write-ahead log, before it is brought into the file: a page that changes often is copied less often."""
_CACHE: Final = 32 * 1024
"""KiB of pages in memory at most: indexes of a long history are changed all over by each write."""
_DAMAGE: Final = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
_PLACE: Final = frozenset({sqlite3.SQLITE_FULL, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_IOERR})
_UNWRITABLE: Final = frozenset({errno.EROFS, errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EPERM})


class StoreUnavailable(Exception):  # noqa: N818
    """The store cannot be used now; ``hint`` says what to do."""

    def __init__(self, message: str, hint: str = "", *, unwritable: bool = False) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.unwritable = unwritable
        """Whether the place is at fault, where nothing can be written: what stands there may still be read."""


class StoreDamaged(StoreUnavailable):
    """The file is no store that this version can read; it can be set aside and rebuilt from the logs."""


class Store:
    """An open store; close it, or use it as a context manager."""

    def __init__(self, path: Path, connection: sqlite3.Connection | None = None) -> None:
        self.path = path
        self.problems: list[Problem] = []
        """What had to be healed on opening or since."""
        self._several = False
        self._began = 0.0
        self._connection = _prepared(path, self.problems) if connection is None else connection

    def rows(self, sql: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """All rows of one query."""
        with named_errors(self.path):
            return self._connection.execute(sql, values).fetchall()

    def add_function(self, name: str, function: Callable[..., int | str]) -> None:
        """Let queries call a function, whose answer follows from what it is given alone."""
        self._connection.create_function(name, -1, function, deterministic=True)

    @contextmanager
    def as_of_now(self) -> Iterator[None]:
        """Let all queries in the block see the same, whatever another process writes meanwhile."""
        if self._connection.in_transaction:
            yield
            return
        with named_errors(self.path):
            self._connection.execute("BEGIN")
        try:
            yield
        finally:
            self.commit()

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """The connection, inside one write transaction that is undone if the block raises."""
        with named_errors(self.path):
            if not self._connection.in_transaction:
                self._connection.execute("BEGIN IMMEDIATE")
                self._began = time.monotonic()
            self._connection.execute("SAVEPOINT step")
            try:
                yield self._connection
                self._connection.execute("RELEASE step")
            finally:
                self._end_step()

    @contextmanager
    def together(self) -> Iterator[None]:
        """Let transactions in the block reach the disk together, so that pages that all of them change do so once.

        Other writers wait for a second or so; what was complete when the block raises is kept.
        """
        self._several = True
        with named_errors(self.path):
            self._connection.execute(f"PRAGMA wal_autocheckpoint = {_PAGES_OF_MANY}")
        try:
            yield
        finally:
            self._several = False
            self.commit()

    def commit(self) -> None:
        """Let all that was written reach the disk now, before something that may take long."""
        if not self._connection.in_transaction:
            return
        with named_errors(self.path):
            try:
                self._connection.execute("COMMIT")
            finally:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")

    def _end_step(self) -> None:
        """Undo what is left of a step that has raised; commit, unless others are to follow soon."""
        if not self._connection.in_transaction:
            return  # a full disk, for one, undoes all by itself
        with suppress(sqlite3.OperationalError):  # there is no such step where all of it was well
            self._connection.execute("ROLLBACK TO step")
            self._connection.execute("RELEASE step")
        if not self._several or time.monotonic() - self._began > _LONGEST:
            self.commit()

    def rebuild(self) -> None:
        """Set the file aside and begin an empty one."""
        self._connection.close()
        with named_errors(self.path), _directory_lock(self.path.parent):
            self.problems.append(_set_aside(self.path, "the history store is damaged"))
        self._connection = _prepared(self.path, self.problems)

    def close(self) -> None:
        """Give up the connection."""
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()


def open_store(directory: Path) -> Store:
    """The store of the data directory, made where there is none.

    A file that is no store, or one of a newer schema, is moved to a backup name and told of in ``problems``.

    Raises:
        StoreUnavailable: the directory or the file cannot be written, or SQLite is too old.

    """
    if sqlite3.sqlite_version_info < OLDEST_SQLITE:
        message = f"SQLite {sqlite3.sqlite_version} is too old"
        raise StoreUnavailable(message, "use a Python with SQLite 3.37 or newer")
    with named_errors(directory):
        if not directory.is_dir():
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    return Store(directory / NAME)


@contextmanager
def named_errors(path: Path) -> Iterator[None]:
    """Turn errors of SQLite and of the file system into ``StoreUnavailable``."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        if is_damage(error):
            message = f"{path} is damaged: {error}"
            raise StoreDamaged(message, "run the command again: the store is rebuilt from the logs") from error
        message = f"{path}: {error}"
        hint = "is the disk full or read-only, or another tally at work?"
        raise StoreUnavailable(message, hint, unwritable=_code(error) in _PLACE) from error
    except OSError as error:
        message = f"{path}: {error.strerror or error}"
        hint = "set TALLYBOOK_HOME to a directory that you can write to"
        raise StoreUnavailable(message, hint, unwritable=error.errno in _UNWRITABLE) from error


def status_of(path: Path) -> os.stat_result:
    """What the file system says of the store; SQLite would wait for a pipe in its place.

    Raises:
        StoreUnavailable: it is no file.
        OSError: there is nothing, or it can't be looked at.

    """
    status = path.stat()
    if not stat.S_ISREG(status.st_mode):
        message = f"{path} is no regular file"
        raise StoreUnavailable(message, "move it away: the store is made anew from the logs")
    return status


def is_damage(error: sqlite3.DatabaseError) -> bool:
    """Whether the file itself is at fault."""
    return _code(error) in _DAMAGE


def is_sound(connection: sqlite3.Connection) -> bool:
    """Whether it is a store of this version, with nothing missing."""
    return _fault(connection) is None and _has(connection, ADDED)


def is_readable(connection: sqlite3.Connection) -> bool:
    """Whether it is one in which nothing is missing that answers depend on."""
    return _fault(connection) is None and _has(connection, ADDED - INDEXES)


def _code(error: sqlite3.DatabaseError) -> int | None:
    code = getattr(error, "sqlite_errorcode", None)
    return None if code is None else code & 0xFF


def _prepared(path: Path, problems: list[Problem]) -> sqlite3.Connection:
    with named_errors(path):
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        if status_of(path).st_mode & 0o077:
            path.chmod(0o600)
        connection = _connected(path)
        try:
            if is_sound(connection):
                return connection
        except BaseException:
            connection.close()
            raise
        connection.close()
        with _directory_lock(path.parent):
            return _healed(path, problems)


def _healed(path: Path, problems: list[Problem]) -> sqlite3.Connection:
    """A sound store, whatever another process did before the lock was ours."""
    connection = _connected(path)
    try:
        fault = _fault(connection)
        if fault == _OLDER:
            fault = _brought_up(connection, path, problems)
        if fault:
            connection.close()
            problems.append(_set_aside(path, fault))
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
            connection = _connected(path)
        if fault is not None:
            connection.execute(f"PRAGMA page_size = {_PAGE}")
            connection.execute("PRAGMA journal_mode = WAL")
            script = "".join(statements())
            connection.executescript(f"BEGIN;{script};PRAGMA user_version = {SCHEMA};COMMIT;")
        elif not _has(connection, ADDED):
            connection.executescript(f"BEGIN IMMEDIATE;{''.join(additions())};COMMIT;")
    except BaseException:
        connection.close()
        raise
    return connection


def _brought_up(connection: sqlite3.Connection, path: Path, problems: list[Problem]) -> str | None:
    """Bring a store of an older schema up to this one; what is wrong with it where it is damaged."""
    from tallybook.history.migration import migrate  # noqa: PLC0415 - a store is brought up once

    try:
        problems.append(migrate(connection, path))
    except sqlite3.DatabaseError as error:
        if not is_damage(error):
            raise
        return "the history store is damaged"
    return None


def _connected(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None)
    connection.execute("PRAGMA temp_store = MEMORY")
    return connection


def _has(connection: sqlite3.Connection, names: frozenset[str]) -> bool:
    """Whether none of these is missing, which can be added."""
    query = f"SELECT count(*) FROM sqlite_master WHERE name IN ({', '.join('?' * len(names))})"  # noqa: S608
    return bool(connection.execute(query, tuple(names)).fetchone()[0] == len(names))


def _fault(connection: sqlite3.Connection) -> str | None:
    """None for a sound store, empty for a new file, else what is wrong with it."""
    try:
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute(f"PRAGMA cache_size = -{_CACHE}")
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    except sqlite3.DatabaseError as error:
        if is_damage(error):
            return "the history store is damaged"
        raise
    if version > SCHEMA:
        return f"the history store was written by a newer tallybook (schema {version})"
    if version == SCHEMA:
        return None if tables >= TABLES else "the history store lacks tables"
    if version in OLDER:
        return _OLDER if tables >= OLDER[version] else "the history store lacks tables"
    return "the history store is of another program" if version or tables else ""


@contextmanager
def _directory_lock(directory: Path) -> Iterator[None]:
    handle = os.open(directory, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _set_aside(path: Path, fault: str) -> Problem:
    number = 1
    while (backup := path.with_name(f"{path.stem}-backup-{number}{path.suffix}")).exists():
        number += 1
    for ending in ("-wal", "-shm", ""):
        part = Path(f"{path}{ending}")
        if part.exists():
            part.replace(f"{backup}{ending}")
    return Problem(
        "store-set-aside",
        f"{fault}; it was moved to {backup.name} and is rebuilt from the logs",
        Where(file=str(backup)),
        "facts whose logs have been deleted are in the backup alone",
    )
