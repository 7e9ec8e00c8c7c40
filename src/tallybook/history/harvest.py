"""What one reading comes to, as far as that can be told without the store."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import msgspec

from tallybook.agents.port import Batch, LogReader, Occurrence, SourceRows
from tallybook.domain.problems import Problem, Where
from tallybook.history.items import Block, packed_items
from tallybook.history.names import name_hash, stored_text
from tallybook.history.pieces import cut, packed, stored_links, stored_rows
from tallybook.history.responses import Row, named_row
from tallybook.history.shelf import Packed

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tallybook.agents.port import Response
    from tallybook.history.contents import Reading

MOST_TOKENS: Final = 10**12
"""No response has more; a count beyond it is damage, and sums of it would overflow."""


class Harvest(msgspec.Struct, frozen=True):
    """Occurrences as the store keeps them, and what those of a log never read before add up to by themselves."""

    rows: Sequence[Occurrence]
    links: list[tuple[str, str]]
    groups: frozenset[int]
    """Hashes of all groups that are mentioned."""
    linked: frozenset[int]
    """Those of them that have links here."""
    pieces: Sequence[Packed] = ()
    """Of a log never read before: all of it, ready to be put."""
    units: dict[int, list[Row]] = {}
    """By the hash of each group without links: its responses, if it stands in no other log."""
    problems: dict[int, list[Problem]] = {}
    """What was wrong with responses of those groups."""
    items: Block | None = None


def harvest(reader: LogReader, reading: Reading, key: bytes) -> Harvest:
    """Work out what the store will hold of a reading; of secrets only hashes under the key of the data directory."""
    batch = reading.batch or Batch()
    items = packed_items(reader.agent, key, batch.items)
    rows, links = stored_rows(batch.occurrences), stored_links(batch.links)
    linked = frozenset(name_hash(reader.agent, name) for pair in links for name in pair)
    if reading.known:
        groups = {name_hash(reader.agent, name) for name in {row.group for row in rows}}
        return Harvest(rows, links, linked.union(groups), linked, items=items)
    named: dict[str, list[Occurrence]] = defaultdict(list)
    for row in _in_order(rows):
        named[row.group].append(row)
    hashes = {name: name_hash(reader.agent, name) for name in named}
    problems: dict[int, list[Problem]] = {}
    units: dict[int, list[Row]] = {}
    source = stored_text(reading.log.key)
    for name, group in hashes.items():
        if group not in linked:
            derived = reader.derive([SourceRows(source, tuple(named[name]))])
            wrong: list[Problem] = []
            units.setdefault(group, []).extend(sane_rows(reader.agent, group, derived, wrong))
            if wrong:
                problems.setdefault(group, []).extend(wrong)
    for pair in links:
        hashes.update((name, name_hash(reader.agent, name)) for name in pair)
    pieces = [(packed(piece), list({hashes[name] for name in piece.mentioned})) for piece in cut(rows, links)]
    return Harvest(rows, links, frozenset(hashes.values()), linked, pieces, units, problems, items)


def source_rows(key: str, rows: list[Occurrence]) -> SourceRows:
    """The rows of one log in byte order; of one line's rows, as the reader gave them."""
    return SourceRows(key, tuple(_in_order(rows)))


def _in_order(rows: Sequence[Occurrence]) -> Sequence[Occurrence]:
    offsets = [row.offset for row in rows]
    return rows if offsets == sorted(offsets) else sorted(rows, key=lambda row: row.offset)


def sane_rows(agent: str, group: int, derived: Iterable[Response], problems: list[Problem]) -> list[Row]:
    """Rows of what was derived; a response that no model can have given is left out and told of."""
    rows = []
    for one in derived:
        if max(one.tokens.parts()) <= MOST_TOKENS:
            rows.append(named_row(agent, group, one))
        else:
            where = Where(file=one.source, byte=one.offset)
            problems.append(
                Problem("impossible-count", "a response with an impossible token count was left out", where)
            )
    return rows
