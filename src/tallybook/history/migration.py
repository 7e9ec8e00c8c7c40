"""Brings a store of an earlier schema to this one, in one transaction and exactly: nothing needs the logs again.

Schema 1 kept each occurrence in a row of its own, and named the calls of a response. Schema 2 added responses up
whatever the size of their requests, schema 3 by quarters of an hour.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing, suppress
from typing import TYPE_CHECKING, Final

from tallybook.agents.port import Occurrence
from tallybook.domain.problems import Problem, Where
from tallybook.history.names import digest, name_hash
from tallybook.history.pieces import cut
from tallybook.history.rollup import roll_all
from tallybook.history.schema import OLDER, SCHEMA, statements
from tallybook.history.shelf import Shelf

if TYPE_CHECKING:
    from pathlib import Path

_ADDED: Final = ("branch", "commit_id", "version", "entry", "provider")
_KEPT: Final = """id, key, session, source, offset, at, model, tier, input, cache_read, cache_write_5m, cache_write_1h,
cache_write_unknown, output, reasoning, quality, final"""


def schema_of(connection: sqlite3.Connection) -> int | None:
    """The earlier schema of the store, None where it is of none of them, whole."""
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    return version if version in OLDER and tables >= OLDER[version] else None


def migrate(connection: sqlite3.Connection, path: Path) -> Problem:
    """Bring the open store at ``path`` to this schema; its old content is kept in a file beside it.

    Raises:
        sqlite3.Error: it can't be done; the store is as it was.
        OSError: the old content can't be kept.

    """
    earlier = schema_of(connection)
    backup = _backup(connection, path, f"{path.stem}-schema-{earlier}")
    connection.execute("PRAGMA legacy_alter_table = ON")
    connection.execute("BEGIN IMMEDIATE")
    try:
        found = schema_of(connection)
        if found is not None:
            (_rebuild if found == 1 else _add_up_anew)(connection)
            connection.execute(f"PRAGMA user_version = {SCHEMA}")
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
    with suppress(sqlite3.Error):  # where there is no room for it, the file stays as large as it was
        connection.execute("VACUUM")
    return Problem(
        "store-migrated",
        f"the history store was brought from schema {earlier} to {SCHEMA}; the old one is kept as {backup.name}",
        Where(file=str(backup)),
        "it may be deleted",
    )


def _backup(connection: sqlite3.Connection, path: Path, name: str) -> Path:
    """A copy of the whole store, complete under its name or not there at all."""
    backup, draft = path.with_name(f"{name}.db"), path.with_name(f"{name}.tmp")
    draft.unlink(missing_ok=True)
    handle = os.open(draft, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with closing(sqlite3.connect(draft)) as target:
            connection.backup(target)
        os.fsync(handle)
        draft.replace(backup)
    finally:
        os.close(handle)
        draft.unlink(missing_ok=True)
    return backup


def _rebuild(connection: sqlite3.Connection) -> None:
    connection.create_function("name_hash", 2, name_hash, deterministic=True)
    connection.create_function("call_hashes", 2, _call_hashes, deterministic=True)
    for table in ("session", "fact"):
        for column in _ADDED:
            connection.execute(f"ALTER TABLE {table} ADD COLUMN {column} TEXT")
    for index in ("response_grp", "response_session", "response_moment", "response_place"):
        connection.execute(f"DROP INDEX IF EXISTS {index}")
    connection.execute("ALTER TABLE response RENAME TO response_1")
    _make_missing(connection)
    connection.execute(
        f"""INSERT INTO response ({_KEPT}, grp, calls, web_searches)
        SELECT {", ".join(f"r.{column.strip()}" for column in _KEPT.split(","))}, name_hash(a.name, g.name),
            call_hashes(a.name, r.calls), 0
        FROM response_1 r JOIN grp g ON g.id = r.grp JOIN agent a ON a.id = g.agent ORDER BY r.id"""  # noqa: S608
    )
    roll_all(connection)
    _pack(connection)
    for table in ("response_1", "link", "occurrence", "grp"):
        connection.execute(f"DROP TABLE {table}")


def _add_up_anew(connection: sqlite3.Connection) -> None:
    connection.execute("DROP TABLE rollup")
    _make_missing(connection)
    roll_all(connection)


def _make_missing(connection: sqlite3.Connection) -> None:
    for statement in statements():
        name = statement.partition("(")[0].split()
        kind, given = next((kind, name[at + 1]) for at, kind in enumerate(name) if kind in {"TABLE", "INDEX"})
        if (
            given == "IF"
            or not connection.execute(
                "SELECT 1 FROM sqlite_master WHERE type = ? AND name = ?", (kind.lower(), given)
            ).fetchone()
        ):
            connection.execute(statement)  # an addition says so itself: IF NOT EXISTS


def _pack(connection: sqlite3.Connection) -> None:
    sources = connection.execute("SELECT s.id, a.name FROM source s JOIN agent a ON a.id = s.agent").fetchall()
    for source, agent in sources:
        shelf = Shelf(connection, agent)
        rows = connection.execute(
            """SELECT g.name, o.offset, o.at, o.data FROM occurrence o JOIN grp g ON g.id = o.grp
            WHERE o.source = ? ORDER BY o.id""",
            (source,),
        )
        links = connection.execute(
            """SELECT a.name, b.name FROM link l JOIN grp a ON a.id = l.a JOIN grp b ON b.id = l.b
            WHERE l.source = ? AND l.a < l.b""",
            (source,),
        )
        pieces = cut([Occurrence(*row) for row in rows], links.fetchall())
        shelf.put([(source, shelf.packed(piece)) for piece in pieces])


def _call_hashes(agent: str, calls: str) -> bytes:
    return b"".join(digest(agent, call) for call in calls.splitlines())
