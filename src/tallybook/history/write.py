"""One batch of readings becomes one transaction: either all of it is in the store, or nothing."""

from __future__ import annotations

import os
import sqlite3
from collections import Counter
from itertools import chain
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec
from msgspec.structs import replace

from tallybook.agents.port import LogFile
from tallybook.domain.problems import Problem
from tallybook.history.contents import Reading
from tallybook.history.facts import clean, fact_rows, first_fact_rows, put_facts, settle_sessions
from tallybook.history.growth import Added, Growth
from tallybook.history.intake import Intake
from tallybook.history.names import agent_number, session_numbers, stored_text
from tallybook.history.responses import Change, Row, add_rows, numbered
from tallybook.history.rollup import roll
from tallybook.history.shelf import Shelf
from tallybook.history.units import Derivation

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from tallybook.agents.port import LogReader
    from tallybook.history.contents import Mark
    from tallybook.history.harvest import Harvest
    from tallybook.history.store import Store


_AT_ONCE: Final = 1000


class Written(msgspec.Struct, frozen=True):
    """What became of one batch."""

    stored: tuple[Reading, ...]
    overtaken: tuple[LogFile, ...]
    """Another process has read these logs in the meantime; they must be looked at again."""
    problems: tuple[Problem, ...]


def write(store: Store, reader: LogReader, found: Sequence[tuple[Reading, Harvest]]) -> Written:
    """Store readings of one agent's logs, with what each comes to by itself, and all that follows from them."""
    problems: list[Problem] = []
    with store.transaction() as connection:
        agent = agent_number(connection, reader)
        revisions = _revisions(connection, agent, [stored_text(reading.log.key) for reading, _ in found])
        current = [one for one in found if _is_current(one[0], revisions)]
        stored = tuple(reading for reading, _ in current)
        writing = _Writing(connection, agent, Shelf(connection, reader.agent), problems)
        sources = {reading.log.key: writing.source(reading) for reading in stored}
        harvests = [(sources[reading.log.key], reading, harvest) for reading, harvest in current]
        touched, sessions = writing.make_way([(source, reading) for source, reading, _ in harvests])
        alone = writing.add(harvests, touched, Growth(connection, reader, problems))
        sessions |= writing.tell([(source, reading) for source, reading, _ in harvests])
        Intake(connection, agent).take(harvests)
        change = Derivation(writing.shelf, reader, agent, problems).settle(touched) if touched else Change((), ())
        numbers = {stored_text(key): number for key, number in sources.items()}
        change = Change(
            change.removed, (*change.added, *add_rows(connection, numbered(connection, agent, alone, numbers)))
        )
        roll(connection, change)
        settle_sessions(connection, sessions | change.sessions)
        told = [_located(connection, agent, reader, one) for one in problems]
    kept = {id(reading) for reading in stored}
    overtaken = tuple(reading.log for reading, _ in found if id(reading) not in kept)
    return Written(stored, overtaken, tuple(told))


def _located(connection: sqlite3.Connection, agent: int, reader: LogReader, problem: Problem) -> Problem:
    """The problem with the path of its log in place of the key; in a document there is no byte to look at."""
    where = problem.where
    (path,) = connection.execute("SELECT path FROM source WHERE agent = ? AND key = ?", (agent, where.file)).fetchone()
    log = reader.log_at(Path(os.fsdecode(path)))
    return replace(problem, where=replace(where, file=log.place, byte=None if log.whole else where.byte))


def _revisions(connection: sqlite3.Connection, agent: int, keys: Sequence[str]) -> dict[str, int]:
    """The revisions of those of the logs that are known, by key."""
    found: dict[str, int] = {}
    for start in range(0, len(keys), _AT_ONCE):
        part = keys[start : start + _AT_ONCE]
        query = f"SELECT key, revision FROM source WHERE agent = ? AND key IN ({', '.join('?' * len(part))})"  # noqa: S608
        found.update(connection.execute(query, (agent, *part)).fetchall())
    return found


def _is_current(reading: Reading, revisions: dict[str, int]) -> bool:
    """Whether the store knows as much of a log as the reading has built upon."""
    return revisions.get(stored_text(reading.log.key)) == (reading.known.revision if reading.known else None)


class _Writing(msgspec.Struct, frozen=True):
    connection: sqlite3.Connection
    agent: int
    shelf: Shelf
    problems: list[Problem]

    def source(self, reading: Reading) -> int:
        """Store how far the log is read; returns its number."""
        mark, batch = reading.mark, reading.batch
        values = (
            self.agent,
            stored_text(reading.log.key),
            os.fsencode(reading.log.place),
            *mark.stamp,
            *_mark(mark),
            batch.pending_call and stored_text(batch.pending_call) if batch else None,
            batch.pending_session and stored_text(batch.pending_session) if batch else None,
            reading.overlong + (batch.bad_lines if batch else 0),
            batch.unknown_records if batch else 0,
            int(reading.afresh or batch is not None),
            int(reading.afresh),
        )
        row = self.connection.execute(_UPSERT, values).fetchone()
        return int(row[0])

    def make_way(self, readings: Iterable[tuple[int, Reading]]) -> tuple[set[int], set[int]]:
        """Forget what was read before of logs that were read anew; returns the groups and sessions they told of.

        Of a document only what its new version tells anew is forgotten; what that left out stays, with its links.
        """
        groups: set[int] = set()
        sessions: set[int] = set()
        for source, reading in readings:
            if reading.known and reading.afresh and not reading.log.whole:
                groups |= self.shelf.drop(source)
                sessions.update(self._column(_SPOKEN_OF, (source,)))
                self.connection.execute("DELETE FROM fact WHERE source = ?", (source,))
        return groups, sessions

    def add(self, harvests: Sequence[tuple[int, Reading, Harvest]], touched: set[int], growth: Growth) -> list[Row]:
        """Store occurrences and note touched groups.

        Returns responses of groups that stand in one new log alone, and those by which long logs have grown.
        """
        counts = Counter(chain.from_iterable(found.groups for _, _, found in harvests))
        linked = {group for _, _, found in harvests for group in found.linked}
        known = self.shelf.known(counts) | touched | linked
        rows: list[Row] = []
        for source, reading, found in harvests:
            grown: dict[int, list[Row]] = {}
            if reading.known is not None:
                alone = {group for group in found.groups if counts[group] == 1} - touched - linked
                grown = growth.of(Added(source, reading, found, alone))
            for group in found.groups:
                if group in grown:
                    rows.extend(grown[group])
                elif group in found.units and counts[group] == 1 and group not in known:
                    rows.extend(found.units[group])
                    self.problems.extend(found.problems.get(group, ()))
                else:
                    touched.add(group)
        self.shelf.put([(source, piece) for source, _, found in harvests for piece in found.pieces])
        for source, reading, found in harvests:
            if reading.known and reading.batch is not None:
                self._put_behind(source, reading, found)
        return rows

    def _put_behind(self, source: int, reading: Reading, found: Harvest) -> None:
        if reading.log.journal is not None:
            self.shelf.replace(source, found.rows, found.links)
            return
        if not (reading.log.whole and reading.afresh):
            self.shelf.append(source, found.rows, found.links)
            return
        anew = {row.group for row in found.rows}
        earlier = self.shelf.all_of(source)
        kept = [row for piece in earlier for row in piece.occurrences() if row.group not in anew]
        links = [pair for piece in earlier for pair in piece.links]
        self.shelf.drop(source)
        self.shelf.append(source, [*kept, *found.rows], list(dict.fromkeys([*links, *found.links])))

    def tell(self, readings: Sequence[tuple[int, Reading]]) -> set[int]:
        """Store what was read of sessions; returns those that the logs speak of."""
        said = [
            (source, reading, [clean(fact) for fact in reading.batch.sessions])
            for source, reading in readings
            if reading.batch is not None
        ]
        numbers = session_numbers(self.connection, self.agent, (fact.session for _, _, told in said for fact in told))
        rows: list[tuple[Any, ...]] = []
        for source, reading, told in said:
            if reading.log.whole and reading.afresh:
                anew = ((source, numbers[fact.session]) for fact in told)
                self.connection.executemany("DELETE FROM fact WHERE source = ? AND session = ?", anew)
            if reading.known is None:
                rows += first_fact_rows(source, told, numbers)
            else:
                rows += fact_rows(self.connection, source, told, numbers)
        put_facts(self.connection, rows)
        return set(numbers.values())

    def _column(self, query: str, values: tuple[int]) -> list[int]:
        return [row[0] for row in self.connection.execute(query, values)]


_mark: Final[Callable[[Mark], tuple[Any, ...]]] = attrgetter(
    "compressed", "reader", "revision", "cursor", "head_size", "head", "tail", "state"
)
_SPOKEN_OF = "SELECT session FROM fact WHERE source = ?"
_UPSERT = """INSERT INTO source (agent, key, path, dev, ino, size, mtime_ns, compressed, reader, revision, cursor,
    head_size, head, tail, state, pending_call, pending_session, bad_lines, unknown_records, gone)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0)
ON CONFLICT (agent, key) DO UPDATE SET path = excluded.path, compressed = excluded.compressed, dev = excluded.dev,
    ino = excluded.ino, size = excluded.size, mtime_ns = excluded.mtime_ns, reader = excluded.reader,
    revision = excluded.revision, cursor = excluded.cursor, head_size = excluded.head_size, head = excluded.head,
    tail = excluded.tail, state = excluded.state, gone = 0,
    pending_call = iif(?20, excluded.pending_call, pending_call),
    pending_session = iif(?20, excluded.pending_session, pending_session),
    bad_lines = excluded.bad_lines + iif(?21, 0, bad_lines),
    unknown_records = excluded.unknown_records + iif(?21, 0, unknown_records)
RETURNING id"""
