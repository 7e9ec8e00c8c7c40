"""The one lock of a ledger: ``flock`` on a file beside the records, which tells who holds it, where and since when.

The lock file is never removed, and none but its holder writes to it. A library would do the same; it takes longer to
import than a command may take for all of its work beside ten thousand logs.
"""

from __future__ import annotations

import fcntl
import os
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final

from tallybook.ledger.errors import LockFailedError, LockTimeoutError
from tallybook.ledger.holder import holder, signature

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LOCK_NAME: Final = "ledger.lock"
_POLL: Final = 0.005
_FLAGS: Final = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


@contextmanager
def held(home: Path, timeout: float = 10.0) -> Iterator[None]:
    """Hold the lock of the ledger in ``home``, waiting up to ``timeout`` seconds.

    Raises:
        LockTimeoutError: another process kept it; names the process.
        LockFailedError: the file system refused.
    """
    path = home / LOCK_NAME
    deadline = time.monotonic() + timeout
    try:
        descriptor = _locked(path)
        while descriptor is None:
            if time.monotonic() >= deadline:
                raise LockTimeoutError(path, timeout, holder(path))
            time.sleep(_POLL)
            descriptor = _locked(path)
    except OSError as error:
        deed = "the ledger can't be locked"
        raise LockFailedError.wrap(deed, path, error) from error
    try:
        _sign(descriptor)
        yield
    finally:
        with suppress(OSError):  # whoever held the lock has done its work, and what is on the medium stays there
            os.close(descriptor)  # which gives the lock back


def _locked(path: Path) -> int | None:
    """The lock file, locked; None where another process holds it, or has put another file in its place just now.

    Raises:
        OSError: it can't be opened, or the file system has no locks.
    """
    descriptor = os.open(path, _FLAGS, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        mine, there = os.fstat(descriptor), os.stat(path, follow_symlinks=False)  # noqa: PTH116 - beside fstat
        if (mine.st_dev, mine.st_ino) == (there.st_dev, there.st_ino):
            return descriptor
    except (BlockingIOError, FileNotFoundError):
        pass
    except BaseException:
        os.close(descriptor)
        raise
    os.close(descriptor)
    return None


def _sign(descriptor: int) -> None:
    """Tell who holds the lock; a full disk is no reason to fail, and a file with two names is not ours.

    Written over what is there and cut afterwards: nobody who looks ever finds an empty file, and one that is cut to
    nothing first is written out by ext4 at once.
    """
    with suppress(OSError):
        status = os.fstat(descriptor)
        if status.st_nlink == 1:
            line = signature()
            end = len(line) if os.pwrite(descriptor, line, 0) == len(line) else 0
            if status.st_size > end:
                os.ftruncate(descriptor, end)
