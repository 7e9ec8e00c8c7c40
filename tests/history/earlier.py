"""Turns a store back into one of schema 1, as a tallybook of that time would have made it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from tallybook.history.names import name_hash
from tallybook.history.pieces import unpacked

if TYPE_CHECKING:
    from collections.abc import Mapping

_COPIED = {
    "agent": "*",
    "word": "*",
    "source": "*",
    "session": "id, agent, name, parent, forked_from, born_at, last_at, cwd, model, origin",
    "fact": "source, session, parent, forked_from, born_at, last_at, cwd, model, origin",
}
_RESPONSE = """id, key, session, source, offset, at, model, tier, input, cache_read, cache_write_5m, cache_write_1h,
    cache_write_unknown, output, reasoning, quality, final"""


def to_schema_1(path: Path, calls: Mapping[str, str] | None = None) -> None:
    """Rewrite the closed store; ``calls`` gives the ids of tool calls by the key of their response."""
    earlier = path.with_suffix(".earlier")
    with closing(sqlite3.connect(earlier, isolation_level=None)) as connection:
        connection.executescript(Path(__file__).with_name("schema_1.sql").read_text())
        connection.execute("PRAGMA user_version = 1")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("ATTACH ? AS later", (str(path),))
        connection.create_function("calls_of", 1, lambda key: (calls or {}).get(key, ""))
        for table, columns in _COPIED.items():
            connection.execute(f"INSERT INTO {table} SELECT {columns} FROM later.{table}")  # noqa: S608
        groups = _unpack(connection)
        connection.create_function("grp_of", 1, groups.get)
        connection.execute(
            f"""INSERT INTO response ({_RESPONSE}, grp, calls)
            SELECT {_RESPONSE}, grp_of(grp), calls_of(key) FROM later.response"""  # noqa: S608
        )
    for ending in ("-wal", "-shm"):
        path.with_name(path.name + ending).unlink(missing_ok=True)
    earlier.replace(path)
    path.chmod(0o600)


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
            [(source, number(agent, word, group), *rest) for group, *rest in piece.occurrences()],
        )
        pairs = [(number(agent, word, a), number(agent, word, b), source) for a, b in piece.links]
        both = [*pairs, *((b, a, source) for a, b, source in pairs)]
        connection.executemany("INSERT OR IGNORE INTO link VALUES (?, ?, ?)", both)
    return hashes
