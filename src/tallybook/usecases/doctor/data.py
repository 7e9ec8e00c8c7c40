"""The data directory: whether it can be written to, found by writing there, and who else may look into it."""

from __future__ import annotations

import os
import stat
import tempfile
from shlex import quote
from typing import TYPE_CHECKING, Final

from tallybook.usecases.doctor import folders, places
from tallybook.usecases.doctor.finding import note, ok, problem

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tallybook.usecases.doctor.finding import Finding
    from tallybook.usecases.workspace import Workspace

_ELSEWHERE: Final = "set TALLYBOOK_HOME to another directory"
_PROBE: Final = b"tallybook\n" * 400


def directory(workspace: Workspace) -> Iterator[Finding]:
    """Write a file there, sync it, read it back and remove it."""
    place = workspace.data
    if not place.exists():
        above = places.standing(place)
        if not above.is_dir() or not os.access(above, os.W_OK | os.X_OK):
            yield problem("directory", f"it can't be made: {above} can't be written to", _ELSEWHERE, place)
        else:
            yield note("directory", "there is none yet", "the first command that reads logs makes it", place)
        return
    if not place.is_dir():
        yield problem("directory", "something else than a directory stands here", _ELSEWHERE, place)
        return
    try:
        with tempfile.TemporaryFile(prefix=".doctor-", dir=place) as probe:
            probe.write(_PROBE)
            probe.flush()
            os.fsync(probe.fileno())
            probe.seek(0)
            same = probe.read() == _PROBE
    except OSError as error:
        yield problem("directory", f"a file can't be written here: {error.strerror}", _ELSEWHERE, place)
        return
    mode = stat.S_IMODE(place.stat().st_mode)
    if not same:
        yield problem("directory", "what was written here is read back differently", f"check the disk, or {_ELSEWHERE}")
    elif mode & (stat.S_IWGRP | stat.S_IWOTH):
        yield problem("directory", f"others may write here (mode {mode:04o})", f"chmod 700 {quote(str(place))}", place)
    elif mode & (stat.S_IRWXG | stat.S_IRWXO):
        yield note(
            "directory",
            f"others may see the names of files here (mode {mode:04o})",
            f"chmod 700 {quote(str(place))}",
            place,
        )
    else:
        yield ok("directory", f"written to and read back, mode {mode:04o}", place)


def file_system(workspace: Workspace) -> Iterator[Finding]:
    """The kind of file system that the history store is on, told where it is an odd one."""
    yield places.kind_of("file-system", workspace.data, "keep it on a local disk that stays: TALLYBOOK_HOME")


def space(workspace: Workspace) -> Iterator[Finding]:
    """Whether there is room to write."""
    yield places.room("space", workspace.data, _ELSEWHERE)


def sync_folder(workspace: Workspace) -> Iterator[Finding]:
    """Whether a tool copies the history store to other machines behind its back."""
    yield folders.sync_folder("sync-folder", workspace.data, _ELSEWHERE)
