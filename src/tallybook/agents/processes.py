"""The processes of this machine; what can't be read of one is as good as not there, and never a failure.

Standard library only, because an agent waits for the hook that asks.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

DEEPEST: Final = 64
PS_SECONDS: Final = 5
_PS_FIELDS: Final = 8
"""pid, ppid, five words of the start time, the command."""


class Process(NamedTuple):
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


class ProcessTable(ProcessTree, Protocol):
    """All processes, and what can be seen of each from outside."""

    def pids(self) -> Iterable[int]:
        """Every process."""
        ...

    def files(self, pid: int) -> tuple[str, ...]:
        """Absolute paths of what ``pid`` holds open, links resolved."""
        ...

    def directory(self, pid: int) -> str | None:
        """Where ``pid`` works."""
        ...

    def environ(self, pid: int) -> Mapping[str, str] | None:
        """The environment that ``pid`` was started with."""
        ...


class ProcTree(NamedTuple):
    """Reads ``/proc``."""

    root: Path = Path("/proc")

    def pids(self) -> Iterable[int]:
        """Every process."""
        try:
            return [int(name) for name in os.listdir(self.root) if name.isdecimal()]  # noqa: PTH208 - ten times a second
        except OSError:
            return ()

    def files(self, pid: int) -> tuple[str, ...]:
        """Absolute paths of what ``pid`` holds open; pipes and sockets have none."""
        place = self.root / str(pid) / "fd"
        try:
            held = os.listdir(place)  # noqa: PTH208 - see above
        except OSError:
            return ()
        links = (_link(place / name) for name in held)
        return tuple(sorted({link for link in links if link is not None and link.startswith("/")}))

    def directory(self, pid: int) -> str | None:
        """Where ``pid`` works."""
        return _link(self.root / str(pid) / "cwd")

    def environ(self, pid: int) -> Mapping[str, str] | None:
        """The environment that ``pid`` was started with."""
        try:
            content = os.fsdecode((self.root / str(pid) / "environ").read_bytes())
        except OSError:
            return None
        parts = (part.partition("=") for part in content.split("\0"))
        return {name: value for name, equals, value in parts if equals}

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


class ListedTree(NamedTuple):
    """Processes listed once, for systems without ``/proc``."""

    found: dict[int, Process]

    def pids(self) -> Iterable[int]:
        """Every process of the list."""
        return self.found

    def files(self, pid: int) -> tuple[str, ...]:  # noqa: ARG002 - the protocol's signature
        """None: ``ps`` does not tell."""
        return ()

    def directory(self, pid: int) -> str | None:  # noqa: ARG002 - the protocol's signature
        """None: ``ps`` does not tell."""
        return None

    def environ(self, pid: int) -> Mapping[str, str] | None:  # noqa: ARG002 - the protocol's signature
        """None: ``ps`` does not tell."""
        return None

    def process(self, pid: int) -> Process | None:
        """The process ``pid`` of the list."""
        return self.found.get(pid)


def system_tree() -> ProcTree | ListedTree:
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


def _link(path: Path) -> str | None:
    try:
        return os.readlink(path)  # noqa: PTH115 - a link of the kernel's is text, not always a path
    except OSError:
        return None


def _run_ps() -> str:
    import shutil  # noqa: PLC0415 - with three libraries of compression behind it, and rarely asked

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
