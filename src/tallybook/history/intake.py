"""Stores what logs tell beside responses: items, samples of limits, the agent's own counters."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, Final

import msgspec

from tallybook.domain.tokens import COMPONENTS
from tallybook.history.facts import moment
from tallybook.history.items import merged, pack, packed_numbers, unpack
from tallybook.history.names import session_numbers, stored_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tallybook.agents.port import LimitSample, OwnCounter
    from tallybook.history.contents import Reading
    from tallybook.history.harvest import Harvest

    Brought = tuple[int, Reading, Harvest]
    """The number of a log, and what a visit to it brought."""

_BLOCKS: Final = 16
"""A log of more blocks gets all its items into one."""
_MOST: Final = 2**53
_LIMIT_SLOT: Final = 300_000_000
"""In microseconds."""
_UNSETTLED: Final = "UPDATE activity_source SET last = -1 WHERE source = ?"
_TABLES: Final = ("item_block", "limit_sample", "own_counter")
_INSERT: Final = "INSERT INTO item_block (source, size, names, keys, data) VALUES (?, ?, ?, ?, ?)"


class Intake(msgspec.Struct, frozen=True):
    """One write of one agent's logs."""

    connection: sqlite3.Connection
    agent: int
    """Its number."""

    def take(self, brought: Sequence[Brought]) -> None:
        """Store what these readings of logs tell beside responses."""
        for source, reading, _ in brought:
            if reading.known is not None and reading.afresh and not reading.log.whole:
                self._forget(source)
        told = [one for one in brought if _tells(one[1], one[2])]
        if not told:
            return
        sessions = session_numbers(self.connection, self.agent, _sessions(told))
        whats = self._whats({pair for _, _, found in told if found.items for pair in found.items.whats})
        blocks: list[tuple[int, int, bytes, bytes, bytes]] = []
        samples: list[tuple[int, LimitSample]] = []
        counters: list[tuple[int, OwnCounter]] = []
        for source, reading, found in told:
            if found.items:
                numbers = packed_numbers(
                    ([sessions[name] for name in found.items.sessions], [whats[pair] for pair in found.items.whats])
                )
                blocks.append((source, found.items.size, numbers, found.items.keys, found.items.data))
            if reading.batch is not None:
                samples += [(source, one) for one in reading.batch.limits]
                counters += [(source, one) for one in reading.batch.counters]
        self.connection.executemany(_INSERT, blocks)
        for source, reading, found in told:
            if found.items and reading.known is not None:
                self._fold(source, everything=reading.log.whole)
        self._limits(samples, sessions)
        self._counters(counters, sessions)

    def _forget(self, source: int) -> None:
        for table in _TABLES:
            self.connection.execute(f"DELETE FROM {table} WHERE source = ?", (source,))  # noqa: S608
        self.connection.execute(_UNSETTLED, (source,))

    def _whats(self, pairs: set[tuple[str, str]]) -> dict[tuple[str, str], int]:
        known = {(kind, name): number for number, kind, name in self.connection.execute("SELECT * FROM what")}
        for kind, name in sorted(pairs - known.keys()):
            row = self.connection.execute("INSERT INTO what (kind, name) VALUES (?, ?) RETURNING id", (kind, name))
            known[kind, name] = int(row.fetchone()[0])
        return known

    def _fold(self, source: int, *, everything: bool) -> None:
        """Keep the blocks of a log few: a growing log adds one at each visit."""
        query = "FROM item_block WHERE source = ?"
        (count,) = self.connection.execute(f"SELECT count(*) {query}", (source,)).fetchone()
        if count > (1 if everything else _BLOCKS):
            blocks = self.connection.execute(f"SELECT names, keys, data {query} ORDER BY id", (source,)).fetchall()
            once = merged(item for block in blocks for item in unpack(*block))
            self.connection.execute("DELETE FROM item_block WHERE source = ?", (source,))
            self.connection.execute(_UNSETTLED, (source,))
            self.connection.execute(_INSERT, (source, len(once), *pack(once)))

    def _limits(self, samples: Sequence[tuple[int, LimitSample]], sessions: dict[str, int]) -> None:
        self.connection.executemany(
            "DELETE FROM limit_sample WHERE source = ? AND session = ? AND name = ? AND minutes = ? AND slot = ?",
            [
                (
                    source,
                    sessions[stored_text(one.session)],
                    stored_text(one.limit),
                    one.window or 0,
                    one.at // _LIMIT_SLOT,
                )
                for source, one in samples
                if one.taken_back
            ],
        )
        self.connection.executemany(
            "INSERT OR REPLACE INTO limit_sample VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                (
                    source,
                    sessions[stored_text(one.session)],
                    at // _LIMIT_SLOT,
                    at,
                    stored_text(one.limit),
                    one.window or 0,
                    one.used,
                    moment(one.resets_at),
                    None if one.plan is None else stored_text(one.plan),
                    None if one.credits is None else stored_text(one.credits),
                )
                for source, one in samples
                if not one.taken_back and (at := moment(one.at)) is not None
            ],
        )

    def _counters(self, counters: Sequence[tuple[int, OwnCounter]], sessions: dict[str, int]) -> None:
        marks = ", ".join("?" * (6 + len(COMPONENTS)))
        self.connection.executemany(
            f"INSERT OR REPLACE INTO own_counter VALUES ({marks})",  # noqa: S608
            [
                (
                    source,
                    sessions[stored_text(one.session)],
                    stored_text(one.scope),
                    stored_text(one.model or ""),
                    moment(one.at),
                    *one.tokens.parts(),
                    " ".join(one.unreported),
                )
                for source, one in counters
                if max(one.tokens.parts()) <= _MOST
            ],
        )


def _tells(reading: Reading, found: Harvest) -> bool:
    batch = reading.batch
    return batch is not None and bool(found.items or batch.limits or batch.counters)


def _sessions(told: Sequence[Brought]) -> Iterable[str]:
    """In an order that the readings give, whichever process has read."""
    for _, reading, found in told:
        if found.items:
            yield from found.items.sessions
        if reading.batch is not None:
            yield from (stored_text(one.session) for one in reading.batch.limits)
            yield from (stored_text(one.session) for one in reading.batch.counters)
