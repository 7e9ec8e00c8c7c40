"""Long logs that grow: what was added is counted from what the reader has kept, not from all that was ever read.

It holds for a group without links that stands in one log alone, for as long as nothing but further rows of that log
comes. ``derive`` of all rows would give the same, and does it where the reader is in doubt.
"""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, Final

import msgspec

from tallybook.agents.port import GrowingReader, LogReader, SourceRows
from tallybook.domain.problems import Problem
from tallybook.history.contents import Reading
from tallybook.history.harvest import Harvest, sane_rows, source_rows
from tallybook.history.names import name_hash, stored_text
from tallybook.history.response_keys import packed_keys
from tallybook.history.responses import DERIVED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tallybook.agents.port import Response
    from tallybook.history.responses import Row

LONG: Final = 500
"""Rows from which on it is worth while."""
MOST: Final = 5000
"""Further rows up to which it is tried."""


class Added(msgspec.Struct, frozen=True):
    """What one reading brought."""

    source: int
    reading: Reading
    found: Harvest
    alone: set[int]
    """Groups that no other reading tells of, and no link."""


class _Known(msgspec.Struct, frozen=True):
    """One group as it was last counted."""

    group: int
    name: str
    kept: bytes


class Growth(msgspec.Struct, frozen=True):
    """One write's work on groups that grow; there are none where the reader can't count by what is added."""

    connection: sqlite3.Connection
    reader: LogReader
    problems: list[Problem]

    def of(self, added: Added) -> dict[int, list[Row]]:
        """The responses by which groups have grown; groups that are left out must be derived anew."""
        source, known, mark = added.source, added.reading.known, added.reading.mark
        if known is None or added.reading.afresh or not isinstance(self.reader, GrowingReader):
            return {}
        rows = self.connection.execute(
            "SELECT grp, name, kept FROM growth WHERE source = ? AND reader = ? AND cursor = ?",
            (source, self.reader.version, known.cursor),
        ).fetchall()
        grown = {}
        for one in (_Known(*row) for row in rows):
            responses = self._grown(self.reader, one, added) if one.group in added.alone else None
            if responses is not None:
                grown[one.group] = sane_rows(self.reader.agent, one.group, responses, self.problems)
        moved = (mark.cursor, source, known.cursor)
        self.connection.execute("UPDATE growth SET cursor = ? WHERE source = ? AND cursor = ?", moved)
        return grown

    def forget_touched(self) -> None:
        """Keep nothing of groups that are derived anew."""
        self.connection.execute("DELETE FROM growth WHERE grp IN (SELECT grp FROM touched)")

    def keep(self, group: int, source: int, told: SourceRows) -> None:
        """Keep what the next rows of a group without links can be counted from, if it is long and has grown."""
        if len(told.rows) < LONG or not isinstance(self.reader, GrowingReader):
            return
        if self._holds(group, "", ()):
            kept = self.reader.kept(told)
            if kept is not None:
                row = (group, told.rows[0].group, self.reader.version, kept, source)
                insert = "INSERT OR REPLACE INTO growth SELECT ?, ?, id, ?, cursor, ? FROM source WHERE id = ?"
                self.connection.execute(insert, row)

    def _grown(self, reader: GrowingReader, known: _Known, added: Added) -> Sequence[Response] | None:
        agent, rows = self.reader.agent, added.found.rows
        names = {name for name in {row.group for row in rows} if name_hash(agent, name) == known.group}
        fresh = [row for row in rows if row.group == known.name]
        if names != {known.name} or len(fresh) > MOST:
            return None
        grown = reader.grow(known.kept, source_rows(stored_text(added.reading.log.key), fresh))
        if grown is None or self._holds_any(known.group, grown.responses):
            return None
        if grown.kept is None:
            self.connection.execute("DELETE FROM growth WHERE grp = ?", (known.group,))
        else:
            self.connection.execute("UPDATE growth SET kept = ? WHERE grp = ?", (grown.kept, known.group))
        return grown.responses

    def _holds_any(self, group: int, responses: Sequence[Response]) -> bool:
        """Whether the store has a response of one of their keys in the group, or of one that looks like it."""
        keys = [packed for response in responses for packed in packed_keys(stored_text(response.key))]
        return self._holds(group, f"AND r.key IN ({', '.join('?' * len(keys))})", keys)

    def _holds(self, group: int, condition: str, values: Sequence[bytes]) -> bool:
        query = f"SELECT 1 FROM {DERIVED} WHERE d.grp = ? {condition} LIMIT 1"  # noqa: S608
        return self.connection.execute(query, (group, *values)).fetchone() is not None
