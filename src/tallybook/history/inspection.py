"""Looks at the store's file as it is, read-only: nothing is healed, set aside or made."""

from __future__ import annotations

import sqlite3
import stat
import time
from contextlib import closing
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

import msgspec
from msgspec.structs import replace

from tallybook.history.schema import OLDER, SCHEMA, TABLES
from tallybook.history.store import NAME, OLDEST_SQLITE, is_damage, named_errors, status_of

if TYPE_CHECKING:
    from pathlib import Path

_STEPS: Final = 100_000
"""Instructions of SQLite between two looks at the time."""


class StoreFacts(msgspec.Struct, frozen=True):
    """What the file of the store is."""

    size: int
    """Bytes, without what waits in its write-ahead log."""
    mode: int
    """Permission bits."""
    schema: int
    faults: tuple[str, ...] = ()
    """What ``PRAGMA quick_check`` has found; empty for a sound file."""
    older: bool = False
    """An earlier version made it; the next command brings it up to this one."""
    foreign: bool = False
    """It is a database, but none that this version or an earlier one made."""
    unfinished: bool = False
    """The time was up before all of it was looked at."""
    logs: int = 0
    responses: int = 0


def sqlite_is_usable() -> tuple[str, bool]:
    """The version of SQLite, and whether the store can be kept with it."""
    return sqlite3.sqlite_version, sqlite3.sqlite_version_info >= OLDEST_SQLITE


def inspect(directory: Path, seconds: float) -> StoreFacts | None:
    """Check the store of the data directory, for ``seconds`` at most; None where there is none.

    Raises:
        StoreUnavailable: it can't be opened.
        StoreDamaged: it is no database, or too damaged to be looked at.

    """
    path = directory / NAME
    with named_errors(path):
        try:
            status = status_of(path)
        except FileNotFoundError:
            return None
        with closing(sqlite3.connect(f"file:{quote(str(path))}?mode=ro", timeout=seconds, uri=True)) as connection:
            return _facts(connection, StoreFacts(status.st_size, stat.S_IMODE(status.st_mode), 0), seconds)


def _facts(connection: sqlite3.Connection, bare: StoreFacts, seconds: float) -> StoreFacts:
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    older = version in OLDER and tables >= OLDER[version]
    sound = version == SCHEMA and tables >= TABLES
    facts = replace(bare, schema=version, older=older, foreign=not older and not sound)
    end = time.monotonic() + seconds
    connection.set_progress_handler(lambda: time.monotonic() > end, _STEPS)
    try:
        rows = [line for row in connection.execute("PRAGMA quick_check(5)") for line in row[0].splitlines()]
        if rows != ["ok"]:
            return replace(facts, faults=tuple(line for line in rows if not line.startswith("***")))
        if facts.foreign:
            return facts
        ((logs, responses),) = connection.execute(
            "SELECT (SELECT count(*) FROM source), (SELECT count(*) FROM response)"
        )
        return replace(facts, logs=logs, responses=responses)
    except sqlite3.DatabaseError as error:
        if is_damage(error):
            return replace(facts, faults=(str(error),))
        if getattr(error, "sqlite_errorcode", None) != sqlite3.SQLITE_INTERRUPT:
            raise
        return replace(facts, unfinished=True)
