"""How far each file of a ledger has been read, with a proof of the bytes before that place.

What stands behind a position can be read alone; where a proof fails there is no way but to read everything.
"""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, Final

import attrs

from tallybook.domain.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tallybook.ledger.file import FileSystem, Opened

PROVEN: Final = 64 * 1024
"""So many bytes before the place are looked at again."""


@attrs.frozen
class FileHead:
    """How far one file was read, and what came of it."""

    path: str
    home: bool
    """Else it is a published copy."""
    stamp: tuple[int, int, int, int]
    """Device, inode, size and time of change (nanoseconds) when it was opened."""
    end: int
    """Offset behind the last newline."""
    lines: int
    """Complete ones."""
    fresh: int
    """Lines with an event that no file before had; all lines of a copy, which is a published file that holds the
    beginning of the file of the same name in the home and nothing else."""
    proof: str
    problems: tuple[Problem, ...] = ()
    torn: Problem | None = None
    """What stands behind the last newline."""


@attrs.frozen
class Position:
    """How far a ledger was read."""

    heads: tuple[FileHead, ...] = ()
    last: tuple[str, str, int, str] = ("", "", 0, "")
    """(hlc, writer, seq, id) of the event that comes last in order."""
    highest: str = ""
    """The greatest id of an event."""
    newer: int = 0
    """Events that a newer version of the format has written."""

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Faults of the bytes, file by file."""
        return tuple(found for head in self.heads for found in (*head.problems, head.torn) if found is not None)

    @property
    def published(self) -> int:
        """How many events stand in published copies."""
        return sum(head.fresh for head in self.heads if not head.home)

    @property
    def is_sound(self) -> bool:
        """Whether ``published`` is right, and no fault leads from one file to another."""
        exclusive = all(head.home or head.fresh == head.lines for head in self.heads)
        return exclusive and all(problem.code != "id-conflict" for problem in self.problems)


def proof_of(files: FileSystem, source: Opened, end: int) -> str:
    """What proves the bytes before ``end``: the hash of the last of them, a line's checksum telling of the rest.

    Raises:
        OSError: they can't be read.
    """
    begin = max(end - PROVEN, 0)
    digest, offset = sha256(f"{end} ".encode()), begin
    while offset < end and (chunk := files.read(source.descriptor, end - offset, offset)):
        digest.update(chunk)
        offset += len(chunk)
    return digest.hexdigest()


def begins_alike(files: FileSystem, short: Opened, long: Opened) -> bool:
    """Whether ``long`` begins with all bytes of ``short``, which end in a newline.

    Raises:
        OSError: one of them can't be read.
    """
    if short.size > long.size:
        return False
    offset, last = 0, b"\n"
    while offset < short.size:
        chunk = files.read(short.descriptor, min(1 << 20, short.size - offset), offset)
        if not chunk or files.read(long.descriptor, len(chunk), offset) != chunk:
            return False
        offset, last = offset + len(chunk), chunk[-1:]
    return last == b"\n"


def heads_by_path(heads: Iterable[FileHead]) -> dict[str, FileHead]:
    """Each head by its file."""
    return {head.path: head for head in heads}
