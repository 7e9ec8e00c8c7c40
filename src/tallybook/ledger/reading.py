"""Reading a ledger: the union of all its files by event id, in the one total order.

Takes no lock and never stops at a bad line; every fault becomes a Problem with its place. What comes out depends on
the set of lines alone, not on how they lie in files.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from tallybook.domain.events import Event, UnknownBody
from tallybook.domain.problems import Problem, Where
from tallybook.ledger import hlc
from tallybook.ledger.codec import decode, decode_canonical, encode
from tallybook.ledger.course import Course, copy_head, problem_of, unreadable
from tallybook.ledger.file import FileSystem, Opened, opened
from tallybook.ledger.line import VERSION, Fault, RawEvent, canonical, framed, parse
from tallybook.ledger.position import FileHead, Position
from tallybook.ledger.proof import begins_alike, has_grown, is_untouched
from tallybook.ledger.scan import ledger_files

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime


class Reading(msgspec.Struct, frozen=True):
    """All that a ledger holds."""

    events: tuple[Event, ...] = ()
    """Each id once, sorted by (hlc, writer, seq)."""
    problems: tuple[Problem, ...] = ()
    lines: int = 0
    """Complete lines seen, good or bad, in all files."""
    unknown_types: Mapping[str, int] = msgspec.field(default_factory=dict)
    """Events by type, of types that this version does not know."""
    unknown_members: Mapping[str, int] = msgspec.field(default_factory=dict)
    """Events by path of a member that this version does not know."""
    newer: int = 0
    """Events that a newer version of the format has written."""
    position: Position | None = None
    """How far the files were read; None where a later reading can't go on from there."""

    def latest(self, now: datetime) -> str | None:
        """The greatest hybrid time of an event that is still followed."""
        return hlc.latest((event.hlc for event in self.events), now)


def read(files: FileSystem, directories: tuple[Path, ...]) -> Reading:
    """Read all ``*.ndjson`` files of the directories, the home first; one that is missing is empty."""
    collector = _Collector(files)
    for number, directory in enumerate(directories):
        collector.read_directory(directory, home=number == 0)
    return collector.result()


def read_on(files: FileSystem, directories: tuple[Path, ...], before: Position) -> Tail | None:
    """Read what the files hold beyond a position; None where everything has to be read anew."""
    collector = _Collector(files, before)
    try:
        for number, directory in enumerate(directories):
            collector.read_directory(directory, home=number == 0)
    except _ChangedError:
        return None
    events = collector.events()
    position = collector.position(events, before)
    if position is None or not {head.path for head in position.heads}.issuperset(head.path for head in before.heads):
        return None
    behind = all((*event.order, event.id) > before.last and event.id > before.highest for event in events)
    return Tail(tuple(events), position) if behind else None


class Tail(msgspec.Struct, frozen=True):
    """What a ledger holds beyond a position."""

    events: tuple[Event, ...]
    """Sorted; all of them come after those before the position."""
    position: Position
    """The place that was reached."""


class _ChangedError(Exception):
    """A file is not the one that was read before."""


class _Collector:
    def __init__(self, files: FileSystem, before: Position | None = None) -> None:
        self._files = files
        self._before = before or Position()
        self._found: dict[str, tuple[bytes, Event]] = {}
        self._problems: list[Problem] = []
        self._places: list[Problem] = []
        self._heads: list[FileHead] = []
        self._lines = 0
        self._types: Counter[str] = Counter()
        self._members: Counter[str] = Counter()
        self._newer: set[str] = set()

    def read_directory(self, directory: Path, *, home: bool) -> None:
        try:
            paths = ledger_files(self._files, directory)
        except OSError as error:
            self._misplaced(unreadable(error), directory)
            return
        for path in paths:
            try:
                with opened(self._files, path, os.O_RDONLY) as source:
                    self._read_file(source, home=home)
            except OSError as error:
                self._misplaced(unreadable(error), path)

    def _misplaced(self, fault: Fault, path: Path) -> None:
        self._places.append(problem_of(fault, Where(str(path))))
        self._problems.append(self._places[-1])

    def _read_file(self, source: Opened, *, home: bool) -> None:
        before = self._before.of_file(str(source.path))
        if before is not None and not home and is_untouched(self._files, source, before.mark):
            self._heads.append(before)
        elif not home and self._is_copy(source):
            self._heads.append(copy_head(self._files, source))
            self._lines += self._heads[-1].mark.lines
        elif before is None or (home and has_grown(self._files, source, before.mark)):
            self._read_lines(Course(self._files, source, home=home, before=before))
        else:
            raise _ChangedError

    def _read_lines(self, course: Course) -> None:
        earlier = len(self._found)
        try:
            for line in course:
                self._lines += 1
                fault = self._fault(line)
                if fault is not None:
                    course.note(fault)
            self._heads.append(course.head(len(self._found) - earlier))
        finally:
            self._problems += course.problems

    def _is_copy(self, source: Opened) -> bool:
        """Whether a published file is the beginning of the home's file of its name, all of whose lines are good."""
        for head in self._heads:
            path = Path(head.path)
            if head.home and path.name == source.path.name and head.mark.fresh == head.mark.lines:
                with opened(self._files, path, os.O_RDONLY) as original:
                    return begins_alike(self._files, source, original)
        return False

    def _fault(self, line: bytes) -> Fault | None:
        """Take up the event of a line, or tell what is wrong with it."""
        frame = framed(line)
        if frame is not None:
            known = self._found.get(frame[0].decode())
            if known is not None and known[0] == frame[9]:
                return None
            event = None if known is not None else decode_canonical(frame)
            if event is not None:
                self._found[event.id] = (frame[9], event)
                return None
        return self._unusual(line)

    def _unusual(self, line: bytes) -> Fault | None:
        raw = parse(line)
        if isinstance(raw, Fault):
            return raw
        known = self._found.get(raw.envelope.id)
        if known is not None and known[0] == raw.sum.encode():
            return None
        return self._add(raw, known)

    def _add(self, raw: RawEvent, known: tuple[bytes, Event] | None) -> Fault | None:
        decoded = decode(raw)
        if isinstance(decoded, Fault):
            return decoded
        event = decoded.event
        if raw.version > VERSION:
            self._newer.add(event.id)
        self._members.update(decoded.strays)
        if known is None:
            self._found[event.id] = (raw.sum.encode(), event)
            return None
        if known[1] == event:
            return None
        if _rank(event) < _rank(known[1]):
            self._found[event.id] = (raw.sum.encode(), event)
        return Fault("id-conflict", f"the event id {event.id} stands for another event too")

    def events(self) -> list[Event]:
        return sorted((event for _, event in self._found.values()), key=lambda event: (event.order, event.id))

    def position(self, events: Sequence[Event], before: Position) -> Position | None:
        """The place that was reached; None where it can't be told what a later reading would make of it."""
        last = (*events[-1].order, events[-1].id) if events else before.last
        highest = max((event.id for event in events), default=before.highest)
        found = Position(tuple(self._heads), last, highest, before.newer + len(self._newer))
        return found if found.is_sound and not self._places else None

    def result(self) -> Reading:
        events = self.events()
        self._types.update(event.type for event in events if isinstance(event.body, UnknownBody))
        return Reading(
            tuple(events),
            tuple(self._problems),
            self._lines,
            dict(sorted(self._types.items())),
            dict(sorted(self._members.items())),
            len(self._newer),
            self.position(events, Position()),
        )


def _rank(event: Event) -> tuple[object, ...]:
    """A total order of different events with one id."""
    body = event.type if isinstance(event.body, UnknownBody) else canonical(encode(event.body))
    return (event.order, event.at, event.goal, event.type, body)
