"""The ledger's lock, taken for real: a second process must be kept out while the doctor holds it.

The lock file is opened as it is and not written to; where there is none yet, a file in the data directory is tried
that vanishes again.
"""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Final

from tallybook.ledger.errors import how_to_find_out
from tallybook.ledger.holder import holder
from tallybook.ledger.lock import LOCK_NAME
from tallybook.usecases.doctor.finding import note, ok, problem

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tallybook.usecases.doctor.finding import Finding
    from tallybook.usecases.workspace import Workspace

PATIENCE: Final = 2.0
"""Seconds; a command that is at work is done by then."""
_POLL: Final = 0.05
_SECONDS: Final = 10.0
_KEPT_OUT: Final = 3
_OTHER: Final = f"""
import fcntl, os, sys
descriptor = os.open(sys.argv[1], os.O_RDWR)
try:
    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
except BlockingIOError:
    sys.exit({_KEPT_OUT})
"""
_LOCAL: Final = "keep the ledger on a local disk: --ledger DIR, or TALLYBOOK_LEDGER"


def lock(workspace: Workspace) -> Iterator[Finding]:
    """Take the lock of the ledger and see that it excludes; tell who holds it where it can't be had."""
    path = workspace.ledger.place.home / LOCK_NAME
    if os.path.lexists(path):
        yield _tried(path, "the lock can be taken, and another process is kept out by it")
        return
    data = workspace.data
    if not data.is_dir():
        yield note("lock", "there is no lock yet, and no data directory to try one in", "the first task makes both")
        return
    with tempfile.NamedTemporaryFile(prefix=".doctor-", dir=data) as trial:
        yield _tried(
            Path(trial.name), "there is no lock yet; one on a file in the data directory kept another process out"
        )


def _tried(path: Path, fine: str) -> Finding:
    try:
        with _taken(path) as taken:
            if not taken:
                return _held(path)
            status, said = _other_process(path)
    except OSError as error:
        return _refused(path, error)
    if status == _KEPT_OUT:
        return ok("lock", fine, path)
    if status == 0:
        message = "a lock here does not exclude: a second process got it while it was held"
        return problem("lock", message, _LOCAL, path)
    return problem("lock", f"a second process could not try the lock: {said}", "run tally doctor again", path)


@contextmanager
def _taken(path: Path) -> Iterator[bool]:
    """Hold the lock; False where another process kept it for as long as the doctor waits."""
    descriptor = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(errno.ELOOP, "not a regular file")
        end = time.monotonic() + PATIENCE
        while not (got := _flock(descriptor)) and time.monotonic() < end:
            time.sleep(_POLL)
        yield got
    finally:
        os.close(descriptor)


def _flock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _other_process(path: Path) -> tuple[int | None, str]:
    """Exit status of a process that tries the same lock, None where it did not end; and its last words."""
    command = (sys.executable, "-I", "-S", "-c", _OTHER, str(path))
    try:
        done = subprocess.run(  # noqa: S603 - fixed arguments
            command, capture_output=True, stdin=subprocess.DEVNULL, timeout=_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        return None, f"it did not end within {_SECONDS:g} s"
    return done.returncode, os.fsdecode(done.stderr).strip().rpartition("\n")[2]


def _held(path: Path) -> Finding:
    who = holder(path)
    if who is None:
        message = f"an unknown process has held the lock for more than {PATIENCE:g} s"
        return problem("lock", message, f"wait until it is done; {how_to_find_out(path)}", path)
    since = f", since {who.since}" if who.since else ""
    message = f"{who} has held the lock for more than {PATIENCE:g} s{since}"
    over_there = "wait until it is done there" if who.host else f"wait until it is done; if it hangs: kill {who.pid}"
    return problem("lock", message, over_there, path)


def _refused(path: Path, error: OSError) -> Finding:
    reason = error.strerror or type(error).__name__
    if error.errno in {errno.ELOOP, errno.EISDIR, errno.ENXIO}:
        hint = f"move it away: the next command makes the file anew ({path})"
        return problem("lock", "something else than a regular file stands in the place of the lock", hint, path)
    if error.errno in {errno.EACCES, errno.EPERM}:
        return problem(
            "lock", f"the lock can't be opened: {reason}", f"make it yours: chown $USER {quote(str(path))}", path
        )
    return problem("lock", f"the lock can't be taken: {reason}", _LOCAL, path)
