"""Counts items, each once however many logs hold a copy: the earliest copy is the one that counts.

Only logs that have changed are looked at anew, and those that hold copies of what stands in them.
"""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from itertools import permutations
from typing import TYPE_CHECKING, Final

import msgspec

from tallybook.history.items import Happened, merged, unpack, unpack_keys

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from tallybook.history.store import Store

VERSION: Final = 2
NAME: Final = "activity"
SLOT: Final = 900_000
"""A quarter of an hour in milliseconds: every time zone's days begin at one."""
UNDATED: Final = -1
_COUNTER: Final = 8
"""Bytes of the number of rounds: later stages see by it that something has changed."""
_AT_ONCE: Final = 500_000
"""Keys compared in one pass, so that memory stays small."""
_PORTION: Final = 64
"""Logs whose items are in memory together."""
_PENDING: Final = """SELECT o.id FROM source o LEFT JOIN activity_source a ON a.source = o.id
LEFT JOIN (SELECT source, max(id) AS last FROM item_block GROUP BY source) b ON b.source = o.id
WHERE a.last IS NOT b.last"""


def settle_activity(store: Store) -> int:
    """Bring the counts of items up to date; returns how many logs were looked at anew."""
    told = store.rows("SELECT version, input FROM stage WHERE name = ?", (NAME,))
    version, before = told[0] if told else (None, bytes(_COUNTER))
    if version == VERSION and not store.rows(f"{_PENDING} LIMIT 1"):
        return 0
    with store.transaction() as connection:
        if version != VERSION:
            connection.execute("UPDATE activity_source SET last = -1")
        changed = {row[0] for row in connection.execute(_PENDING)}
        work = _Settling(connection)
        affected = work.widened(changed)
        work.count(affected)
        work.note(affected)
        rounds = (int.from_bytes(before) + 1).to_bytes(_COUNTER)
        connection.execute("INSERT OR REPLACE INTO stage VALUES (?, ?, ?)", (NAME, VERSION, rounds))
    return len(affected)


def held_items(connection: sqlite3.Connection, sources: Collection[int]) -> dict[int, list[Happened]]:
    """The items of these logs that count, by log, in the order of bytes; all logs that share copies must be there."""
    items = {source: merged(_items(connection, source)) for source in sources}
    keys = {row[0]: row[1] for row in connection.execute("SELECT id, key FROM source")}
    shared = _shared({source: [item.key for item in rows] for source, rows in items.items()})
    best: dict[int, tuple[bool, int, str, int]] = {}
    for source, rows in items.items():
        for item in rows:
            if item.key in shared:
                rank = (item.at is None, item.at or 0, keys[source], source)
                best[item.key] = min(best.get(item.key, rank), rank)
    return {
        source: [item for item in rows if item.key not in best or best[item.key][3] == source]
        for source, rows in items.items()
    }


def families(
    connection: sqlite3.Connection, sources: Collection[int], pairs: Iterable[tuple[int, int]] = ()
) -> Iterator[set[int]]:
    """These logs in portions; those that share copies, however far, are in one, and those that ``pairs`` join."""
    near: dict[int, set[int]] = defaultdict(set)
    for source, other in (*connection.execute("SELECT source, other FROM activity_copy"), *pairs):
        near[source].add(other)
        near[other].add(source)
    seen: set[int] = set()
    portion: set[int] = set()
    for source in sorted(sources):
        found = _reached({source} - seen, near)
        seen |= found
        portion |= found
        if len(portion) >= _PORTION:
            yield portion
            portion = set()
    if portion:
        yield portion


def _reached(start: set[int], near: Mapping[int, set[int]]) -> set[int]:
    found, waiting = set(start), list(start)
    while waiting:
        new = near.get(waiting.pop(), set()) - found
        found |= new
        waiting.extend(new)
    return found


class _Settling(msgspec.Struct, frozen=True):
    connection: sqlite3.Connection

    def widened(self, changed: set[int]) -> set[int]:
        """Those logs, and all that share copies with them now or did so before, however far."""
        fresh = {pair for holders in self._shared_with(changed) for pair in permutations(holders, 2)}
        near: dict[int, set[int]] = defaultdict(set)
        for source, other in (*self.connection.execute("SELECT source, other FROM activity_copy"), *fresh):
            near[source].add(other)
        marks = ((source,) for source in changed)
        self.connection.executemany("DELETE FROM activity_copy WHERE source = ?1 OR other = ?1", marks)
        self.connection.executemany("INSERT OR IGNORE INTO activity_copy VALUES (?, ?)", sorted(fresh))
        return _reached(changed, near)

    def _shared_with(self, changed: set[int]) -> Iterable[set[int]]:
        """The logs that hold each item which stands in a changed log and in another one."""
        keys: dict[int, list[int]] = defaultdict(list)
        for source, packed in self.connection.execute("SELECT source, keys FROM item_block"):
            keys[source].extend(unpack_keys(packed))
        return (holders for holders in _shared(keys).values() if holders & changed)

    def count(self, sources: set[int]) -> None:
        """Write the counts of these logs anew."""
        self.connection.executemany("DELETE FROM activity WHERE source = ?", ((source,) for source in sources))
        for portion in families(self.connection, sources):
            for source, items in sorted(held_items(self.connection, portion).items()):
                self.connection.executemany(
                    "INSERT INTO activity VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                    [(source, *cell, *sums) for cell, sums in sorted(_cells(items).items())],
                )

    def note(self, sources: set[int]) -> None:
        """Remember what was counted."""
        marks = [(source,) for source in sources]
        self.connection.executemany("DELETE FROM activity_source WHERE source = ?", marks)
        self.connection.executemany(
            """INSERT INTO activity_source SELECT source, max(id) FROM item_block WHERE source = ?
            GROUP BY source""",
            marks,
        )


def _items(connection: sqlite3.Connection, source: int) -> Iterable[Happened]:
    query = "SELECT names, keys, data FROM item_block WHERE source = ? ORDER BY id"
    return (item for row in connection.execute(query, (source,)).fetchall() for item in unpack(*row))


def _shared(keys: Mapping[int, Collection[int]]) -> dict[int, set[int]]:
    """Items that several logs hold, with these logs; in passes over parts of the keys."""
    parts = 1 + sum(map(len, keys.values())) // _AT_ONCE
    found: dict[int, set[int]] = {}
    for part in range(parts):
        first: dict[int, int] = {}
        for source, told in keys.items():
            for key in told if parts == 1 else (key for key in told if key % parts == part):
                holder = first.setdefault(key, source)
                if holder != source:
                    found.setdefault(key, {holder}).add(source)
    return found


def _cells(items: Iterable[Happened]) -> dict[tuple[int, int, int], list[int | None]]:
    """Count, how many have an amount, its sum, the greatest; by session, slot and what."""
    cells: dict[tuple[int, int, int], list[int | None]] = {}
    for item in items:
        slot = UNDATED if item.at is None else item.at // SLOT
        sums = cells.setdefault((item.session, slot, item.what), [0, 0, 0, None])
        sums[0] = (sums[0] or 0) + 1
        if item.amount is not None:
            sums[1] = (sums[1] or 0) + 1
            sums[2] = (sums[2] or 0) + item.amount
            sums[3] = max(sums[3] or 0, item.amount)
    return cells
