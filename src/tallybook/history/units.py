"""From occurrences to responses: units touched by a write are derived anew, and only what changed is written."""

from __future__ import annotations

import sqlite3
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final

import msgspec

from tallybook.agents.port import LogReader, Occurrence, SourceRows
from tallybook.domain.problems import Problem, Where
from tallybook.history.facts import moment
from tallybook.history.growth import Growth
from tallybook.history.names import session_numbers, stored_text, word_numbers

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tallybook.agents.port import Response

MOST_TOKENS: Final = 10**12
"""No response has more; a count beyond it is damage, and sums of it would overflow."""
_COLUMNS: Final = """grp, key, session, source, offset, at, model, tier, input, cache_read, cache_write_5m,
cache_write_1h, cache_write_unknown, output, reasoning, quality, final, calls"""
_SOURCE: Final = 3
_OFFSET: Final = attrgetter("offset")

Row = tuple[Any, ...]


def clear_touched(connection: sqlite3.Connection) -> None:
    """Begin with no group touched."""
    connection.execute("CREATE TEMP TABLE IF NOT EXISTS touched (grp INTEGER PRIMARY KEY)")
    connection.execute("DELETE FROM touched")


def touch(connection: sqlite3.Connection, groups: Iterable[int]) -> None:
    """Note groups whose occurrences or links have changed."""
    connection.executemany("INSERT OR IGNORE INTO touched VALUES (?)", ((group,) for group in groups))


def widen_touched(connection: sqlite3.Connection) -> None:
    """Touch all groups that are linked to touched ones, however far."""
    connection.execute(
        """INSERT OR IGNORE INTO touched WITH RECURSIVE unit (grp) AS (
            SELECT grp FROM touched WHERE grp IN (SELECT a FROM link)
            UNION SELECT link.b FROM unit JOIN link ON link.a = unit.grp)
        SELECT grp FROM unit"""
    )


class Derivation(msgspec.Struct, frozen=True):
    """One write's work on the units of one agent."""

    connection: sqlite3.Connection
    reader: LogReader
    agent: int
    problems: list[Problem]

    def settle(self) -> set[int]:
        """Derive all touched units; returns the sessions whose responses have changed."""
        growth = Growth(self.connection, self.reader)
        derived = growth.take()
        growing, sources = growth.counted_before(), self._sources()
        numbers = {key: number for number, key in sources.items()}
        for group, unit in self._units(sources):
            derived.extend((group, response) for response in self.reader.derive(unit))
            if group in growing:
                growth.keep(group, unit, numbers)
        sane = [(group, response) for group, response in derived if self._is_sane(response)]
        return self._replace(self._rows(sane, numbers | growth.numbers), set(sources))

    def _sources(self) -> dict[int, str]:
        """The logs of touched groups that this version has read; what older ones left of others can't be derived."""
        rows = self.connection.execute(
            """SELECT id, key FROM source WHERE agent = ? AND reader = ? AND id IN (
                SELECT o.source FROM touched t CROSS JOIN occurrence o ON o.grp = t.grp
                UNION SELECT r.source FROM touched t CROSS JOIN response r ON r.grp = t.grp)""",
            (self.agent, self.reader.version),
        )
        return dict(rows.fetchall())

    def _units(self, sources: dict[int, str]) -> Iterator[tuple[int, list[SourceRows]]]:
        """Each touched unit with the group that stands for it; groups without links come in one pass."""
        roots = self._roots()
        linked: dict[int, dict[int, list[Occurrence]]] = {}
        here: dict[int, list[Occurrence]] = {}
        last = None
        # CROSS JOIN keeps the order of the loops, and with it the order of groups, without a sort.
        rows = self.connection.execute(
            """SELECT t.grp, g.name, o.source, o.offset, o.at, o.data FROM touched t
            CROSS JOIN grp g ON g.id = t.grp CROSS JOIN occurrence o ON o.grp = t.grp ORDER BY t.grp, o.id"""
        )
        for group, name, source, *fact in rows:
            if group != last:
                if last is not None and last not in roots:
                    yield last, _unit(here, sources)
                last = group
                here = linked.setdefault(roots[group], {}) if group in roots else {}
            if source in sources:
                here.setdefault(source, []).append(Occurrence(name, *fact))
        if last is not None and last not in roots:
            yield last, _unit(here, sources)
        for root in sorted(linked):
            yield root, _unit(linked[root], sources)

    def _roots(self) -> dict[int, int]:
        """For every touched group with links, the least group of its unit."""
        pairs = self.connection.execute("SELECT a, b FROM link WHERE a IN (SELECT grp FROM touched)").fetchall()
        roots = {group: group for pair in pairs for group in pair}
        for a, b in pairs:
            first, second = sorted((_root(roots, a), _root(roots, b)))
            roots[second] = first
        return {group: _root(roots, group) for group in roots}

    def _is_sane(self, response: Response) -> bool:
        if max(response.tokens.parts()) <= MOST_TOKENS:
            return True
        where = Where(file=response.source, byte=response.offset)
        self.problems.append(
            Problem("impossible-count", "a response with an impossible token count was left out", where)
        )
        return False

    def _rows(self, derived: list[tuple[int, Response]], numbers: dict[str, int]) -> set[Row]:
        if not derived:
            return set()
        names = session_numbers(self.connection, self.agent, (stored_text(one.session) for _, one in derived))
        words = word_numbers(
            self.connection, {stored_text(text) for _, one in derived for text in (one.model, one.tier, one.quality)}
        )
        return {
            (
                group,
                stored_text(one.key),
                names[stored_text(one.session)],
                numbers[one.source],
                one.offset,
                moment(one.at),
                words[stored_text(one.model)],
                words[stored_text(one.tier)],
                *one.tokens.parts(),
                words[one.quality],
                int(one.final),
                stored_text("\n".join(one.calls)),
            )
            for group, one in derived
        }

    def _replace(self, rows: set[Row], readable: set[int]) -> set[int]:
        """Write the difference; responses from logs that can't be derived any more stay unless counted elsewhere."""
        stored: dict[Row, int] = {
            tuple(row[1:]): row[0]
            for row in self.connection.execute(
                f"SELECT r.id, {_COLUMNS.replace('grp', 'r.grp')} FROM touched t CROSS JOIN response r ON r.grp = t.grp"  # noqa: S608
            )
        }
        keys = {row[1] for row in rows}
        outdated = {
            row: number
            for row, number in stored.items()
            if row not in rows and (row[_SOURCE] in readable or row[1] in keys)
        }
        fresh = sorted(rows - stored.keys(), key=lambda row: (row[0], row[_SOURCE], row[4], row[1]))
        self.connection.executemany("DELETE FROM response WHERE id = ?", ((number,) for number in outdated.values()))
        marks = ", ".join("?" * len(_COLUMNS.split(",")))
        self.connection.executemany(f"INSERT INTO response ({_COLUMNS}) VALUES ({marks})", fresh)  # noqa: S608
        return {row[2] for row in fresh} | {row[2] for row in outdated}


def _unit(found: dict[int, list[Occurrence]], sources: dict[int, str]) -> list[SourceRows]:
    """The logs of one unit by key, their rows in byte order (of one line's rows, as the reader gave them)."""
    named = sorted((sources[source], rows) for source, rows in found.items())
    return [SourceRows(key, tuple(sorted(rows, key=_OFFSET))) for key, rows in named]


def _root(roots: dict[int, int], group: int) -> int:
    while roots[group] != group:
        roots[group] = roots[roots[group]]
        group = roots[group]
    return group
