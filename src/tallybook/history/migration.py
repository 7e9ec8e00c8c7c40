"""Brings a store of an earlier schema to this one, in one transaction and exactly: nothing needs the logs again.

Schema 1 kept each occurrence in a row of its own, and named the calls of a response. Schema 2 added responses up
whatever the size of their requests, schema 3 by quarters of an hour. Schema 4 had keys of responses as text, and the
group that it followed from in each row. Schema 5 had all that is known of a response in its row, and whole moments in
its pieces.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing, suppress
from itertools import accumulate
from typing import TYPE_CHECKING, Final

import msgspec

from tallybook.agents.port import Occurrence
from tallybook.domain.problems import Problem, Where
from tallybook.history.names import digest, name_hash
from tallybook.history.pieces import cut, decompressed, packed, piece_of
from tallybook.history.response_keys import packed_key
from tallybook.history.responses import add_rows
from tallybook.history.rollup import add_all, roll_all
from tallybook.history.schema import OLDER, SCHEMA, statements
from tallybook.history.shelf import Shelf

if TYPE_CHECKING:
    from pathlib import Path

_ADDED: Final = ("branch", "commit_id", "version", "entry", "provider")
_SUMS: Final = 4
"""The first schema whose sums are those of this one."""
_FIRST: Final = 1
_LAST: Final = 5
_REST: Final = """r.session, r.source, r.offset, r.at, r.model, r.tier, r.input, r.cache_read, r.cache_write_5m,
r.cache_write_1h, r.cache_write_unknown, r.output, r.reasoning, r.quality, r.final"""
_LATER: Final = "r.calls, r.effort, r.branch, r.cwd, r.provider, r.turn, r.window, r.web_searches FROM earlier r"
_ROWS: Final = {
    1: f"""SELECT name_hash(a.name, g.name), packed_key(r.key, s.name), {_REST}, call_hashes(a.name, r.calls),
        NULL, NULL, NULL, NULL, NULL, NULL, 0
        FROM earlier r JOIN grp g ON g.id = r.grp JOIN agent a ON a.id = g.agent""",  # noqa: S608
    4: f"SELECT r.grp, packed_key(r.key, s.name), {_REST}, {_LATER}",
    5: f"""SELECT (SELECT grp FROM run WHERE first <= r.id ORDER BY first DESC LIMIT 1), r.key,
        {_REST}, {_LATER}""",  # noqa: S608
}
"""Responses as rows of this version, by the last schema that had them so."""
_KINDS: Final = frozenset({"TABLE", "INDEX", "VIEW"})
_INDEXES: Final = "SELECT name FROM sqlite_master WHERE type = 'index' AND tbl_name = 'response' AND sql IS NOT NULL"


class _EarlierPiece(msgspec.Struct, array_like=True):
    """Up to schema 5: places of groups, and moments, each by itself."""

    names: list[str]
    groups: list[int]
    offsets: list[int]
    ats: list[int | None]
    data: list[bytes]
    links: list[tuple[str, str]] = msgspec.field(default_factory=list)


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
    connection.execute("PRAGMA temp_store = FILE")  # for all of the store is copied, and memory may not hold it
    with suppress(sqlite3.Error):  # where there is no room for it, the file stays as large as it was
        connection.execute("VACUUM")
    connection.execute("PRAGMA temp_store = MEMORY")
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
    if earlier == _FIRST:
        for table in ("session", "fact"):
            for column in _ADDED:
                connection.execute(f"ALTER TABLE {table} ADD COLUMN {column} TEXT")
    elif earlier < _SUMS:
        connection.execute("DROP TABLE rollup")
    _set_responses_aside(connection, runs=earlier == _LAST)
    _make_missing(connection)
    _lay_anew(connection, next(_ROWS[known] for known in sorted(_ROWS) if earlier <= known))
    (roll_all if earlier < _SUMS else add_all)(connection)
    if earlier == _FIRST:
        _pack(connection)
    else:
        _pack_anew(connection)
    for table in ("earlier", "run", "link", "occurrence", "grp"):
        connection.execute(f"DROP TABLE IF EXISTS {table}")


def _set_responses_aside(connection: sqlite3.Connection, *, runs: bool) -> None:
    for (index,) in connection.execute(_INDEXES).fetchall():
        connection.execute(f"DROP INDEX {index}")
    connection.execute("ALTER TABLE response RENAME TO earlier")
    connection.execute("CREATE INDEX earlier_session ON earlier (session)")
    if runs:
        connection.execute("CREATE TABLE run (first INTEGER PRIMARY KEY, grp INTEGER NOT NULL) STRICT")
        connection.execute("INSERT INTO run SELECT first, grp FROM derived")
        connection.execute("DROP TABLE derived")


def _lay_anew(connection: sqlite3.Connection, rows: str) -> None:
    """Write the responses as this version has them, session by session, so that memory is bounded by the longest."""
    query = f"{rows} JOIN session s ON s.id = r.session WHERE r.session = ? ORDER BY r.id"
    for session in connection.execute("SELECT DISTINCT session FROM earlier ORDER BY 1").fetchall():
        add_rows(connection, connection.execute(query, session))


def _make_missing(connection: sqlite3.Connection) -> None:
    for statement in statements():
        name = statement.partition("(")[0].split()
        kind, given = next((kind, name[at + 1]) for at, kind in enumerate(name) if kind in _KINDS)
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


def _pack_anew(connection: sqlite3.Connection) -> None:
    """Write pieces as this version has them, one by one."""
    decode = msgspec.msgpack.Decoder(_EarlierPiece).decode
    for (number,) in connection.execute("SELECT id FROM piece").fetchall():
        (data,) = connection.execute("SELECT data FROM piece WHERE id = ?", (number,)).fetchone()
        piece = decode(decompressed(data))
        names = [piece.names[group] for group in piece.groups]
        rows = list(map(Occurrence, names, accumulate(piece.offsets), piece.ats, piece.data))
        anew = packed(piece_of(rows, piece.links))
        connection.execute("UPDATE piece SET data = ? WHERE id = ?", (anew, number))


def _call_hashes(agent: str, calls: str) -> bytes:
    return b"".join(digest(agent, call) for call in calls.splitlines())
