"""The store where nothing can be written, on a read-only file system or a full disk: it is read as it is.

Nothing is healed, made or set aside.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import suppress
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from tallybook.domain.problems import Problem, Where
from tallybook.history.store import BUSY_SECONDS, NAME, Store, StoreUnavailable, is_readable, named_errors, open_store

if TYPE_CHECKING:
    from pathlib import Path

_WITH_ITS_LOG: Final = "mode=ro"
_WITHOUT: Final = "mode=ro&immutable=1"
"""Needs no files beside the store, which SQLite may not be able to make here, and sees nothing of those."""


def read_store(directory: Path) -> Store:
    """The store of the data directory; where nothing can be written there, as it is.

    Raises:
        StoreUnavailable: it can't be read, or there is none yet and none can be made.

    """
    try:
        return open_store(directory)
    except StoreUnavailable as error:
        return store_as_it_is(directory, error)


def store_as_it_is(directory: Path, error: StoreUnavailable) -> Store:
    """The store, read-only, after ``error``, which stands among its problems.

    Raises:
        StoreUnavailable: ``error`` itself, where something else than the place is at fault, or no sound store is there.

    """
    path = directory / NAME
    connection = _connection(path) if error.unwritable else None
    if connection is None:
        raise error
    store = Store(path, connection)
    message = f"{error.message}; the history is told as it was last written"
    store.problems.append(Problem("history-not-updated", message, Where(str(path)), error.hint))
    return store


def _connection(path: Path) -> sqlite3.Connection | None:
    for way in _ways(path):
        with suppress(StoreUnavailable), named_errors(path):
            uri = f"file:{quote(str(path))}?{way}"
            connection = sqlite3.connect(uri, timeout=BUSY_SECONDS, isolation_level=None, uri=True)
            try:
                connection.execute("PRAGMA temp_store = MEMORY")
                if is_readable(connection):
                    return connection
            except BaseException:
                connection.close()
                raise
            connection.close()
    return None


def _ways(path: Path) -> tuple[str, ...]:
    """A log that was left behind belongs to the store: without it, the file may be half of one state and of another."""
    try:
        left = os.stat(f"{path}-wal").st_size  # noqa: PTH116 - beside the store's own path
    except OSError:
        left = 0
    return (_WITH_ITS_LOG,) if left else (_WITH_ITS_LOG, _WITHOUT)
