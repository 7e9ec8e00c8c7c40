"""How far a file of a ledger has been read, with a proof of the bytes before that place.

Standard library only, for the hooks. What stands behind a mark can be read alone; where the proof fails there is no
way but to read everything.
"""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from tallybook.ledger.file import FileSystem, Opened

PROVEN: Final = 64 * 1024
"""So many bytes before the place are looked at again."""
_STEP: Final = 1024 * 1024


class Mark(NamedTuple):
    """A place in a file, behind a newline."""

    stamp: tuple[int, int, int, int]
    """Device, inode, size and time of change (nanoseconds) of the file when it was opened."""
    end: int
    """Offset."""
    lines: int
    """Complete lines before it."""
    fresh: int
    """Those with an event that no file before had; in a copy, which is a published file that holds the beginning of
    the file of its name in the home and nothing else, all lines."""
    proof: str


def stamp_of(source: Opened) -> tuple[int, int, int, int]:
    """What changes with a file."""
    status = source.status
    return (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)


def proof_of(files: FileSystem, source: Opened, end: int) -> str:
    """What proves the bytes before ``end``: the hash of the last of them, whose lines are chained to those before.

    Raises:
        OSError: they can't be read.
    """
    digest, offset = sha256(b"%d " % end), max(end - PROVEN, 0)
    while offset < end and (chunk := files.read(source.descriptor, end - offset, offset)):
        digest.update(chunk)
        offset += len(chunk)
    return digest.hexdigest()


def is_untouched(files: FileSystem, source: Opened, mark: Mark) -> bool:
    """Whether the file is the one that was read, as it was.

    Raises:
        OSError: it can't be read.
    """
    return stamp_of(source) == mark.stamp and proof_of(files, source, mark.end) == mark.proof


def has_grown(files: FileSystem, source: Opened, mark: Mark) -> bool:
    """Whether the bytes before the mark are those that were read; only an addition may have touched the file.

    Raises:
        OSError: it can't be read.
    """
    now, then = stamp_of(source), mark.stamp
    kept = now[:2] == then[:2] and (now == then or now[2] > mark.end)
    return kept and proof_of(files, source, mark.end) == mark.proof


def begins_alike(files: FileSystem, short: Opened, long: Opened) -> bool:
    """Whether ``long`` begins with all bytes of ``short``, which end in a newline.

    Raises:
        OSError: one of them can't be read.
    """
    offset, last = 0, b"\n"
    while offset < short.size:
        chunk = files.read(short.descriptor, min(_STEP, short.size - offset), offset)
        if not chunk or files.read(long.descriptor, len(chunk), offset) != chunk:
            return False
        offset, last = offset + len(chunk), chunk[-1:]
    return last == b"\n"
