"""Who holds a lock, as far as the lock file and the system tell; of a process no more than the name of its program.

The holder signs the file with its pid, its host, the time, and when its process began, so that a later process with
the same number is not taken for it. Linux lists its locks besides, and knows better than any file.
"""

from __future__ import annotations

import os
import re
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

KERNEL_LOCKS: Final = Path("/proc/locks")
_LONGEST: Final = 512
_SIGNED: Final = (
    r"([1-9][0-9]{0,9})(?: ([!-~]{1,255})(?: ([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z) ([0-9]+|-))?)?"
)
_STRANGE: Final = re.compile(r"[^!-~]")
_BEGAN: Final = 19
"""Number of the field behind the name in ``/proc/PID/stat`` that tells when the process began."""
_FIELDS: Final = 6
"""At least so many has a line of ``/proc/locks``, such as ``1: FLOCK ADVISORY WRITE 1234 08:01:5678 0 EOF``."""


class Holder(NamedTuple):
    """A process that has taken the lock."""

    pid: int
    program: str
    """Its name, never its arguments; empty where that can't be told."""
    host: str = ""
    """Where it runs, if not here."""
    since: str = ""
    """When it took the lock, ISO 8601 in UTC by its own clock; empty where it has not signed."""

    def __str__(self) -> str:
        where = f" on {self.host}" if self.host else ""
        return f"process {self.pid}{f' ({self.program})' if self.program else ''}{where}"


def signature() -> bytes:
    """What this process writes into a lock file that it has locked."""
    now, pid = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), os.getpid()
    return f"{pid} {_host()} {now} {_began(pid) or '-'}\n".encode()


def holder(path: Path) -> Holder | None:
    """Who holds the lock; None where that can't be told, or is nobody who still runs here."""
    signed, listed = _signed(path), _listed(path)
    if listed is None or (signed is not None and not signed.host and signed.pid == listed):
        return signed
    name = _name(listed)
    return None if name is None else Holder(listed, name)  # a child may have the lock of one that is gone


def _signed(path: Path) -> Holder | None:
    """Who has signed last, if the process may still run; of two lines the first counts, the rest is an older one's."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        text = os.read(descriptor, _LONGEST).decode("ascii", "replace")
    except OSError:
        return None
    finally:
        os.close(descriptor)
    found = re.fullmatch(_SIGNED, text.partition("\n")[0])
    if found is None:
        return None
    pid, host, since = int(found[1]), found[2] or "", found[3] or ""
    if host not in {"", _host()}:
        return Holder(pid, "", host, since)
    name = _name(pid)
    if name is None or (found[4] or "-") not in {"-", _began(pid) or "-"}:
        return None
    return Holder(pid, name, "", since)


def _listed(path: Path) -> int | None:
    """The pid that Linux lists for a lock on this file; of several files with one number, that of this device's."""
    try:
        status = path.stat()
        rows = [line.split() for line in KERNEL_LOCKS.read_text("ascii", "replace").splitlines()]
    except OSError:
        return None
    place = f"{os.major(status.st_dev):02x}:{os.minor(status.st_dev):02x}:{status.st_ino}"
    ours = [row for row in rows if _is_lock(row) and row[5].rpartition(":")[2] == str(status.st_ino)]
    ours.sort(key=lambda row: row[5] != place)
    return next((int(row[4]) for row in ours), None)


def _is_lock(row: Sequence[str]) -> bool:
    """Whether a line tells of a lock of our kind, by a process that can be seen from here."""
    return len(row) >= _FIELDS and row[1] == "FLOCK" and row[4].isdecimal() and int(row[4]) > 0


def _host() -> str:
    return _STRANGE.sub("?", os.uname().nodename)[:255] or "?"


def _name(pid: int) -> str | None:
    """The name of a program that runs; empty where it can't be told, None where there is no such process."""
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return None
    except OSError:
        pass  # it is somebody else's
    name = _told(pid, "comm").strip()
    return name if name.isprintable() else ""


def _began(pid: int) -> str:
    """When a process began, in the system's own measure; empty where that can't be told."""
    fields = _told(pid, "stat").rpartition(")")[2].split()
    return fields[_BEGAN] if len(fields) > _BEGAN else ""


def _told(pid: int, what: str) -> str:
    try:
        with open(f"/proc/{pid}/{what}", encoding="utf-8", errors="replace") as source:  # noqa: PTH123 - sooner there
            return source.read()
    except OSError:
        return ""
