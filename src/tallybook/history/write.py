"""One batch of readings becomes one transaction: either all of it is in the store, or nothing."""

from __future__ import annotations

import os
import sqlite3
from typing import TYPE_CHECKING

import msgspec

from tallybook.agents.port import Batch, LogFile
from tallybook.domain.problems import Problem
from tallybook.history.contents import Reading
from tallybook.history.facts import add_facts, clean, moment, settle_sessions
from tallybook.history.names import agent_number, group_numbers, session_numbers, stored_text
from tallybook.history.units import Derivation, clear_touched, touch, widen_touched

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tallybook.agents.port import LogReader
    from tallybook.history.store import Store


class Written(msgspec.Struct, frozen=True):
    """What became of one batch."""

    stored: tuple[Reading, ...]
    overtaken: tuple[LogFile, ...]
    """Another process has read these logs in the meantime; they must be looked at again."""
    problems: tuple[Problem, ...]


def write(store: Store, reader: LogReader, readings: Sequence[Reading]) -> Written:
    """Store readings of one agent's logs and all that follows from them."""
    problems: list[Problem] = []
    with store.transaction() as connection:
        agent = agent_number(connection, reader)
        stored = tuple(reading for reading in readings if _is_current(connection, agent, reading))
        writing = _Writing(connection, agent)
        clear_touched(connection)
        sources = {reading.log.key: writing.source(reading) for reading in stored}
        replaced = [reading for reading in stored if reading.known and reading.afresh]
        sessions = writing.drop([sources[reading.log.key] for reading in replaced if not reading.log.whole])
        for reading in replaced:
            if reading.log.whole:
                writing.make_way(sources[reading.log.key], reading)
        for reading in stored:
            sessions |= writing.add(sources[reading.log.key], reading)
        widen_touched(connection)
        sessions |= Derivation(connection, reader, agent, problems).settle()
        settle_sessions(connection, sessions)
    kept = {id(reading) for reading in stored}
    overtaken = tuple(reading.log for reading in readings if id(reading) not in kept)
    return Written(stored, overtaken, tuple(problems))


def _is_current(connection: sqlite3.Connection, agent: int, reading: Reading) -> bool:
    row = connection.execute(
        "SELECT revision FROM source WHERE agent = ? AND key = ?", (agent, stored_text(reading.log.key))
    ).fetchone()
    return (row[0] if row else None) == (reading.known.revision if reading.known else None)


class _Writing(msgspec.Struct, frozen=True):
    connection: sqlite3.Connection
    agent: int

    def source(self, reading: Reading) -> int:
        """Store how far the log is read; returns its number."""
        mark, batch = reading.mark, reading.batch
        state = {
            "agent": self.agent,
            "key": stored_text(reading.log.key),
            "path": os.fsencode(reading.log.place),
            "bad": reading.overlong + (batch.bad_lines if batch else 0),
            "unknown": batch.unknown_records if batch else 0,
            "call": batch.pending_call and stored_text(batch.pending_call) if batch else None,
            "caller": batch.pending_session and stored_text(batch.pending_session) if batch else None,
            "afresh": reading.afresh,
            "said": reading.afresh or batch is not None,
            **mark.stamp._asdict(),
            **{name: getattr(mark, name) for name in _MARK},
        }
        row = self.connection.execute(_UPSERT, state).fetchone()
        return int(row[0])

    def drop(self, sources: Sequence[int]) -> set[int]:
        """Forget what was read of these logs; returns the sessions they spoke of."""
        numbers = [(source,) for source in sources]
        for one in numbers:
            touch(self.connection, self._column("SELECT DISTINCT grp FROM occurrence WHERE source = ?", one))
            touch(self.connection, self._column("SELECT a FROM link WHERE source = ?", one))
        sessions = {session for one in numbers for session in self._column(_SPOKEN_OF, one)}
        for table in ("occurrence", "link", "fact", "growth"):
            self.connection.executemany(f"DELETE FROM {table} WHERE source = ?", numbers)  # noqa: S608
        return sessions

    def make_way(self, source: int, reading: Reading) -> None:
        """Forget what was read of a document as far as its new version tells it anew; what that left out stays."""
        batch = reading.batch or Batch()
        self.connection.execute("DELETE FROM growth WHERE source = ?", (source,))
        groups = group_numbers(self.connection, self.agent, (stored_text(row.group) for row in batch.occurrences))
        sessions = session_numbers(self.connection, self.agent, (stored_text(one.session) for one in batch.sessions))
        for table, column, numbers in (("occurrence", "grp", groups), ("fact", "session", sessions)):
            self.connection.executemany(
                f"DELETE FROM {table} WHERE source = ? AND {column} = ?",  # noqa: S608
                ((source, number) for number in numbers.values()),
            )

    def add(self, source: int, reading: Reading) -> set[int]:
        """Store what was read of one log; returns the sessions it speaks of."""
        batch = reading.batch
        if batch is None:
            return set()
        names = [stored_text(row.group) for row in batch.occurrences]
        links = [(stored_text(a), stored_text(b)) for a, b in batch.links if a != b]
        groups = group_numbers(self.connection, self.agent, (*names, *(name for pair in links for name in pair)))
        self.connection.executemany(
            "INSERT INTO occurrence (source, grp, offset, at, data) VALUES (?, ?, ?, ?, ?)",
            [
                (source, groups[name], row.offset, moment(row.at), row.data)
                for name, row in zip(names, batch.occurrences, strict=True)
            ],
        )
        pairs = [(groups[a], groups[b], source) for a, b in links]
        both = pairs + [(b, a, source) for a, b, source in pairs]
        self.connection.executemany("INSERT OR IGNORE INTO link (a, b, source) VALUES (?, ?, ?)", both)
        touch(self.connection, groups.values())
        facts = [clean(fact) for fact in batch.sessions]
        sessions = session_numbers(self.connection, self.agent, (fact.session for fact in facts))
        add_facts(self.connection, source, facts, sessions)
        return set(sessions.values())

    def _column(self, query: str, values: tuple[int]) -> list[int]:
        return [row[0] for row in self.connection.execute(query, values)]


_MARK = ("compressed", "reader", "revision", "cursor", "head_size", "head", "tail", "state")
_SPOKEN_OF = "SELECT session FROM fact WHERE source = ?"
_UPSERT = """INSERT INTO source (agent, key, path, compressed, dev, ino, size, mtime_ns, reader, revision, cursor,
    head_size, head, tail, state, pending_call, pending_session, bad_lines, unknown_records, gone)
VALUES (:agent, :key, :path, :compressed, :dev, :ino, :size, :mtime_ns, :reader, :revision, :cursor,
    :head_size, :head, :tail, :state, :call, :caller, :bad, :unknown, 0)
ON CONFLICT (agent, key) DO UPDATE SET path = excluded.path, compressed = excluded.compressed, dev = excluded.dev,
    ino = excluded.ino, size = excluded.size, mtime_ns = excluded.mtime_ns, reader = excluded.reader,
    revision = excluded.revision, cursor = excluded.cursor, head_size = excluded.head_size, head = excluded.head,
    tail = excluded.tail, state = excluded.state, gone = 0,
    pending_call = iif(:said, excluded.pending_call, pending_call),
    pending_session = iif(:said, excluded.pending_session, pending_session),
    bad_lines = excluded.bad_lines + iif(:afresh, 0, bad_lines),
    unknown_records = excluded.unknown_records + iif(:afresh, 0, unknown_records)
RETURNING id"""
