"""The only way bytes get into a ledger file: whole batches at the end, on the medium before anyone is told.

After an error the file is as long as before, as far as the system lets it; a fragment that a crash has left moves to
the quarantine and nothing is ever glued to it. The caller holds the lock.
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from tallybook.ledger.errors import AppendFailedError
from tallybook.ledger.file import opened, sync_directories, write_all

if TYPE_CHECKING:
    from pathlib import Path

    from tallybook.ledger.file import FileSystem, Opened

QUARANTINE: Final = ".quarantine"
_STEP: Final = 64 * 1024


def append(files: FileSystem, path: Path, data: bytes, *, settled: bool = True) -> int:
    """Add ``data`` (whole lines) and return the offset at which they begin.

    Where the directories may not be ``settled``, as whoever made them was killed before their sync, they are synced
    as well. A sync that fails is final: what the medium holds is unknown then, and syncing again would only hide it.

    Raises:
        AppendFailedError: nothing is acknowledged.
    """
    try:
        with opened(files, path, os.O_RDWR | os.O_APPEND | os.O_CREAT) as target:
            start = cut_tail(files, target)
            try:
                write_all(files, target.descriptor, data)
                files.sync(target.descriptor)
                if not settled:
                    sync_directories(files, path.parent)
                elif start == 0:
                    files.sync_directory(path.parent)
            except BaseException:
                with suppress(OSError):
                    files.truncate(target.descriptor, start)
                raise
            return start
    except OSError as error:
        deed = "the events were not acknowledged: the ledger file can't be written"
        raise AppendFailedError.wrap(deed, path, error) from error


def cut_tail(files: FileSystem, target: Opened) -> int:
    """Move what stands behind the last newline to the quarantine; the length of the file after that.

    Raises:
        OSError: the file is as it was.
    """
    end = _end_of_lines(files, target)
    if end < target.size:
        _quarantine(files, target, end)
        files.truncate(target.descriptor, end)
    return end


def _end_of_lines(files: FileSystem, target: Opened) -> int:
    position = target.size
    while position > 0:
        begin = max(position - _STEP, 0)
        newline = files.read(target.descriptor, position - begin, begin).rfind(b"\n")
        if newline >= 0:
            return begin + newline + 1
        position = begin
    return 0


def _quarantine(files: FileSystem, source: Opened, start: int) -> None:
    path = source.path.with_suffix(QUARANTINE)
    with opened(files, path, os.O_WRONLY | os.O_APPEND | os.O_CREAT) as target:
        offset = start
        while chunk := files.read(source.descriptor, min(_STEP, source.size - offset), offset):
            write_all(files, target.descriptor, chunk)
            offset += len(chunk)
        write_all(files, target.descriptor, b"\n")
        files.sync(target.descriptor)
    files.sync_directory(path.parent)
