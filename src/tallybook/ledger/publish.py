"""The published copy: this clone's own events, carried by the repository's commits.

Standard library only. Only whole lines with a right checksum go out, and no event that the copy has is ever taken
from it.
"""

from __future__ import annotations

import errno
import os
import stat
from contextlib import suppress
from typing import TYPE_CHECKING

from tallybook.ledger.file import OS_FILES, FileSystem, UnusableFileError, make_directories, opened, replace_file
from tallybook.ledger.line import Fault, RawEvent, parse
from tallybook.ledger.scan import SUFFIX, lines

if TYPE_CHECKING:
    from pathlib import Path


def publish(home: Path, writer: str, directory: Path, files: FileSystem = OS_FILES) -> bool:
    """Bring ``<directory>/<writer>.ndjson`` up to the writer's file in ``home``; whether anything changed.

    Raises:
        UnusableFileError: the directory or the file in it is a link, or no directory and no regular file.
        OSError: the copy could not be written; the one before is still there.
    """
    own = [pair for pair in _good_lines(files, home / (writer + SUFFIX)) if pair[1].envelope.writer == writer]
    if not own:
        return False
    _refuse_link(files, directory)
    make_directories(files, directory)
    target = directory / (writer + SUFFIX)
    there = _good_lines(files, target)
    union = dict((*there, *own))
    wanted = b"".join(raw + b"\n" for raw in sorted(union, key=lambda raw: (union[raw].envelope.seq, raw)))
    if _bytes(files, target) == wanted:
        return False
    replace_file(files, target, wanted, durable=True)
    return True


def _good_lines(files: FileSystem, path: Path) -> list[tuple[bytes, RawEvent]]:
    found = []
    with suppress(FileNotFoundError), opened(files, path, os.O_RDONLY) as source:
        for line in lines(files, source):
            event = parse(line.raw)
            if line.complete and not isinstance(event, Fault):
                found.append((line.raw, event))
    return found


def _bytes(files: FileSystem, path: Path) -> bytes | None:
    with suppress(FileNotFoundError), opened(files, path, os.O_RDONLY) as source:
        return files.read(source.descriptor, source.size, 0)
    return None


def _refuse_link(files: FileSystem, directory: Path) -> None:
    with suppress(FileNotFoundError):
        if not stat.S_ISDIR(files.look(directory).st_mode):
            raise UnusableFileError(errno.ENOTDIR, "not a directory", str(directory))
