"""Where pieces stand: put behind those of their log, found by group, taken out exactly."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, Final

import msgspec

from tallybook.history.names import name_hash
from tallybook.history.pieces import MOST_ROWS, Piece, cut, packed, unpacked

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    from tallybook.agents.port import Occurrence

_SMALL: Final = 32 * 1024
"""Bytes of a stored piece that an append still adds to, so that a log read line by line is not many pieces."""
_AT_ONCE: Final = 1000

Packed = tuple[bytes, list[int]]
"""A piece as it is stored, and the hashes of the groups that it mentions."""


class Shelf(msgspec.Struct, frozen=True):
    """The pieces of one agent's logs, inside one write transaction."""

    connection: sqlite3.Connection
    agent: str
    """Its name."""

    def known(self, groups: Collection[int]) -> set[int]:
        """Those of the groups that any piece mentions."""
        found: set[int] = set()
        for part in _parts(groups):
            marks = ", ".join("?" * len(part))
            rows = self.connection.execute(f"SELECT DISTINCT grp FROM place WHERE grp IN ({marks})", part)  # noqa: S608
            found.update(group for (group,) in rows)
        return found

    def telling_of(self, groups: Collection[int], but: Collection[int]) -> Iterator[tuple[int, int, Piece]]:
        """Number, source and content of every piece that mentions one of the groups, ``but`` those, by number."""
        numbers: set[int] = set()
        for part in _parts(groups):
            marks = ", ".join("?" * len(part))
            rows = self.connection.execute(f"SELECT piece FROM place WHERE grp IN ({marks})", part)  # noqa: S608
            numbers.update(number for (number,) in rows)
        for number in sorted(numbers.difference(but)):
            source, data = self.connection.execute("SELECT source, data FROM piece WHERE id = ?", (number,)).fetchone()
            yield number, source, unpacked(data)

    def all_of(self, source: int) -> list[Piece]:
        """All that was read of one log, in the order of its bytes."""
        rows = self.connection.execute("SELECT data FROM piece WHERE source = ? ORDER BY id", (source,))
        return [unpacked(data) for (data,) in rows]

    def drop(self, source: int) -> set[int]:
        """Forget what was read of one log; returns the groups that it mentioned."""
        dropped: set[int] = set()
        for number, data in self.connection.execute(
            "SELECT id, data FROM piece WHERE source = ?", (source,)
        ).fetchall():
            groups = self.mentioned(unpacked(data))
            dropped.update(groups)
            self.connection.executemany(
                "DELETE FROM place WHERE grp = ? AND piece = ?", ((group, number) for group in groups)
            )
        self.connection.execute("DELETE FROM piece WHERE source = ?", (source,))
        return dropped

    def append(self, source: int, rows: Sequence[Occurrence], links: list[tuple[str, str]]) -> None:
        """Put occurrences behind those that are known of a log; a small piece at the end of it is filled up."""
        if not rows and not links:
            return
        last = self.connection.execute(
            "SELECT id, data FROM piece WHERE source = ? ORDER BY id DESC LIMIT 1", (source,)
        ).fetchone()
        if last and len(last[1]) < _SMALL:
            end = unpacked(last[1])
            if len(end.data) + len(rows) <= MOST_ROWS:
                first, *more = cut([*end.occurrences(), *rows], list(dict.fromkeys([*end.links, *links])))
                self._put_instead(last[0], end, first)
                self.put([(source, self.packed(piece)) for piece in more])
                return
        self.put([(source, self.packed(piece)) for piece in cut(rows, links)])

    def replace(self, source: int, rows: Sequence[Occurrence], links: list[tuple[str, str]]) -> None:
        """Put occurrences of one log in the place of all that it told of their groups; other pieces stay untouched."""
        anew = {row.group for row in rows}
        again = set(links)
        groups = {name_hash(self.agent, name) for name in anew}
        earlier = [(number, piece) for number, owner, piece in self.telling_of(groups, ()) if owner == source]
        for number, piece in earlier:
            left = [row for row in piece.occurrences() if row.group not in anew]
            self._put_instead(number, piece, *cut(left, [pair for pair in piece.links if pair not in again]))
        self.append(source, rows, links)

    def _put_instead(self, number: int, before: Piece, after: Piece | None = None) -> None:
        """Put another piece, or none, in the place of a stored one; where a group stays, nothing is written of it."""
        data, told = (None, []) if after is None else self.packed(after)
        earlier = self.mentioned(before)
        gone = ((group, number) for group in set(earlier).difference(told))
        self.connection.executemany("DELETE FROM place WHERE grp = ? AND piece = ?", gone)
        if data is None:
            self.connection.execute("DELETE FROM piece WHERE id = ?", (number,))
        else:
            self.connection.execute("UPDATE piece SET data = ? WHERE id = ?", (data, number))
        fresh = ((group, number) for group in set(told).difference(earlier))
        self.connection.executemany("INSERT INTO place (grp, piece) VALUES (?, ?)", fresh)

    def put(self, pieces: Sequence[tuple[int, Packed]]) -> None:
        """Add pieces of logs, each behind what is known of its log."""
        if not pieces:
            return
        first = self.connection.execute("SELECT coalesce(max(id), 0) + 1 FROM piece").fetchone()[0]
        self.connection.executemany(
            "INSERT INTO piece (id, source, data) VALUES (?, ?, ?)",
            ((number, source, data) for number, (source, (data, _)) in enumerate(pieces, first)),
        )
        self.connection.executemany(
            "INSERT INTO place (grp, piece) VALUES (?, ?)",
            ((group, number) for number, (_, (_, groups)) in enumerate(pieces, first) for group in groups),
        )

    def packed(self, piece: Piece) -> Packed:
        """The piece, ready to be put."""
        return packed(piece), self.mentioned(piece)

    def mentioned(self, piece: Piece) -> list[int]:
        """The groups of a piece, each hash once."""
        return list({name_hash(self.agent, name) for name in piece.mentioned})


def _parts(groups: Iterable[int]) -> Iterator[list[int]]:
    rest = list(groups)
    for start in range(0, len(rest), _AT_ONCE):
        yield rest[start : start + _AT_ONCE]
