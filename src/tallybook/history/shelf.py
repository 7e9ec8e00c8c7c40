"""Where pieces stand: put behind those of their log, found by group, taken out exactly."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import msgspec

from tallybook.agents.port import Occurrence
from tallybook.history.names import name_hash
from tallybook.history.pieces import MOST_ROWS, Piece, cut, is_plain, packed, piece_of, plain, unpacked

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

_SMALL: Final = 32 * 1024
"""Bytes of a stored piece that an append still adds to, so that a log read line by line is not many pieces."""
_SHORT: Final = 1536
"""Bytes of a piece at the end that stays as it is, not compressed: with room for the rest of its page."""
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
        """Put occurrences behind those that are known of a log.

        A log that grows ends in a short piece, which no compressor is needed for; what is too much for that goes, with
        all that it holds, into the piece before it, if that is small.
        """
        if not rows and not links:
            return
        end = _End([], rows, links)
        for number, data in self.connection.execute(
            "SELECT id, data FROM piece WHERE source = ? ORDER BY id DESC LIMIT 2", (source,)
        ).fetchall():
            if not is_plain(data) and (short := end.short()) is not None:
                self._put_anew(source, end.taken, [(plain(short), self.mentioned(short))])
                return
            if len(data) >= _SMALL or not end.take(number, data) or not is_plain(data):
                break
        self._put_anew(source, end.taken, [self.packed(piece) for piece in cut(end.rows, end.links)])

    def replace(self, source: int, rows: Sequence[Occurrence], links: list[tuple[str, str]]) -> None:
        """Put occurrences of one log in the place of all that it told of their groups; other pieces stay untouched."""
        anew = {row.group for row in rows}
        again = set(links)
        groups = {name_hash(self.agent, name) for name in anew}
        earlier = [(number, piece) for number, owner, piece in self.telling_of(groups, ()) if owner == source]
        for number, piece in earlier:
            left = [row for row in piece.occurrences() if row.group not in anew]
            kept = cut(left, [pair for pair in piece.links if pair not in again])
            self._put_instead(number, piece, *map(self.packed, kept))
        self.append(source, rows, links)

    def _put_anew(self, source: int, taken: Sequence[tuple[int, Piece]], pieces: Sequence[Packed]) -> None:
        """Put pieces in the places of the last ones of a log; those that are more come behind them."""
        for place, (number, before) in enumerate(taken):
            self._put_instead(number, before, pieces[place] if place < len(pieces) else None)
        self.put([(source, piece) for piece in pieces[len(taken) :]])

    def _put_instead(self, number: int, before: Piece, after: Packed | None = None) -> None:
        """Put another piece, or none, in the place of a stored one; where a group stays, nothing is written of it."""
        data, told = after or (None, [])
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


class _End(msgspec.Struct):
    """What the end of a log is to hold."""

    taken: list[tuple[int, Piece]]
    """Stored pieces, by number, that all of their occurrences are taken out of; the first one first."""
    rows: Sequence[Occurrence]
    links: list[tuple[str, str]]

    def take(self, number: int, data: bytes) -> bool:
        """Take what a stored piece holds before all that is there; False where that would be too much."""
        piece = unpacked(data)
        if len(piece.data) + len(self.rows) > MOST_ROWS:
            return False
        self.taken.insert(0, (number, piece))
        self.rows = [*piece.occurrences(), *self.rows]
        self.links = list(dict.fromkeys([*piece.links, *self.links]))
        return True

    def short(self) -> Piece | None:
        """All of it as a short piece; None where it is none."""
        if sum(len(row.data) for row in self.rows) > _SHORT:
            return None
        piece = piece_of(self.rows, self.links)
        return piece if len(plain(piece)) <= _SHORT else None


def _parts(groups: Iterable[int]) -> Iterator[list[int]]:
    rest = list(groups)
    for start in range(0, len(rest), _AT_ONCE):
        yield rest[start : start + _AT_ONCE]
