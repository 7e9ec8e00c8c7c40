"""Brings a store of an earlier schema to this one, in one transaction and exactly: nothing needs the logs again.

Schema 1 kept each occurrence in a row of its own, and named the calls of a response. Schema 2 added responses up
whatever the size of their requests, schema 3 by quarters of an hour. Schema 4 had keys of responses as text, and the
group that it followed from in each row.
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
from tallybook.history.response_keys import packed_key
from tallybook.history.responses import COLUMNS, runs
from tallybook.history.rollup import roll_all
from tallybook.history.schema import OLDER, SCHEMA, statements
from tallybook.history.shelf import Shelf

if TYPE_CHECKING:
    from pathlib import Path

_ADDED: Final = ("branch", "commit_id", "version", "entry", "provider")
_EARLIER: Final = 4
"""The last schema whose responses lay otherwise; sums are as they were in it."""
_KEPT: Final = """id, session, source, offset, at, model, tier, input, cache_read, cache_write_5m, cache_write_1h,
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
            _bring_up(connection, found)
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


def _bring_up(connection: sqlite3.Connection, earlier: int) -> None:
    for name, function in (("name_hash", name_hash), ("call_hashes", _call_hashes), ("packed_key", packed_key)):
        connection.create_function(name, 2, function, deterministic=True)
    if earlier == 1:
        _rebuild(connection)
    else:
        _lay_anew(connection, sums=earlier < _EARLIER)


def _rebuild(connection: sqlite3.Connection) -> None:
    for table in ("session", "fact"):
        for column in _ADDED:
            connection.execute(f"ALTER TABLE {table} ADD COLUMN {column} TEXT")
    _set_responses_aside(connection)
    connection.execute(
        f"""INSERT INTO response ({_KEPT}, key, calls, web_searches)
        SELECT {_of_earlier(_KEPT)}, packed_key(r.key, s.name), call_hashes(a.name, r.calls), 0
        FROM earlier r JOIN session s ON s.id = r.session JOIN agent a ON a.id = s.agent ORDER BY r.id"""  # noqa: S608
    )
    _note_derived(
        connection,
        """SELECT name_hash(a.name, g.name) AS hash, r.id FROM earlier r JOIN grp g ON g.id = r.grp
        JOIN agent a ON a.id = g.agent ORDER BY 1, 2""",
    )
    roll_all(connection)
    _pack(connection)
    for table in ("earlier", "link", "occurrence", "grp"):
        connection.execute(f"DROP TABLE {table}")


def _lay_anew(connection: sqlite3.Connection, *, sums: bool) -> None:
    if sums:
        connection.execute("DROP TABLE rollup")
    _set_responses_aside(connection)
    same = COLUMNS.replace("grp, key", "id")
    connection.execute(
        f"""INSERT INTO response ({same}, key) SELECT {_of_earlier(same)}, packed_key(r.key, s.name)
        FROM earlier r JOIN session s ON s.id = r.session ORDER BY r.id"""  # noqa: S608
    )
    _note_derived(connection, "SELECT grp, id FROM earlier ORDER BY 1, 2")
    if sums:
        roll_all(connection)
    connection.execute("DROP TABLE earlier")


def _set_responses_aside(connection: sqlite3.Connection) -> None:
    for index in ("response_grp", "response_session", "response_moment", "response_place", "response_undated"):
        connection.execute(f"DROP INDEX IF EXISTS {index}")
    connection.execute("ALTER TABLE response RENAME TO earlier")
    _make_missing(connection)


def _of_earlier(columns: str) -> str:
    return ", ".join(f"r.{column.strip()}" for column in columns.split(","))


def _note_derived(connection: sqlite3.Connection, query: str) -> None:
    """Note which responses follow from which group, as a query tells it in order."""
    connection.executemany(
        "INSERT INTO derived (grp, first, size) VALUES (?, ?, ?)", list(runs(connection.execute(query)))
    )


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
