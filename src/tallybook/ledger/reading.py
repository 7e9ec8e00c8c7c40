"""Reading a ledger: the union of all its files by event id, in the one total order.

Takes no lock and never stops at a bad line; every fault becomes a Problem with its place. What comes out depends on
the set of lines alone, not on how they lie in files.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

import attrs

from tallybook.domain.events import Event, UnknownBody
from tallybook.domain.problems import Problem, Where
from tallybook.ledger.codec import decode, decode_canonical, encode, event_of
from tallybook.ledger.file import FileSystem, Opened, UnusableFileError, opened
from tallybook.ledger.line import VERSION, Fault, RawEvent, canonical, framed, parse
from tallybook.ledger.scan import Line, ledger_files, lines

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TORN_TAIL: Final = "torn-tail"
_HINTS: Final = {
    TORN_TAIL: "nothing acknowledged is lost; the next append or `tally repair` moves it to quarantine",
    "not-a-file": "move it away; a ledger consists of regular files",
    "unreadable": "make it readable for your user",
    "id-conflict": "the event that comes first in order was taken; compare the files",
}
_DAMAGED: Final = "the line is left out; `tally verify` lists all damage, a published copy or a clone may have it whole"


@attrs.frozen
class Reading:
    """All that a ledger holds."""

    events: tuple[Event, ...] = ()
    """Each id once, sorted by (hlc, writer, seq)."""
    problems: tuple[Problem, ...] = ()
    lines: int = 0
    """Complete lines seen, good or bad, in all files."""
    unknown_types: Mapping[str, int] = attrs.field(factory=dict)
    """Events by type, of types that this version does not know."""
    unknown_members: Mapping[str, int] = attrs.field(factory=dict)
    """Events by path of a member that this version does not know."""
    newer: int = 0
    """Events that a newer version of the format has written."""


def read(files: FileSystem, directories: tuple[Path, ...]) -> Reading:
    """Read all ``*.ndjson`` files of the directories; one that is missing is empty."""
    collector = _Collector(files)
    for directory in directories:
        collector.read_directory(directory)
    return collector.result()


def problem_of(fault: Fault, path: Path, line: Line | None = None) -> Problem:
    """A fault with its place and a hint."""
    where = Where(str(path)) if line is None else Where(str(path), line.number, line.byte)
    return Problem(fault.code, fault.message, where, _HINTS.get(fault.code, _DAMAGED))


def settled_lines(files: FileSystem, source: Opened) -> Iterator[Line]:
    """The lines of a file; one that another process is writing just now gets a second look.

    Raises:
        OSError: the file can't be read any further.
    """
    for line in lines(files, source):
        if line.complete:
            yield line
        else:
            yield from lines(files, source, line.byte, line.number)


def torn(line: Line) -> Fault:
    """What to say of a last line without its newline."""
    return Fault(TORN_TAIL, f"{line.size} bytes after the last newline are no record")


def unreadable(error: OSError) -> Fault:
    """What to say of a file or directory that can't be read."""
    if isinstance(error, UnusableFileError):
        return Fault("not-a-file", "this is a link, a FIFO, a device or a directory; it is not read")
    return Fault("unreadable", f"can't be read: {error.strerror}")


class _Collector:
    def __init__(self, files: FileSystem) -> None:
        self._files = files
        self._found: dict[str, tuple[str, Event]] = {}
        self._problems: list[Problem] = []
        self._lines = 0
        self._types: Counter[str] = Counter()
        self._members: Counter[str] = Counter()
        self._newer: set[str] = set()

    def read_directory(self, directory: Path) -> None:
        try:
            paths = ledger_files(self._files, directory)
        except OSError as error:
            self._problems.append(problem_of(unreadable(error), directory))
            return
        for path in paths:
            self._read_file(path)

    def _read_file(self, path: Path) -> None:
        try:
            with opened(self._files, path, os.O_RDONLY) as source:
                for line in settled_lines(self._files, source):
                    fault = self._line(line)
                    if fault is not None:
                        self._problems.append(problem_of(fault, path, line))
        except OSError as error:
            self._problems.append(problem_of(unreadable(error), path))

    def _line(self, line: Line) -> Fault | None:
        if not line.complete:
            return torn(line)
        self._lines += 1
        frame = framed(line.raw)
        if frame is not None:
            known = self._found.get(frame.id)
            if known is not None and known[0] == frame.sum:
                return None
            body = None if known is not None else decode_canonical(frame.type, frame.body)
            if body is not None:
                self._found[frame.id] = (frame.sum, event_of(frame, body))
                return None
        return self._unusual(line)

    def _unusual(self, line: Line) -> Fault | None:
        raw = parse(line.raw)
        if isinstance(raw, Fault):
            return raw
        known = self._found.get(raw.envelope.id)
        if known is not None and known[0] == raw.sum:
            return None
        return self._add(raw, known)

    def _add(self, raw: RawEvent, known: tuple[str, Event] | None) -> Fault | None:
        decoded = decode(raw)
        if isinstance(decoded, Fault):
            return decoded
        event = decoded.event
        if raw.version > VERSION:
            self._newer.add(event.id)
        self._members.update(decoded.strays)
        if known is None:
            self._found[event.id] = (raw.sum, event)
            return None
        if known[1] == event:
            return None
        if _rank(event) < _rank(known[1]):
            self._found[event.id] = (raw.sum, event)
        return Fault("id-conflict", f"the event id {event.id} stands for another event too")

    def result(self) -> Reading:
        events = sorted((event for _, event in self._found.values()), key=lambda event: (event.order, event.id))
        self._types.update(event.type for event in events if isinstance(event.body, UnknownBody))
        return Reading(
            tuple(events),
            tuple(self._problems),
            self._lines,
            dict(sorted(self._types.items())),
            dict(sorted(self._members.items())),
            len(self._newer),
        )


def _rank(event: Event) -> tuple[object, ...]:
    """A total order of different events with one id."""
    body = event.type if isinstance(event.body, UnknownBody) else canonical(encode(event.body))
    return (event.order, event.at, event.goal, event.type, body)
