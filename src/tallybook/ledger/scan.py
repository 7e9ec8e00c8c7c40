"""The lines of ledger files, one by one, with their places; memory stays flat however long a line is.

Standard library only. A last line without a newline is handed out as incomplete, so that nobody takes it for a record.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from tallybook.ledger.line import LONGEST_LINE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from tallybook.ledger.file import FileSystem, Opened

CHUNK: Final = 256 * 1024
"""Bytes read at once; a line that lies within a chunk is never too long."""
SUFFIX: Final = ".ndjson"


class Line(NamedTuple):
    """One line of a file."""

    number: int
    """From 1."""
    byte: int
    """Offset of its first byte."""
    raw: bytes
    """Without the newline; of a line that is too long only the first ``LONGEST_LINE`` + 1 bytes."""
    size: int
    """Bytes that it has in the file, without the newline."""
    complete: bool
    """Whether a newline ends it."""


def ledger_files(files: FileSystem, directory: Path) -> list[Path]:
    """The ``*.ndjson`` entries of a directory, sorted by name; a directory that is missing has none.

    Raises:
        OSError: the directory can't be listed.
    """
    try:
        names = files.names(directory)
    except FileNotFoundError:
        return []
    return [directory / name for name in sorted(names) if name.endswith(SUFFIX) and not name.startswith(".")]


class Block(NamedTuple):
    """Lines that follow one another."""

    number: int
    """Of the first line, from 1."""
    byte: int
    """Offset of its first byte."""
    raws: list[bytes]
    """Without their newlines; only the last one may be too long, and has its first ``LONGEST_LINE`` + 1 bytes then."""
    end: int
    """Offset behind the last newline; of an incomplete line, behind its last byte."""
    complete: bool = True
    """Whether a newline ends the last line."""


def blocks(files: FileSystem, source: Opened, start: int = 0, number: int = 1) -> Iterator[Block]:
    """The lines from offset ``start``, where the line with the given number begins, many at a time.

    Raises:
        OSError: the file can't be read any further.
    """
    byte, rest, offset = start, b"", start
    while chunk := files.read(source.descriptor, CHUNK, offset):
        offset += len(chunk)
        first, *more = chunk.split(b"\n")
        rest = (rest + first)[: LONGEST_LINE + 1]
        if not more:
            continue
        end = offset - len(chunk) + len(first) + 1
        yield Block(number, byte, [rest], end)
        rest = more.pop()
        number, byte = number + 1, end
        if more:
            end = offset - len(rest)
            yield Block(number, byte, more, end)
            number, byte = number + len(more), end
    if offset > byte:
        yield Block(number, byte, [rest], offset, complete=False)


def settled_blocks(files: FileSystem, source: Opened, start: int = 0, number: int = 1) -> Iterator[Block]:
    """The same; a line that another process is writing just now gets a second look.

    Raises:
        OSError: the file can't be read any further.
    """
    for block in blocks(files, source, start, number):
        if block.complete:
            yield block
        else:
            yield from blocks(files, source, block.byte, block.number)


def lines(files: FileSystem, source: Opened, start: int = 0, number: int = 1) -> Iterator[Line]:
    """The lines from offset ``start``, where the line with the given number begins, one by one.

    Raises:
        OSError: the file can't be read any further.
    """
    return _lines(blocks(files, source, start, number))


def settled_lines(files: FileSystem, source: Opened) -> Iterator[Line]:
    """All lines; one that another process is writing just now gets a second look.

    Raises:
        OSError: the file can't be read any further.
    """
    return _lines(settled_blocks(files, source))


def _lines(found: Iterable[Block]) -> Iterator[Line]:
    for block in found:
        byte, last = block.byte, block.number + len(block.raws) - 1
        for number, raw in enumerate(block.raws, block.number):
            size = len(raw) if number < last else block.end - byte - block.complete
            yield Line(number, byte, raw, size, complete=number < last or block.complete)
            byte += size + 1
