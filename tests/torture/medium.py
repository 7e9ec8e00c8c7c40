"""A file layer in memory that knows what a medium knows: what was not synced may be lost when the power goes.

Of a file, each page since its last sync may be there in any version or torn between two, and its length may be any it
has had. Of a directory, any of its changes since its last sync may be missing; a rename is whole or not at all. A
sync that fails has written what it liked and forgets the rest: a second one has nothing left to do.
"""

from __future__ import annotations

import errno
import os
import stat
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from random import Random

PAGE: Final = 4096
SECTOR: Final = 512
MODES: Final = ("nothing", "all", "any", "torn")
"""How much of what was not synced survives."""


def _fail(number: int, path: object = None) -> OSError:
    return OSError(number, os.strerror(number), None if path is None else str(path))


class FileNode:
    """A regular file."""

    def __init__(self, number: int, data: bytes = b"") -> None:
        self.number = number
        self.seen = bytearray(data)
        self.durable = bytes(data)
        self.versions: dict[int, list[bytes]] = {}
        """Of the pages that a sync would write: all contents since the last one."""
        self.lengths: list[int] = []
        """All lengths since then."""
        self.changes = 0

    def _touch(self, start: int, end: int) -> None:
        for page in range(start // PAGE, -(-end // PAGE)):
            self.versions.setdefault(page, []).append(bytes(self.seen[page * PAGE : (page + 1) * PAGE]))
        self.lengths.append(len(self.seen))
        self.changes += 1

    def write(self, offset: int, data: bytes) -> None:
        self.seen[offset : offset + len(data)] = data
        self._touch(offset, offset + len(data))

    def truncate(self, length: int) -> None:
        del self.seen[length:]
        self._touch(length, length + bool(length % PAGE))

    def sync(self) -> None:
        """What is dirty goes to the medium; what a failed sync has forgotten does not."""
        self._settle({page: bytes(self.seen[page * PAGE :][:PAGE]) for page in self.versions}, len(self.seen))

    def lose(self, rng: Random, mode: str) -> None:
        """As much goes to the medium as ``mode`` tells."""
        pages = {page: self._survivor(page, rng, mode) for page in self.versions}
        lengths = [len(self.durable), *self.lengths]
        length = {"nothing": lengths[0], "all": lengths[-1]}.get(mode, rng.choice(lengths))
        self._settle(pages, length)

    def forget(self) -> None:
        """Readers see what the medium holds."""
        self.seen = bytearray(self.durable)
        self.changes += 1

    def _survivor(self, page: int, rng: Random, mode: str) -> bytes:
        old, versions = self.durable[page * PAGE :][:PAGE], self.versions[page]
        if mode in {"nothing", "all"}:
            return old if mode == "nothing" else versions[-1]
        one, other = rng.choice([old, *versions]), rng.choice([old, *versions])
        if mode == "any":
            return one
        one, other = one.ljust(PAGE, b"\0"), other.ljust(PAGE, b"\0")
        parts = (rng.choice((one, other))[start : start + SECTOR] for start in range(0, PAGE, SECTOR))
        return b"".join(parts)

    def _settle(self, pages: dict[int, bytes], length: int) -> None:
        count = -(-length // PAGE)
        kept = (pages.get(page, self.durable[page * PAGE : (page + 1) * PAGE]) for page in range(count))
        self.durable = b"".join(data.ljust(PAGE, b"\0") for data in kept)[:length]
        self.versions.clear()
        self.lengths.clear()


class DirectoryNode:
    """A directory."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.seen: dict[str, FileNode | DirectoryNode] = {}
        self.durable: dict[str, FileNode | DirectoryNode] = {}
        self.pending: list[dict[str, FileNode | DirectoryNode | None]] = []
        """Changes since the last sync."""

    def change(self, names: dict[str, FileNode | DirectoryNode | None]) -> None:
        self.pending.append(names)
        _apply(self.seen, names)

    def sync(self) -> None:
        self.durable = dict(self.seen)
        self.pending.clear()

    def lose(self, rng: Random, mode: str) -> None:
        for names in self.pending:
            if mode == "all" or (mode != "nothing" and rng.random() < 0.5):
                _apply(self.durable, names)
        self.pending.clear()
        self.seen = dict(self.durable)


def _apply(entries: dict[str, FileNode | DirectoryNode], names: dict[str, FileNode | DirectoryNode | None]) -> None:
    for name, node in names.items():
        if node is None:
            entries.pop(name, None)
        else:
            entries[name] = node


class Medium:
    """Files below one real directory, as the ledger's ``FileSystem``.

    ``watch`` is told of every call before it is carried out, with its name, and may raise.
    """

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()
        self.watch: Callable[[str], None] = _ignore
        self.appetite: Callable[[int], int] | None = None
        """How many of so many bytes the next write takes; asked once."""
        self._last = 1
        self._parts: dict[Path, tuple[str, ...]] = {}
        self._top = DirectoryNode(1)
        self._open: dict[int, tuple[FileNode, int, Path]] = {}

    # by hand

    def put(self, path: Path, data: bytes, like: os.stat_result | None = None) -> None:
        """A file that is on the medium, with all directories above it; one ``like`` another has its inode and times."""
        directory = self._top
        for name in path.relative_to(self.root).parts[:-1]:
            node = directory.seen.get(name) or DirectoryNode(self._number())
            assert isinstance(node, DirectoryNode)
            directory.seen[name] = directory.durable[name] = node
            directory = node
        node = FileNode(self._number() if like is None else like.st_ino, data)
        node.changes = 0 if like is None else like.st_mtime_ns
        directory.seen[path.name] = directory.durable[path.name] = node

    def get(self, path: Path) -> bytes:
        """What readers see of a file."""
        return bytes(self._file(path).seen)

    def remove(self, path: Path) -> None:
        """Nothing stands at the path any more."""
        if self.there(path):
            directory = self._directory(path.parent)
            directory.seen.pop(path.name)
            directory.durable.pop(path.name, None)

    def there(self, path: Path) -> bool:
        """Whether anything stands at a path."""
        try:
            self._find(path)
        except OSError:
            return False
        return True

    def kill(self) -> None:
        """The process is gone, the machine is not."""
        self._open.clear()

    def power_loss(self, rng: Random, mode: str) -> None:
        """The machine is gone; what is there afterwards."""
        self.kill()
        nodes: list[FileNode | DirectoryNode] = [self._top]
        while nodes:
            node = nodes.pop()
            node.lose(rng, mode)
            if isinstance(node, DirectoryNode):
                nodes += node.seen.values()
            else:
                node.forget()

    def failing_sync(self, descriptor: int, rng: Random) -> None:
        """A sync that fails."""
        self._open[descriptor][0].lose(rng, "any")
        raise _fail(errno.EIO)

    # as the ledger calls it

    def open(self, path: Path, flags: int) -> int:
        self.watch("open")
        try:
            node = self._find(path)
        except FileNotFoundError:
            if not flags & os.O_CREAT:
                raise
            node = FileNode(self._number())
            self._directory(path.parent).change({path.name: node})
        if isinstance(node, DirectoryNode):
            raise _fail(errno.EISDIR, path)
        if flags & os.O_TRUNC:
            node.truncate(0)
        descriptor = self._number()
        self._open[descriptor] = (node, flags, path)
        return descriptor

    def stat(self, descriptor: int) -> os.stat_result:
        self.watch("stat")
        return _status(self._open[descriptor][0])

    def look(self, path: Path) -> os.stat_result:
        self.watch("look")
        return _status(self._find(path))

    def read(self, descriptor: int, count: int, offset: int) -> bytes:
        self.watch("read")
        return bytes(self._open[descriptor][0].seen[offset : offset + count])

    def write(self, descriptor: int, data: bytes) -> int:
        self.watch("write")
        appetite, self.appetite = self.appetite, None
        taken = data if appetite is None else data[: appetite(len(data))]
        node, flags, _ = self._open[descriptor]
        node.write(len(node.seen) if flags & os.O_APPEND else 0, taken)
        return len(taken)

    def truncate(self, descriptor: int, length: int) -> None:
        self.watch("truncate")
        self._open[descriptor][0].truncate(length)

    def sync(self, descriptor: int) -> None:
        self.watch(f"sync:{descriptor}")
        self._open[descriptor][0].sync()

    def sync_directory(self, path: Path) -> None:
        self.watch("sync_directory")
        self._directory(path).sync()

    def close(self, descriptor: int) -> None:
        self.watch("close")
        self._open.pop(descriptor, None)

    def replace(self, source: Path, target: Path) -> None:
        self.watch("replace")
        assert source.parent == target.parent
        self._directory(source.parent).change({source.name: None, target.name: self._find(source)})

    def make_directory(self, path: Path) -> None:
        self.watch("make_directory")
        if self.there(path):
            raise _fail(errno.EEXIST, path)
        self._directory(path.parent).change({path.name: DirectoryNode(self._number())})

    def names(self, path: Path) -> list[str]:
        self.watch("names")
        return list(self._directory(path).seen)

    # within

    def _number(self) -> int:
        self._last += 1
        return self._last

    def _find(self, path: Path) -> FileNode | DirectoryNode:
        node: FileNode | DirectoryNode = self._top
        if path not in self._parts:
            above = self.root.is_relative_to(path)
            self._parts[path] = () if above else path.relative_to(self.root).parts
        for name in self._parts[path]:
            if not isinstance(node, DirectoryNode):
                raise _fail(errno.ENOTDIR, path)
            if name not in node.seen:
                raise _fail(errno.ENOENT, path)
            node = node.seen[name]
        return node

    def _directory(self, path: Path) -> DirectoryNode:
        node = self._find(path)
        if isinstance(node, FileNode):
            raise _fail(errno.ENOTDIR, path)
        return node

    def _file(self, path: Path) -> FileNode:
        node = self._find(path)
        assert isinstance(node, FileNode)
        return node


def _ignore(_: str) -> None:
    """Let every call go on."""


def _status(node: FileNode | DirectoryNode) -> os.stat_result:
    if isinstance(node, DirectoryNode):
        return os.stat_result((stat.S_IFDIR | 0o700, node.number, 1, 1, 0, 0, 0, 0, 0, 0))
    size, times = len(node.seen), {"st_mtime_ns": node.changes}
    return os.stat_result((stat.S_IFREG | 0o600, node.number, 1, 1, 0, 0, size, 0, 0, 0), times)
