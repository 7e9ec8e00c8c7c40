"""One log's bytes: opened without waiting, proved to be the bytes read before, read from the cursor on.

Of a document nothing is read or all of it: what is torn, or written at that moment, leaves no trace in the store.
A database is never opened here: its reader does that, and its journal counts as a part of it.
"""

from __future__ import annotations

import errno
import io
import os
import stat
import sys
import time
from contextlib import contextmanager
from hashlib import blake2b
from typing import TYPE_CHECKING, BinaryIO, Final, NamedTuple, cast

import msgspec

from tallybook.agents.lines import LineReader
from tallybook.agents.port import Batch, Line, LogFile, UnreadableRows

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tallybook.agents.port import DatabaseReader, LogReader

PROOF: Final = 4096
"""Bytes at the head, and before the cursor, that must be as they were."""
LONGEST_DOCUMENT: Final = 256 * 1024 * 1024
SIGNED: Final = 2**63 - 1
"""What SQLite can hold of a number that the system takes for unsigned."""
SETTLED: Final = 20_000_000
"""Nanoseconds after which a change is sure to get another time; clocks of file systems tick up to a hundredth of a
second, and a journal that is used again does not grow."""


class Stamp(NamedTuple):
    """What ``stat`` says of a file; as long as it stays the file is not opened."""

    dev: int
    ino: int
    size: int
    mtime_ns: int


class Mark(msgspec.Struct, frozen=True):
    """How far a log was read, and what proves that it is still the same."""

    stamp: Stamp
    compressed: bool
    reader: str
    revision: int
    cursor: int
    head_size: int
    head: bytes
    tail: bytes | None
    state: bytes


class Reading(msgspec.Struct, frozen=True):
    """What one visit to a log brought."""

    log: LogFile
    known: Mark | None
    """What the visit built upon; it is void once the store says otherwise."""
    mark: Mark
    """What the store shall know; its revision is the one after ``known``."""
    batch: Batch | None
    """None where no complete line was new."""
    afresh: bool
    """Read from the head: of a log of lines nothing holds that was read before, of a document what it tells anew."""
    overlong: int
    bytes_read: int

    @property
    def more(self) -> bool:
        """There is more to be read at once."""
        return self.batch is not None and self.batch.more


class UnreadableLog(Exception):  # noqa: N818
    """The log cannot be read now; the message says why."""


def stamp_of(status: os.stat_result) -> Stamp:
    """The stamp, in numbers that SQLite can hold."""
    return Stamp(status.st_dev & SIGNED, status.st_ino & SIGNED, status.st_size, status.st_mtime_ns)


def database_stamp(status: os.stat_result, journal: str) -> Stamp:
    """The stamp of a database and its journal: neither can change without moving it."""
    stamp = stamp_of(status)
    try:
        beside = os.stat(journal)  # noqa: PTH116
    except OSError:
        return stamp
    newest = max(stamp.mtime_ns, beside.st_mtime_ns)
    return stamp._replace(size=stamp.size + beside.st_size, mtime_ns=newest)


def read_log(reader: LogReader, log: LogFile, known: Mark | None) -> Reading:
    """Read what is new in a log.

    Raises:
        UnreadableLog: it cannot be opened or decompressed, is no regular file, or shrank in the meantime; a document
            is torn, too long, or changed in the meantime; a database can't be read now.

    """
    if log.journal is not None:
        return _read_database(cast("DatabaseReader", reader), log, known)
    try:
        with _opened(log) as raw:
            before = stamp_of(os.fstat(raw.fileno()))
            content = _decompressed(raw) if log.compressed else raw
            reading = (_read_document if log.whole else _read)(reader, _Content(log, content, before), known)
            after = stamp_of(os.fstat(raw.fileno()))
    except OSError as error:
        raise UnreadableLog(error.strerror or str(error)) from error
    except (EOFError, _zstd_error()) as error:
        raise UnreadableLog(str(error)) from error
    if after.size < before.size:
        message = "it shrank while it was read"
        raise UnreadableLog(message)
    if log.whole and after != before:
        message = "it changed while it was read"
        raise UnreadableLog(message)
    return reading


@contextmanager
def opened(log: LogFile) -> Iterator[BinaryIO]:
    """The (decompressed) bytes of a log, from its head.

    Raises:
        UnreadableLog: it cannot be opened or decompressed, or is no regular file.

    """
    try:
        with _opened(log) as raw:
            yield _decompressed(raw) if log.compressed else cast("BinaryIO", io.BufferedReader(cast("io.FileIO", raw)))
    except OSError as error:
        raise UnreadableLog(error.strerror or str(error)) from error
    except (EOFError, _zstd_error()) as error:
        raise UnreadableLog(str(error)) from error


class _Content(msgspec.Struct, frozen=True):
    log: LogFile
    stream: BinaryIO
    stamp: Stamp


def _opened(log: LogFile) -> BinaryIO:
    handle = os.open(log.place, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise OSError(errno.EINVAL, "not a regular file")
    return cast("BinaryIO", open(handle, "rb", buffering=0))  # noqa: PTH123


def _decompressed(raw: BinaryIO) -> BinaryIO:
    if sys.version_info >= (3, 14):
        from compression.zstd import ZstdFile  # noqa: PLC0415
    else:
        from backports.zstd import ZstdFile  # noqa: PLC0415
    return cast("BinaryIO", ZstdFile(raw, "rb"))


def _zstd_error() -> type[Exception]:
    """The decompressor's own error; only asked for while an error is handled."""
    if sys.version_info >= (3, 14):
        from compression.zstd import ZstdError  # noqa: PLC0415
    else:
        from backports.zstd import ZstdError  # noqa: PLC0415
    return ZstdError


def _read(reader: LogReader, content: _Content, known: Mark | None) -> Reading:
    stream, log = content.stream, content.log
    resume = known if known and known.reader == reader.version and _is_same(content, known) else None
    start = resume.cursor if resume else 0
    stream.seek(start)
    lines = LineReader(stream, start)
    batch = reader.read(log, lines, resume.state if resume else b"") if lines.has_line() else None
    head_size, head = _head(stream, lines.end, resume)
    mark = Mark(
        stamp=content.stamp,
        compressed=log.compressed,
        reader=reader.version,
        revision=known.revision + 1 if known else 0,
        cursor=lines.end,
        head_size=head_size,
        head=head,
        tail=None if log.compressed else _hash(_span(stream, max(lines.end - PROOF, 0), lines.end)),
        state=batch.state if batch else resume.state if resume else b"",
    )
    return Reading(log, known, mark, batch, resume is None, lines.overlong, lines.end - start)


def _read_document(reader: LogReader, content: _Content, known: Mark | None) -> Reading:
    log = content.log
    document = _span(content.stream, 0, LONGEST_DOCUMENT + 1)
    if len(document) > LONGEST_DOCUMENT:
        message = f"it is longer than {LONGEST_DOCUMENT:,} bytes"
        raise UnreadableLog(message)
    mark = Mark(
        stamp=content.stamp,
        compressed=log.compressed,
        reader=reader.version,
        revision=known.revision + 1 if known else 0,
        cursor=len(document),
        head_size=len(document),
        head=_hash(document),
        tail=None,
        state=b"",
    )
    if known and (known.reader, known.head_size, known.head) == (mark.reader, mark.head_size, mark.head):
        return Reading(log, known, mark, batch=None, afresh=False, overlong=0, bytes_read=0)
    written = log._replace(written=content.stamp.mtime_ns // 1000)
    batch = reader.read(written, (Line(0, document),), b"")
    if batch.torn is not None:
        raise UnreadableLog(batch.torn)
    return Reading(log, known, mark, batch, afresh=True, overlong=0, bytes_read=len(document))


def _read_database(reader: DatabaseReader, log: LogFile, known: Mark | None) -> Reading:
    """Read what has changed; whatever is written from the first look on shows in the next stamp."""
    try:
        stamp = database_stamp(os.stat(log.place), log.journal or "")  # noqa: PTH116
        same = known is not None and known.reader == reader.version and known.stamp[:2] == stamp[:2]
        state = known.state if known is not None and same else b""
        sizes: list[int] = []
        batch = reader.read(log, _weighed(reader.lines(log, state), sizes), state)
    except OSError as error:
        raise UnreadableLog(error.strerror or str(error)) from error
    except UnreadableRows as error:
        raise UnreadableLog(str(error)) from error
    if batch.more or time.time_ns() - stamp.mtime_ns < SETTLED:
        stamp = stamp._replace(mtime_ns=stamp.mtime_ns - 1)  # which no look will find: it is opened again
    mark = Mark(
        stamp=stamp,
        compressed=False,
        reader=reader.version,
        revision=known.revision + 1 if known else 0,
        cursor=0,
        head_size=0,
        head=b"",
        tail=None,
        state=batch.state,
    )
    return Reading(log, known, mark, batch, afresh=True, overlong=0, bytes_read=sum(sizes))


def _weighed(lines: Iterable[Line], sizes: list[int]) -> Iterator[Line]:
    for line in lines:
        sizes.append(len(line.raw))
        yield line


def _is_same(content: _Content, known: Mark) -> bool:
    """Whether all that was read of the log still stands there, as far as its head and tail can tell."""
    alike = known.compressed == content.log.compressed
    if alike and content.stamp.size <= known.stamp.size and content.stamp != known.stamp:
        return False
    if _hash(_span(content.stream, 0, known.head_size)) != known.head:
        return False
    tail = _span(content.stream, max(known.cursor - PROOF, 0), known.cursor)
    return _hash(tail) == known.tail if known.tail is not None else tail.endswith(b"\n") or known.cursor == 0


def _head(stream: BinaryIO, end: int, resume: Mark | None) -> tuple[int, bytes]:
    if resume and resume.head_size == min(PROOF, end):
        return resume.head_size, resume.head
    head = _span(stream, 0, min(PROOF, end))
    return len(head), _hash(head)


def _span(stream: BinaryIO, start: int, end: int) -> bytes:
    """The bytes from ``start`` to ``end``, fewer at the end of the file."""
    stream.seek(start)
    found = bytearray()
    while len(found) < end - start and (piece := stream.read(end - start - len(found))):
        found += piece
    return bytes(found)


def _hash(content: bytes) -> bytes:
    return blake2b(content, digest_size=16).digest()
