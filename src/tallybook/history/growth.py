"""Long logs that grow: what was added is counted from what the reader has kept, not from all that was ever read.

It holds for a unit of one log, without links, for as long as nothing but further rows of that log comes. ``derive``
of all rows would give the same, and does it where the reader is in doubt.
"""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, Final

import msgspec

from tallybook.agents.port import GrowingReader, LogReader, Occurrence, SourceRows
from tallybook.history.names import stored_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tallybook.agents.port import Response

LONG: Final = 500
"""Rows from which on it is worth while."""
MOST: Final = 5000
"""Further rows up to which it is tried."""


class _Known(msgspec.Struct, frozen=True):
    """One unit as it was last counted."""

    group: int
    name: str
    source: int
    key: str
    kept: bytes
    last: int
    """Its last occurrence."""


class Growth(msgspec.Struct, frozen=True):
    """One write's work on units that grow; there are none where the reader can't count by what is added."""

    connection: sqlite3.Connection
    reader: LogReader
    numbers: dict[str, int] = msgspec.field(default_factory=dict)
    """The logs that have grown, by key."""

    def take(self) -> list[tuple[int, Response]]:
        """What touched units have grown by, with their groups; those are touched no more, the others not kept."""
        found: list[tuple[int, Response]] = []
        if not isinstance(self.reader, GrowingReader):
            return found
        for known in self._known():
            responses = self._grown(self.reader, known)
            if responses is not None:
                self.connection.execute("DELETE FROM touched WHERE grp = ?", (known.group,))
                self.numbers[known.key] = known.source
                found.extend((known.group, response) for response in responses)
        self.connection.execute("DELETE FROM growth WHERE grp IN (SELECT grp FROM touched)")
        return found

    def counted_before(self) -> set[int]:
        """Touched units that have responses: they grow, and may do so again."""
        if not isinstance(self.reader, GrowingReader):
            return set()
        query = "SELECT grp FROM touched t WHERE EXISTS (SELECT 1 FROM response r WHERE r.grp = t.grp)"
        return {group for (group,) in self.connection.execute(query)}

    def keep(self, group: int, unit: Sequence[SourceRows], numbers: Mapping[str, int]) -> None:
        """Keep what the next rows of a unit can be counted from, if it is long, one log's, and without links."""
        alone = len(unit) == 1 and len(unit[0].rows) >= LONG and not self._is_linked(group)
        kept = self.reader.kept(unit[0]) if alone and isinstance(self.reader, GrowingReader) else None
        if kept is not None:
            self.connection.execute(
                "INSERT INTO growth SELECT ?, ?, ?, max(id), ? FROM occurrence WHERE grp = ?",
                (group, numbers[unit[0].key], self.reader.version, kept, group),
            )

    def _known(self) -> list[_Known]:
        rows = self.connection.execute(
            """SELECT g.grp, grp.name, g.source, s.key, g.kept, g.occurrence
            FROM touched t JOIN growth g ON g.grp = t.grp JOIN grp ON grp.id = g.grp JOIN source s ON s.id = g.source
            WHERE g.reader = ? AND s.reader = ?""",
            (self.reader.version, self.reader.version),
        )
        return [_Known(*row) for row in rows]

    def _grown(self, reader: GrowingReader, known: _Known) -> Sequence[Response] | None:
        """The responses of its further rows; None where it must be derived anew."""
        rows = self.connection.execute(
            "SELECT id, source, offset, at, data FROM occurrence WHERE grp = ? AND id > ? ORDER BY id LIMIT ?",
            (known.group, known.last, MOST + 1),
        ).fetchall()
        alone = {source for _, source, *_ in rows} == {known.source} and not self._is_linked(known.group)
        if not alone or len(rows) > MOST:
            return None
        fresh = tuple(Occurrence(known.name, *fact) for _, _, *fact in rows)
        grown = reader.grow(known.kept, SourceRows(known.key, fresh))
        if grown is None or self._holds(known.group, grown.responses):
            return None
        if grown.kept is None:
            self.connection.execute("DELETE FROM growth WHERE grp = ?", (known.group,))
        else:
            now = (rows[-1][0], grown.kept, known.group)
            self.connection.execute("UPDATE growth SET occurrence = ?, kept = ? WHERE grp = ?", now)
        return grown.responses

    def _is_linked(self, group: int) -> bool:
        return self.connection.execute("SELECT 1 FROM link WHERE a = ? LIMIT 1", (group,)).fetchone() is not None

    def _holds(self, group: int, responses: Sequence[Response]) -> bool:
        """Whether the store has a response of one of their keys in the unit."""
        keys = [stored_text(response.key) for response in responses]
        query = f"SELECT 1 FROM response WHERE grp = ? AND key IN ({', '.join('?' * len(keys))}) LIMIT 1"  # noqa: S608
        return self.connection.execute(query, (group, *keys)).fetchone() is not None
