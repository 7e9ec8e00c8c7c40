"""The processes above this one, innermost first; a process that cannot be read ends the walk, never fails it."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

import attrs

if TYPE_CHECKING:
    from collections.abc import Iterator

DEEPEST: Final = 64
PS_SECONDS: Final = 5
_PS_FIELDS: Final = 8
"""pid, ppid, five words of the start time, the command."""


@attrs.frozen
class Process:
    """One running process."""

    pid: int
    parent: int
    started: str
    """Start time as the system writes it: field 22 of ``/proc/PID/stat``, or ``lstart`` of ``ps``."""
    argv: tuple[str, ...]


class ProcessTree(Protocol):
    """Where processes are looked up."""

    def process(self, pid: int) -> Process | None:
        """The process ``pid``, or None where there is none that can be read."""
        ...


@attrs.frozen
class ProcTree:
    """Reads ``/proc``."""

    root: Path = Path("/proc")

    def process(self, pid: int) -> Process | None:
        """The process ``pid``; its name may hold blanks and parentheses, so fields are counted behind the last one."""
        place = self.root / str(pid)
        try:
            fields = (place / "stat").read_bytes().rpartition(b")")[2].split()
            command = (place / "cmdline").read_bytes()
            parent, started = int(fields[1]), fields[19].decode("ascii")
        except (OSError, ValueError, IndexError):
            return None
        argv = command.decode("utf-8", "replace").removesuffix("\0").split("\0") if command else []
        return Process(pid, parent, started, tuple(argv))


@attrs.frozen
class ListedTree:
    """Processes listed once, for systems without ``/proc``."""

    found: dict[int, Process]

    def process(self, pid: int) -> Process | None:
        """The process ``pid`` of the list."""
        return self.found.get(pid)


def system_tree() -> ProcessTree:
    """The processes of this machine."""
    return ProcTree() if Path("/proc/self/stat").exists() else ListedTree(parse_ps(_run_ps()))


def parse_ps(listing: str) -> dict[int, Process]:
    """Read ``ps -o pid=,ppid=,lstart=,args=``; the arguments are split at blanks, which is all that ``ps`` tells."""
    found = {}
    for line in listing.splitlines():
        fields = line.split(None, _PS_FIELDS - 1)
        if len(fields) >= _PS_FIELDS - 1 and fields[0].isdecimal() and fields[1].isdecimal():
            pid = int(fields[0])
            argv = tuple(fields[-1].split()) if len(fields) == _PS_FIELDS else ()
            found[pid] = Process(pid, int(fields[1]), " ".join(fields[2:7]), argv)
    return found


def ancestors(tree: ProcessTree, pid: int) -> Iterator[Process]:
    """The parent of ``pid``, its parent, and so on; at most ``DEEPEST`` of them, none twice."""
    seen = {pid}
    here = tree.process(pid)
    while here and here.parent not in seen and len(seen) <= DEEPEST:
        seen.add(here.parent)
        here = tree.process(here.parent)
        if here:
            yield here


def _run_ps() -> str:
    program = shutil.which("ps")
    if program is None:
        return ""
    command = [program, "-axo", "pid=,ppid=,lstart=,args="]
    try:
        result = subprocess.run(  # noqa: S603 - fixed arguments
            command, capture_output=True, timeout=PS_SECONDS, check=False, env={"LC_ALL": "C"}
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return result.stdout.decode("utf-8", "replace")
