"""Drives any reader of logs over bytes in memory, as the store does: lines, groups, links, units.

Whatever it counts is explained too, and the explanation checked.
"""

from __future__ import annotations

import io
from collections import defaultdict
from typing import TYPE_CHECKING

from loggen.verdicts import explained
from tallybook.agents.lines import LineReader
from tallybook.agents.port import Batch, Line, LogFile, Occurrence, Response, SourceRows

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from tallybook.agents.port import LogReader


def ingest(reader: LogReader, key: str, arrivals: Iterable[bytes]) -> list[Batch]:
    """Read a file that grows by ``arrivals``: each time from the last complete line on, with the state left there."""
    log = LogFile(reader.agent, key, key)
    batches: list[Batch] = []
    content, cursor, state = b"", 0, b""
    for arrival in arrivals:
        content += arrival
        lines = LineReader(io.BytesIO(content[cursor:]), cursor)
        batch = reader.read(log, lines, state)
        cursor, state = lines.end, batch.state
        batches.append(batch)
    return batches


def document(reader: LogReader, key: str, content: bytes) -> Batch:
    """Read one document whole."""
    return reader.read(LogFile(reader.agent, key, key, whole=True), [Line(0, content)], b"")


def derive(reader: LogReader, batches: Mapping[str, Sequence[Batch]]) -> list[Response]:
    """Count what was read: groups that are linked make one unit."""
    leader: dict[str, str] = {}

    def find(group: str) -> str:
        while leader.setdefault(group, group) != group:
            group = leader[group]
        return group

    for batch in (batch for read in batches.values() for batch in read):
        for first, second in batch.links:
            leader[find(first)] = find(second)
    units: dict[str, dict[str, list[Occurrence]]] = defaultdict(lambda: defaultdict(list))
    for key, read in batches.items():
        for occurrence in (occurrence for batch in read for occurrence in batch.occurrences):
            units[find(occurrence.group)][key].append(occurrence)
    found: list[Response] = []
    for unit in units.values():
        sources = [SourceRows(key, tuple(rows)) for key, rows in unit.items()]
        derived = reader.derive(sources)
        explained(reader, sources, derived)
        found += derived
    return sorted(found, key=lambda response: response.key)


def count(reader: LogReader, files: Mapping[str, bytes]) -> list[Response]:
    """All responses of whole files, sorted by key."""
    return derive(reader, {key: ingest(reader, key, [content]) for key, content in files.items()})
