"""The same ten operations in real processes, whose system calls the kernel's tracer makes fail.

Each process is forked when all modules are loaded, waits until strace has hold of it, and then does its one operation.
A short write can't be made this way, as the tracer would only lie about the count; ``sweep`` and ``full`` do that.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from functools import cache, partial
from typing import TYPE_CHECKING, Final, NoReturn

from tallybook.ledger.errors import LedgerError
from torture.operations import OPERATIONS, World
from torture.plan import Case, Row
from torture.sweep import after

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tallybook.ledger.store import Ledger
    from torture.operations import Operation
    from torture.plan import Plan

CALLS: Final = (
    *("openat", "newfstatat", "fstat", "pread64", "write", "pwrite64", "ftruncate", "fdatasync", "fsync", "close"),
    *("rename", "renameat", "renameat2", "mkdir", "mkdirat", "getdents64", "flock", "statx"),
)
"""As the machines that there are call them."""
FAULTS: Final = {name: f"error={name}" for name in ("EIO", "ENOSPC", "EINTR")} | {"SIGKILL": "signal=KILL"}
SOME: Final = 160
"""Cases at the small size."""
_PATIENCE: Final = 30.0
_REFUSED, _BROKEN = 3, 4


@cache
def lacking() -> str | None:
    """Why nothing can be traced here."""
    if not sys.platform.startswith("linux"):
        return "strace is for Linux"
    strace = shutil.which("strace")
    if strace is None:
        return "strace is not installed (apt-get install strace)"
    child = subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
    try:
        tracer = _traced(child.pid, ())
    except OSError as error:
        return f"strace may not trace a process here: {error}"
    finally:
        child.communicate()
    tracer.communicate()
    return None


def _traced(pid: int, options: tuple[str, ...]) -> subprocess.Popen[bytes]:
    """The tracer of a process, when it has hold of it.

    Raises:
        PermissionError: it may not.
    """
    tracer = subprocess.Popen(["strace", *options, "-p", str(pid)], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL)
    assert tracer.stderr is not None
    said = tracer.stderr.readline()
    if b"attached" not in said:
        tracer.wait()
        raise PermissionError(said.decode().strip())
    return tracer


def cases(plan: Plan) -> Iterator[Case]:
    """Of each operation: each system call times each fault."""
    found: list[Case] = []
    for number, operation in enumerate(OPERATIONS):
        world = World(operation, plan.base / str(number))
        log = plan.base / f"{number}.strace"
        _forked(
            world.ledger(),
            operation,
            plan.base,
            ("-o", str(log), "-e", f"trace={','.join(f'?{call}' for call in CALLS)}"),
        )
        for call, times in sorted(counted(log.read_text()).items()):
            for at in range(1, times + 1):
                for name, fault in FAULTS.items():
                    label = f"{operation.name}, {name} at {call} number {at}"
                    options = ("-o", os.devnull, "-e", f"trace={call}", "-e", f"inject={call}:{fault}:when={at}")
                    check = partial(_fault, operation, world, plan, (label, *options))
                    found.append(Case(label, check))
    yield from plan.some(found, SOME)


def counted(log: str) -> Counter[str]:
    """How often each call was made."""
    return Counter(re.findall(r"^(\w+)\(", log, re.MULTILINE))


def _fault(operation: Operation, world: World, plan: Plan, words: tuple[str, ...]) -> None:
    label, *options = words
    ledger = world.ledger()
    before = ledger.read().events
    code, said = _forked(ledger, operation, plan.base, tuple(options))
    assert code in {0, _REFUSED, -signal.SIGKILL}, said
    acknowledged = {event.id for event in before} | (set() if code else set(said.split()))
    reading = ledger.read()
    events = tuple(event for event in reading.events if event.id in acknowledged)
    assert len(events) == len(acknowledged), "an acknowledged event is lost"
    if code == _REFUSED:
        assert reading.events == before, "what was refused has left events"
    after(ledger, events, plan.rng(label))


def _forked(ledger: Ledger, operation: Operation, base: Path, options: tuple[str, ...]) -> tuple[int, str]:
    """Carry out the operation in a process that is traced; its exit code and what it has said."""
    report = base / "said"
    report.unlink(missing_ok=True)
    ready, go = os.pipe()
    pid = os.fork()
    if pid == 0:
        _child(operation, ledger, ready, report)
    try:
        tracer = _traced(pid, options)
    finally:
        os.write(go, b"!")  # the process keeps its ends open: to close one would be a call that a fault can be put into
        os.close(go)
        os.close(ready)
    with tracer:
        status = _waited(pid)
        tracer.communicate()
    return os.waitstatus_to_exitcode(status), report.read_text() if report.exists() else ""


def _waited(pid: int) -> int:
    deadline = time.monotonic() + _PATIENCE
    while True:
        found, status = os.waitpid(pid, os.WNOHANG)
        if found:
            return status
        if time.monotonic() > deadline:
            os.kill(pid, signal.SIGKILL)
            deadline += _PATIENCE
        time.sleep(0.001)


def _child(operation: Operation, ledger: Ledger, ready: int, report: Path) -> NoReturn:
    """Act and end: whatever happens, this process never comes back to go on with the other cases."""
    code = _BROKEN
    try:
        os.read(ready, 1)
        code = _acted(operation, ledger, report)
    finally:
        os._exit(code)


def _acted(operation: Operation, ledger: Ledger, report: Path) -> int:
    """Act, report; the exit code."""
    try:
        done = operation.act(ledger)
    except LedgerError:
        return _REFUSED
    except BaseException as error:  # noqa: BLE001 - it ends here in any case
        _tell(report, repr(error))
        return _REFUSED if isinstance(error, OSError) and not operation.locked else _BROKEN
    _tell(report, " ".join(getattr(event, "id", "") for event in done))
    return 0


def _tell(report: Path, text: str) -> None:
    """Calls that are no part of the operation; a fault in one of them would be a fault of this test."""
    for _ in range(2):
        try:
            report.write_text(text)
        except OSError:
            continue
        return


ROW: Final = Row(
    "strace",
    "every system call of real processes in the 10 operations x {SIGKILL, EIO, ENOSPC, EINTR}, by strace -e inject",
    "every acknowledged event readable, none twice, no reader raises, repair idempotent",
    cases,
    lacking,
)
