"""From occurrences to responses: units touched by a write are gathered from the store and derived anew."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Final

import msgspec

from tallybook.agents.port import LogReader
from tallybook.domain.problems import Problem
from tallybook.history.growth import Growth
from tallybook.history.harvest import sane_rows, source_rows
from tallybook.history.names import name_hash
from tallybook.history.responses import TOUCHED, Change, Row, numbered, replace_rows
from tallybook.history.shelf import Shelf

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Iterator, Mapping

    from tallybook.agents.port import Occurrence, SourceRows

_AT_ONCE: Final = 1000


class Gathered:
    """Every group of the touched units: what stands of it where, and what it is linked to."""

    def __init__(self, shelf: Shelf, touched: Iterable[int]) -> None:
        self._shelf = shelf
        self.touched: set[int] = set()
        self.hashes: dict[str, int] = {}
        """Of every name in the pieces seen: two names may share one."""
        self.links: dict[str, set[str]] = defaultdict(set)
        self._pieces: dict[int, tuple[int, list[Occurrence]]] = {}
        self._of_name: dict[str, dict[int, list[Occurrence]]] = defaultdict(dict)
        self._widen(set(touched))

    def _widen(self, wanted: set[int]) -> None:
        """Take in the groups, and all that are linked to them, however far."""
        near: dict[int, set[int]] = defaultdict(set)
        while wanted:
            self.touched |= wanted
            for number, source, piece in self._shelf.telling_of(wanted, self._pieces):
                for name in piece.mentioned:
                    self.hashes[name] = name_hash(self._shelf.agent, name)
                for a, b in piece.links:
                    self.links[a].add(b)
                    self.links[b].add(a)
                    near[self.hashes[a]].add(self.hashes[b])
                    near[self.hashes[b]].add(self.hashes[a])
                rows = list(piece.occurrences())
                for row in rows:
                    self._of_name[row.group].setdefault(number, []).append(row)
                self._pieces[number] = (source, rows)
            wanted = {other for group in wanted for other in near[group]} - self.touched

    @property
    def sources(self) -> set[int]:
        """The logs that tell of the units, and of others."""
        return {source for source, _ in self._pieces.values()}

    def units(self) -> Iterator[tuple[int, dict[int, list[Occurrence]]]]:
        """The rows of each unit by log, with the hash that stands for the unit."""
        seen: set[str] = set()
        for name in sorted(name for name, group in self.hashes.items() if group in self.touched):
            if name not in seen:
                unit = self._unit(name)
                seen.update(unit)
                if rows := self._rows(unit):
                    yield min(self.hashes[one] for one in unit), rows

    def _unit(self, name: str) -> list[str]:
        found = {name: None}
        waiting = [name]
        for one in waiting:
            for other in sorted(self.links.get(one, ())):
                if other not in found:
                    found[other] = None
                    waiting.append(other)
        return list(found)

    def _rows(self, unit: list[str]) -> dict[int, list[Occurrence]]:
        """Rows of one group lie together already; those of several are picked in the order of the log."""
        numbers = sorted({number for name in unit for number in self._of_name.get(name, ())})
        names = set(unit)
        found: dict[int, list[Occurrence]] = {}
        for number in numbers:
            source, rows = self._pieces[number]
            own = self._of_name[unit[0]][number] if len(unit) == 1 else [row for row in rows if row.group in names]
            found.setdefault(source, []).extend(own)
        return found


def unit_of(found: Mapping[int, list[Occurrence]], sources: Mapping[int, str]) -> list[SourceRows]:
    """What of a unit stands in logs that can be derived, in the order of their keys."""
    named = sorted((sources[source], told) for source, told in found.items() if source in sources)
    return [source_rows(key, told) for key, told in named]


class Derivation(msgspec.Struct, frozen=True):
    """One write's work on touched units of one agent."""

    shelf: Shelf
    reader: LogReader
    agent: int
    problems: list[Problem]

    def settle(self, touched: Iterable[int]) -> Change:
        """Derive all units with a touched group anew, and write what changed."""
        gathered = Gathered(self.shelf, touched)
        connection, growth = self.shelf.connection, Growth(self.shelf.connection, self.reader, self.problems)
        _note_touched(connection, gathered.touched)
        growth.forget_touched()
        sources = self._sources(gathered.sources)
        numbers = {key: number for number, key in sources.items()}
        rows: list[Row] = []
        for group, found in gathered.units():
            unit = unit_of(found, sources)
            rows.extend(sane_rows(self.reader.agent, group, self.reader.derive(unit), self.problems))
            if len(found) == len(unit) == 1 and not gathered.links.get(unit[0].rows[0].group):
                growth.keep(group, numbers[unit[0].key], unit[0])
        return replace_rows(connection, numbered(connection, self.agent, rows, numbers), sources)

    def _sources(self, telling: set[int]) -> dict[int, str]:
        """Logs of touched groups that this version has read; what older ones left of others can't be derived."""
        counted = self.shelf.connection.execute(f"SELECT DISTINCT r.source FROM {TOUCHED}")  # noqa: S608
        wanted = sorted(telling.union(source for (source,) in counted))
        found: dict[int, str] = {}
        for start in range(0, len(wanted), _AT_ONCE):
            part = wanted[start : start + _AT_ONCE]
            marks = ", ".join("?" * len(part))
            found.update(
                self.shelf.connection.execute(
                    f"SELECT id, key FROM source WHERE agent = ? AND reader = ? AND id IN ({marks})",  # noqa: S608
                    (self.agent, self.reader.version, *part),
                ).fetchall()
            )
        return found


def _note_touched(connection: sqlite3.Connection, groups: Iterable[int]) -> None:
    connection.execute("CREATE TEMP TABLE IF NOT EXISTS touched (grp INTEGER PRIMARY KEY)")
    connection.execute("DELETE FROM touched")
    connection.executemany("INSERT INTO touched VALUES (?)", ((group,) for group in groups))
