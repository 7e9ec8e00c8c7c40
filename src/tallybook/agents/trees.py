"""Files in trees of directories, each once whatever links point where."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

from tallybook.agents.port import LogFile

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

_Identity = tuple[int, int]


def files_below(tops: Iterable[Path], wanted: Callable[[str], bool]) -> Iterator[str]:
    """Paths of all that has a wanted name and is no directory; a link is only yielded for what has no other name.

    A directory that may not be looked into comes with a slash at its end.
    """
    walk = _Walk(wanted)
    for top in tops:
        yield from walk.below(str(top))
    yield from walk.linked()


def listed(directory: str | Path, closed: list[str]) -> list[os.DirEntry[str]]:
    """What lies in a directory, by name; nothing if it is absent or none. One that may not be looked into is noted."""
    try:
        with os.scandir(directory) as entries:
            return sorted(entries, key=lambda entry: entry.name)
    except PermissionError:
        closed.append(str(directory))
    except OSError:
        pass
    return []


def closed_logs(agent: str, closed: Iterable[str]) -> Iterator[LogFile]:
    """Directories that may not be looked into, as what a reader discovers."""
    for directory in closed:
        place = directory + os.sep
        yield LogFile(agent, os.fsencode(place).decode("utf-8", "backslashreplace"), place)


class _Walk:
    def __init__(self, wanted: Callable[[str], bool]) -> None:
        self._wanted = wanted
        self._seen: set[_Identity] = set()
        self._links: list[str] = []

    def below(self, top: str) -> Iterator[str]:
        """What is reached without links, in the order of names."""
        pending = [top]
        closed: list[str] = []
        while pending:
            directory = pending.pop()
            for entry in listed(directory, closed) if self._is_new(directory) else ():
                if entry.is_symlink():
                    self._links.append(entry.path)
                elif entry.is_dir(follow_symlinks=False):
                    pending.append(entry.path)
                elif self._wanted(entry.name) and self._is_new(entry.path):
                    yield entry.path
        yield from (directory + os.sep for directory in closed)

    def linked(self) -> Iterator[str]:
        """What is reached by links alone."""
        while self._links:
            links, self._links = sorted(self._links), []
            for link in links:
                try:
                    is_directory = stat.S_ISDIR(os.stat(link).st_mode)  # noqa: PTH116 - this walk speaks text
                except OSError:  # told of when it is opened
                    is_directory = False
                if is_directory:
                    yield from self.below(link)
                elif self._wanted(link.rpartition(os.sep)[2]) and self._is_new(link):
                    yield link

    def _is_new(self, path: str) -> bool:
        try:
            status = os.stat(path)  # noqa: PTH116 - see above
        except OSError:
            return True
        identity = (status.st_dev, status.st_ino)
        is_new = identity not in self._seen
        self._seen.add(identity)
        return is_new
