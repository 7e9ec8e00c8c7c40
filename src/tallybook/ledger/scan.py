"""The lines of ledger files, one by one, with their places; memory stays flat however long a line is.

Standard library only. A last line without a newline is handed out as incomplete, so that nobody takes it for a record.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from tallybook.ledger.line import LONGEST_LINE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tallybook.ledger.file import FileSystem, Opened

CHUNK: Final = 1024 * 1024
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


def lines(files: FileSystem, source: Opened, start: int = 0, number: int = 1) -> Iterator[Line]:
    """The lines from offset ``start``, where the line with the given number begins.

    Raises:
        OSError: the file can't be read any further.
    """
    byte, rest, size = start, b"", 0
    offset = start
    while chunk := files.read(source.descriptor, CHUNK, offset):
        offset += len(chunk)
        pieces = chunk.split(b"\n")
        for piece in pieces[:-1]:
            whole = rest + piece if rest else piece
            size += len(piece)
            yield Line(number, byte, whole[: LONGEST_LINE + 1], size, complete=True)
            number, byte, rest, size = number + 1, byte + size + 1, b"", 0
        rest = (rest + pieces[-1])[: LONGEST_LINE + 1]
        size += len(pieces[-1])
    if size:
        yield Line(number, byte, rest, size, complete=False)


def settled_lines(files: FileSystem, source: Opened, start: int = 0, number: int = 1) -> Iterator[Line]:
    """The lines of a file; one that another process is writing just now gets a second look.

    Raises:
        OSError: the file can't be read any further.
    """
    for line in lines(files, source, start, number):
        if line.complete:
            yield line
        else:
            yield from lines(files, source, line.byte, line.number)
