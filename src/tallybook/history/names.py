"""Names as the store holds them: in UTF-8, each session and word once, and a number elsewhere."""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable

    from tallybook.agents.port import LogReader

_AT_ONCE: Final = 1000


def stored_text(text: str) -> str:
    """Text in UTF-8's reach: what cannot be encoded is escaped."""
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode("utf-8")


def agent_number(connection: sqlite3.Connection, reader: LogReader) -> int:
    """The number of the reader's agent; what it says of itself is kept up to date."""
    row = connection.execute(
        """INSERT INTO agent (name, unreported, usage_since) VALUES (?, ?, ?)
        ON CONFLICT (name) DO UPDATE SET unreported = excluded.unreported, usage_since = excluded.usage_since
        RETURNING id""",
        (reader.agent, " ".join(reader.unreported), reader.usage_since),
    ).fetchone()
    return int(row[0])


def session_numbers(connection: sqlite3.Connection, agent: int, names: Iterable[str]) -> dict[str, int]:
    """The numbers of sessions; a new session gets the next."""
    wanted = list(dict.fromkeys(names))
    found: dict[str, int] = {}
    for start in range(0, len(wanted), _AT_ONCE):
        part = wanted[start : start + _AT_ONCE]
        marks = ", ".join("?" * len(part))
        query = f"SELECT name, id FROM session WHERE agent = ? AND name IN ({marks})"  # noqa: S608
        found.update(connection.execute(query, (agent, *part)).fetchall())
    new = [name for name in wanted if name not in found]
    if new:
        last = connection.execute("SELECT coalesce(max(id), 0) FROM session").fetchone()[0]
        fresh = {name: number for number, name in enumerate(new, last + 1)}
        insert = "INSERT INTO session (id, agent, name) VALUES (?, ?, ?)"
        connection.executemany(insert, ((number, agent, name) for name, number in fresh.items()))
        found.update(fresh)
    return found


def word_numbers(connection: sqlite3.Connection, texts: Iterable[str]) -> dict[str, int]:
    """The numbers of words; words are few."""
    connection.executemany("INSERT OR IGNORE INTO word (text) VALUES (?)", ((text,) for text in sorted(set(texts))))
    return dict(connection.execute("SELECT text, id FROM word").fetchall())


def digest(agent: str, name: str) -> bytes:
    """Eight bytes that stand for a name of an agent's, where the name itself would be long."""
    return blake2b(f"{agent}:{name}".encode(), digest_size=8).digest()


def name_hash(agent: str, name: str) -> int:
    """The same as a number, signed as SQLite wants it."""
    return int.from_bytes(digest(agent, name), "little", signed=True)
