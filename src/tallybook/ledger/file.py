"""The seam to the file system: every system call of the ledger goes through one small protocol.

Standard library only. Nothing but regular files is ever opened for good: links, FIFOs, devices and directories are
refused.
"""

from __future__ import annotations

import errno
import fcntl
import os
import stat
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_FULL_SYNC: Final[int | None] = getattr(fcntl, "F_FULLFSYNC", None)
_NO_DIRECTORY_SYNC: Final = (errno.EINVAL, errno.ENOTSUP)


class FileSystem(Protocol):
    """The system calls that the ledger uses; each raises OSError as the system does."""

    def open(self, path: Path, flags: int) -> int:
        """A descriptor; never follows a link at the end of the path, never blocks, makes files with mode 0600."""
        ...

    def stat(self, descriptor: int) -> os.stat_result:
        """What the descriptor is open on."""
        ...

    def look(self, path: Path) -> os.stat_result:
        """What stands at the path, a link as itself."""
        ...

    def read(self, descriptor: int, count: int, offset: int) -> bytes:
        """Up to ``count`` bytes from ``offset``; empty at the end."""
        ...

    def write(self, descriptor: int, data: bytes) -> int:
        """The number of bytes written, which may be fewer than given."""
        ...

    def truncate(self, descriptor: int, length: int) -> None:
        """Cut the file to ``length`` bytes."""
        ...

    def sync(self, descriptor: int) -> None:
        """Return when the file's data are on the medium."""
        ...

    def sync_directory(self, path: Path) -> None:
        """Return when the directory's entries are on the medium."""
        ...

    def close(self, descriptor: int) -> None:
        """Give the descriptor back."""
        ...

    def replace(self, source: Path, target: Path) -> None:
        """Rename over ``target``, atomically."""
        ...

    def make_directory(self, path: Path) -> None:
        """Make one directory with mode 0700."""
        ...

    def names(self, path: Path) -> list[str]:
        """The entries of a directory."""
        ...


class OsFiles:
    """The operating system's own files."""

    def open(self, path: Path, flags: int) -> int:
        """A descriptor; never follows a link at the end of the path, never blocks, makes files with mode 0600."""
        return os.open(path, flags | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK, 0o600)

    def stat(self, descriptor: int) -> os.stat_result:
        """What the descriptor is open on."""
        return os.fstat(descriptor)

    def look(self, path: Path) -> os.stat_result:
        """What stands at the path, a link as itself."""
        return path.lstat()

    def read(self, descriptor: int, count: int, offset: int) -> bytes:
        """Up to ``count`` bytes from ``offset``; empty at the end."""
        return os.pread(descriptor, count, offset)

    def write(self, descriptor: int, data: bytes) -> int:
        """The number of bytes written, which may be fewer than given."""
        return os.write(descriptor, data)

    def truncate(self, descriptor: int, length: int) -> None:
        """Cut the file to ``length`` bytes."""
        os.ftruncate(descriptor, length)

    def sync(self, descriptor: int) -> None:
        """Return when the file's data are on the medium; on macOS only F_FULLFSYNC waits for that."""
        if _FULL_SYNC is None:
            os.fdatasync(descriptor)
        else:
            fcntl.fcntl(descriptor, _FULL_SYNC)

    def sync_directory(self, path: Path) -> None:
        """Return when the directory's entries are on the medium, where the file system knows how to tell."""
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        except OSError as error:
            if error.errno not in _NO_DIRECTORY_SYNC:
                raise
        finally:
            os.close(descriptor)

    def close(self, descriptor: int) -> None:
        """Give the descriptor back."""
        os.close(descriptor)

    def replace(self, source: Path, target: Path) -> None:
        """Rename over ``target``, atomically."""
        source.replace(target)

    def make_directory(self, path: Path) -> None:
        """Make one directory with mode 0700."""
        path.mkdir(mode=0o700)

    def names(self, path: Path) -> list[str]:
        """The entries of a directory."""
        return os.listdir(path)  # noqa: PTH208 - iterdir would make a Path of each


OS_FILES: Final = OsFiles()


class UnusableFileError(OSError):
    """Something stands where a regular file should be."""


class Opened(NamedTuple):
    """A regular file that is open."""

    path: Path
    descriptor: int
    size: int
    """Bytes, when it was opened."""
    mode: int
    status: os.stat_result
    """All that the system told of it."""


@contextmanager
def opened(files: FileSystem, path: Path, flags: int) -> Iterator[Opened]:
    """Open a regular file and close it again; an error of the closing itself says nothing about the data.

    Raises:
        UnusableFileError: it is a link, a FIFO, a device or a directory.
        OSError: it could not be opened.
    """
    try:
        descriptor = files.open(path, flags)
    except OSError as error:
        if error.errno in {errno.ELOOP, errno.EISDIR, errno.ENXIO}:
            raise _unusable(path) from error
        raise
    try:
        status = files.stat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise _unusable(path)
        yield Opened(path, descriptor, status.st_size, stat.S_IMODE(status.st_mode), status)
    finally:
        with suppress(OSError):
            files.close(descriptor)


def _unusable(path: Path) -> UnusableFileError:
    return UnusableFileError(errno.ELOOP, "not a regular file", str(path))


def write_all(files: FileSystem, descriptor: int, data: bytes) -> None:
    """Write all bytes, however few the system takes at once.

    Raises:
        OSError: the system refused, or took nothing.
    """
    rest = data
    while rest:
        try:
            count = files.write(descriptor, rest)
        except InterruptedError:
            continue
        if count <= 0:
            raise OSError(errno.EIO, "the system wrote nothing")
        rest = rest[count:]


def replace_file(files: FileSystem, path: Path, data: bytes, *, durable: bool) -> None:
    """Put ``data`` at ``path`` by a temporary file beside it: readers see the old bytes or the new ones.

    Raises:
        OSError: nothing was replaced.
    """
    temporary = path.with_name(f".{path.name}.new")
    with opened(files, temporary, os.O_WRONLY | os.O_CREAT) as target:
        files.truncate(target.descriptor, 0)
        write_all(files, target.descriptor, data)
        if durable:
            files.sync(target.descriptor)
    files.replace(temporary, path)


def make_directories(files: FileSystem, path: Path) -> None:
    """Make a directory and all that is missing above it, each with mode 0700 and kept on the medium.

    Raises:
        OSError: one of them could not be made.
    """
    missing = []
    while True:
        try:
            files.look(path)
        except FileNotFoundError:
            missing.append(path)
            path = path.parent
        else:
            break
    for directory in reversed(missing):
        with suppress(FileExistsError):
            files.make_directory(directory)
        files.sync_directory(directory.parent)


def sync_directories(files: FileSystem, path: Path) -> None:
    """Return when the entries of a directory and of those above it on its device are on the medium.

    One that may not be read ends it: it was not made by whoever asks, and neither was any above it.

    Raises:
        OSError: one of them could not be synced.
    """
    device = files.look(path).st_dev
    for directory in (path, *path.parents):
        if files.look(directory).st_dev != device:
            break
        try:
            files.sync_directory(directory)
        except PermissionError:
            break
