"""Who holds a lock, as far as the lock file and the system tell; of a process no more than the name of its program."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from pathlib import Path

_LONGEST: Final = 300


class Holder(NamedTuple):
    """A process that has taken the lock."""

    pid: int
    program: str
    """Its name, never its arguments; empty where that can't be told."""
    host: str = ""
    """Where it runs, if not here."""

    def __str__(self) -> str:
        where = f" on {self.host}" if self.host else ""
        return f"process {self.pid}{f' ({self.program})' if self.program else ''}{where}"


def holder(path: Path) -> Holder | None:
    """Who took the lock last, by the lock file; None where that can't be told, or is nobody who still runs here."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        text = os.read(descriptor, _LONGEST).decode("utf-8", "replace")
    except OSError:
        return None
    finally:
        os.close(descriptor)
    pid, _, host = text.strip().partition(" ")
    if not pid.isdigit() or not pid.isascii() or not host.isprintable():
        return None
    if host not in {"", os.uname().nodename}:
        return Holder(int(pid), "", host)
    name = _name(int(pid))
    return None if name is None else Holder(int(pid), name)


def _name(pid: int) -> str | None:
    """The name of a program that runs; empty where it can't be told, None where there is no such process."""
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return None
    except OSError:
        pass  # it is somebody else's
    try:
        with open(f"/proc/{pid}/comm", encoding="utf-8", errors="replace") as source:  # noqa: PTH123
            name = source.read(_LONGEST).strip()
    except OSError:
        return ""
    return name if name.isprintable() else ""
