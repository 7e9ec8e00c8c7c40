"""A ledger's events one by one in their total order, while its files are read; none of them is kept.

That goes where each file stands in this order and no event stands twice, as tallybook writes them. All else is for
``read``, which holds everything.
"""

from __future__ import annotations

import os
from contextlib import ExitStack
from heapq import merge
from typing import TYPE_CHECKING, Final

from tallybook.ledger.codec import decode, decode_canonical
from tallybook.ledger.course import Course, copy_head
from tallybook.ledger.file import opened
from tallybook.ledger.line import VERSION, Fault, framed, parse
from tallybook.ledger.position import Position
from tallybook.ledger.proof import begins_alike
from tallybook.ledger.scan import ledger_files

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from tallybook.domain.events import Event
    from tallybook.ledger.file import FileSystem, Opened
    from tallybook.ledger.position import FileHead

_MOST_FILES: Final = 64
"""So many are open at once."""


def stream(files: FileSystem, directories: Sequence[Path], take: Callable[[Event], None]) -> Position | None:
    """Hand out all events of the directories, the home first; the place from which ``read_on`` goes on.

    None where there is no such place, or where that can't be done; then what was handed out counts for nothing.
    """
    try:
        paths = [(path, number == 0) for number, place in enumerate(directories) for path in ledger_files(files, place)]
        if len(paths) > _MOST_FILES:
            return None
        with ExitStack() as stack:
            sources = [(stack.enter_context(opened(files, path, os.O_RDONLY)), home) for path, home in paths]
            return _streamed(files, sources, take)
    except (_UnfitError, OSError):
        return None


class _UnfitError(Exception):
    """The events are not each once in their order."""


def _streamed(
    files: FileSystem, sources: Sequence[tuple[Opened, bool]], take: Callable[[Event], None]
) -> Position | None:
    own: dict[str, _Strand] = {}
    parts: list[_Strand | _Copy] = []
    for source, home in sources:
        original = own.get(source.path.name)
        if original is not None and begins_alike(files, source, original.source):
            parts.append(_Copy(files, source, original))
        else:
            strand = _Strand(files, source, home=home)
            parts.append(strand)
            if home:
                own[source.path.name] = strand
    last, highest = _merged(parts, take)
    position = Position(tuple(part.head() for part in parts), last, highest, sum(part.newer for part in parts))
    return position if position.is_sound else None


def _merged(parts: Sequence[_Strand | _Copy], take: Callable[[Event], None]) -> tuple[Place, str]:
    """Hand out the events of all parts; the last place and the greatest id."""
    last: Place = ("", "", 0, "")
    ids: set[str] = set()
    for event in merge(*parts, key=_place):
        place = _place(event)
        if place <= last or event.id in ids:
            raise _UnfitError
        last = place
        ids.add(event.id)
        take(event)
    return last, max(ids, default="")


Place = tuple[str, str, int, str]


def _place(event: Event) -> Place:
    return (event.hlc, event.writer, event.seq, event.id)


class _Strand:
    """The events of one file, as they stand there."""

    def __init__(self, files: FileSystem, source: Opened, *, home: bool) -> None:
        self.source = source
        self.newer = 0
        """Events that a newer version of the format has written."""
        self._course = Course(files, source, home=home)

    def __iter__(self) -> Iterator[Event]:
        for line in self._course:
            frame = framed(line)
            found = (None if frame is None else decode_canonical(frame)) or self._unusual(line)
            if isinstance(found, Fault):
                self._course.note(found)
            else:
                yield found

    def _unusual(self, line: bytes) -> Event | Fault:
        raw = parse(line)
        if isinstance(raw, Fault):
            return raw
        decoded = decode(raw)
        if isinstance(decoded, Fault):
            return decoded
        self.newer += raw.version > VERSION
        return decoded.event

    def head(self) -> FileHead:
        """How far the file was read."""
        return self._course.head(self._course.good)


class _Copy:
    """A published file that holds the beginning of the home's file of its name, and so no event of its own."""

    newer = 0

    def __init__(self, files: FileSystem, source: Opened, original: _Strand) -> None:
        self._files = files
        self._source = source
        self._original = original

    def __iter__(self) -> Iterator[Event]:
        yield from ()

    def head(self) -> FileHead:
        """How far the file was read; raises _UnfitError where lines of it are bad."""
        mark = self._original.head().mark
        if mark.fresh != mark.lines:
            raise _UnfitError
        return copy_head(self._files, self._source)
