"""Turns a store back into one of schema 1, 4 or 5, as a tallybook of that time would have made it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from tallybook.history.names import name_hash
from tallybook.history.pieces import compressed, unpacked
from tallybook.history.response_keys import key_text
from tallybook.history.responses import COLUMNS, runs

if TYPE_CHECKING:
    from collections.abc import Mapping

_COPIED = {
    "agent": "*",
    "word": "*",
    "source": "*",
    "session": "id, agent, name, parent, forked_from, born_at, last_at, cwd, model, origin",
    "fact": "source, session, parent, forked_from, born_at, last_at, cwd, model, origin",
}
_RESPONSE = """id, session, source, offset, at, model, tier, input, cache_read, cache_write_5m, cache_write_1h,
    cache_write_unknown, output, reasoning, quality, final"""


def to_schema_1(path: Path, calls: Mapping[str, str] | None = None) -> None:
    """Rewrite the closed store; ``calls`` gives the ids of tool calls by the key of their response."""
    earlier = path.with_suffix(".earlier")
    with closing(sqlite3.connect(earlier, isolation_level=None)) as connection:
        connection.executescript(Path(__file__).with_name("schema_1.sql").read_text())
        connection.execute("PRAGMA user_version = 1")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("ATTACH ? AS later", (str(path),))
        connection.create_function("key_text", 2, key_text)
        connection.create_function("calls_of", 1, lambda key: (calls or {}).get(key, ""))
        for table, columns in _COPIED.items():
            connection.execute(f"INSERT INTO {table} SELECT {columns} FROM later.{table}")  # noqa: S608
        groups = _unpack(connection)
        connection.create_function("grp_of", 1, groups.get)
        connection.execute(
            f"""INSERT INTO response ({_RESPONSE}, key, grp, calls)
            SELECT {_of_later(_RESPONSE)}, key_text(r.key, s.name), grp_of(d.grp), calls_of(key_text(r.key, s.name))
            FROM later.response r JOIN later.session s ON s.id = r.session
            JOIN later.derived d ON r.id BETWEEN d.first AND d.first + d.size - 1"""  # noqa: S608
        )
    for ending in ("-wal", "-shm"):
        path.with_name(path.name + ending).unlink(missing_ok=True)
    earlier.replace(path)
    path.chmod(0o600)


def to_schema_5(path: Path) -> None:
    """Rewrite the closed store with all that is known of a response in its row, and with pieces of whole moments."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        columns = COLUMNS.replace("grp, ", "")
        connection.execute(
            f"""CREATE TABLE earlier AS SELECT row_number() OVER (ORDER BY r.id) AS id, d.grp, {_of_later(columns)}
            FROM response r JOIN derived d ON r.id BETWEEN d.first AND d.first + d.size - 1"""  # noqa: S608
        )
        for gone in (
            "VIEW undated",
            "VIEW numbered",
            "VIEW response",
            "TABLE response_own",
            "TABLE response_context",
            "TABLE derived",
        ):
            connection.execute(f"DROP {gone}")
        kinds = (f"{name} {'BLOB' if name.strip() in {'key', 'calls'} else 'INTEGER'}" for name in columns.split(","))
        connection.execute(f"CREATE TABLE response (id INTEGER PRIMARY KEY, {', '.join(kinds)}) STRICT")
        connection.execute(f"INSERT INTO response (id, {columns}) SELECT id, {columns} FROM earlier")  # noqa: S608
        connection.execute("CREATE INDEX response_moment ON response (session, at)")
        connection.execute("CREATE INDEX response_place ON response (source, offset)")
        connection.execute("CREATE INDEX response_undated ON response (session) WHERE at IS NULL")
        connection.execute(
            """CREATE TABLE derived (grp INTEGER NOT NULL, first INTEGER NOT NULL, size INTEGER NOT NULL,
            PRIMARY KEY (grp, first)) STRICT, WITHOUT ROWID"""
        )
        told = list(runs(connection.execute("SELECT grp, id FROM earlier ORDER BY 1, 2")))
        connection.executemany("INSERT INTO derived VALUES (?, ?, ?)", told)
        connection.execute("DROP TABLE earlier")
        _pack_as_before(connection)
        connection.execute("PRAGMA user_version = 5")


def _pack_as_before(connection: sqlite3.Connection) -> None:
    encode = msgspec.msgpack.Encoder().encode
    for number, data in connection.execute("SELECT id, data FROM piece").fetchall():
        piece = unpacked(data)
        rows = [*piece.occurrences()]
        before = [0, *(row.offset for row in rows)]
        columns = (
            piece.names,
            [piece.names.index(row.group) for row in rows],
            [row.offset - earlier for row, earlier in zip(rows, before, strict=False)],
            [row.at for row in rows],
            [row.data for row in rows],
            piece.links,
        )
        connection.execute("UPDATE piece SET data = ? WHERE id = ?", (compressed(encode(columns)), number))


def to_schema_4(path: Path) -> None:
    """Rewrite the closed store with keys as text, and the group of each response in its row."""
    to_schema_5(path)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.create_function("key_text", 2, key_text)
        connection.execute("ALTER TABLE response RENAME TO later")
        for index in ("moment", "place", "undated"):
            connection.execute(f"DROP INDEX response_{index}")
        columns = COLUMNS.replace("grp, key,", "")
        connection.execute(
            f"""CREATE TABLE response (id INTEGER PRIMARY KEY, grp INTEGER NOT NULL, key TEXT NOT NULL,
            {", ".join(f"{name} {'BLOB' if name.strip() == 'calls' else 'INTEGER'}" for name in columns.split(","))})
            STRICT"""
        )
        connection.execute(
            f"""INSERT INTO response (id, grp, key, {columns})
            SELECT r.id, d.grp, key_text(r.key, s.name), {_of_later(columns)} FROM later r
            JOIN session s ON s.id = r.session
            JOIN derived d ON r.id BETWEEN d.first AND d.first + d.size - 1"""  # noqa: S608
        )
        connection.execute("DROP TABLE later")
        connection.execute("DROP TABLE derived")
        connection.execute("CREATE INDEX response_grp ON response (grp)")
        connection.execute("CREATE INDEX response_moment ON response (session, at)")
        connection.execute("CREATE INDEX response_place ON response (source, offset)")
        connection.execute("CREATE INDEX response_undated ON response (session) WHERE at IS NULL")
        connection.execute("PRAGMA user_version = 4")


def _of_later(columns: str) -> str:
    return ", ".join(f"r.{column.strip()}" for column in columns.split(","))


def _unpack(connection: sqlite3.Connection) -> dict[int, int]:
    """Write every occurrence and link; the numbers of groups by hash."""
    names: dict[tuple[int, str], int] = {}
    hashes: dict[int, int] = {}

    def number(agent: int, word: str, name: str) -> int:
        if (agent, name) not in names:
            names[agent, name] = hashes[name_hash(word, name)] = len(names) + 1
            connection.execute("INSERT INTO grp VALUES (?, ?, ?)", (len(names), agent, name))
        return names[agent, name]

    pieces = connection.execute(
        """SELECT p.source, a.id, a.name, p.data FROM later.piece p JOIN later.source s ON s.id = p.source
        JOIN later.agent a ON a.id = s.agent ORDER BY p.id"""
    ).fetchall()
    for source, agent, word, data in pieces:
        piece = unpacked(data)
        connection.executemany(
            "INSERT INTO occurrence (source, grp, offset, at, data) VALUES (?, ?, ?, ?, ?)",
            [(source, number(agent, word, row.group), row.offset, row.at, row.data) for row in piece.occurrences()],
        )
        pairs = [(number(agent, word, a), number(agent, word, b), source) for a, b in piece.links]
        both = [*pairs, *((b, a, source) for a, b, source in pairs)]
        connection.executemany("INSERT OR IGNORE INTO link VALUES (?, ?, ?)", both)
    return hashes
