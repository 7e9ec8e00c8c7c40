"""What a walk through directories has looked at, so that as long as all of it stays the walk need not be done again.

A name cannot come to a directory, go from it, or change what it stands for, unless the time of the directory's last
change moves; neither can the permissions to look into it. Only two changes within one tick of the file system's clock
look like one, so a directory that has changed lately is not trusted yet.
"""

from __future__ import annotations

import os
import time
from operator import attrgetter
from typing import Final

SETTLED: Final = 10_000_000_000
"""Nanoseconds without a change: the coarsest clocks of file systems tick every two seconds, some a little aside."""
stamp_of: Final = attrgetter("st_dev", "st_ino", "st_mtime_ns", "st_ctime_ns")
"""What is the same of a directory as long as it stays: ctime too, which nobody can set back."""


class Walked:
    """Directories that were looked into, or for, in the course of one walk."""

    def __init__(self) -> None:
        self.directories: list[str] = []
        self.stamps: list[int] = []
        """Of each directory four numbers, see ``stamp_of``."""
        self.absent: list[str] = []
        """Places where there was none."""
        self.is_all: bool = True
        """Whether what was found hangs on these directories alone; a link hangs on what it points to besides."""
        self._settled_before = time.time_ns() - SETTLED

    def into(self, directory: str) -> None:
        """Say that a directory will be looked into now, or at least for: before it is done."""
        try:
            stamp = stamp_of(os.stat(directory))  # noqa: PTH116 - walks speak text
        except (FileNotFoundError, NotADirectoryError):
            self.absent.append(directory)
        except OSError:
            self.is_all = False
        else:
            self.directories.append(directory)
            self.stamps += stamp
            self.is_all &= 0 < stamp[-2] < self._settled_before and stamp[-1] < self._settled_before
