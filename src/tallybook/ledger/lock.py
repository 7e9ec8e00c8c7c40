"""The one lock of a ledger: ``flock`` on a file beside the records, which tells who holds it.

The lock file is never removed, and none but its holder writes to it.
"""

from __future__ import annotations

import os
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final

from filelock import Timeout, UnixFileLock

from tallybook.ledger.errors import LockFailedError, LockTimeoutError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LOCK_NAME: Final = "ledger.lock"
_POLL: Final = 0.005


@contextmanager
def held(home: Path, timeout: float = 10.0) -> Iterator[None]:
    """Hold the lock of the ledger in ``home``, waiting up to ``timeout`` seconds.

    Raises:
        LockTimeoutError: another process kept it; names the process.
        LockFailedError: the file system refused.
    """
    path = home / LOCK_NAME
    lock = UnixFileLock(path, timeout, mode=0o600, poll_interval=_POLL, fallback_to_soft=False, on_acquired=_sign)
    try:
        lock.acquire()
    except Timeout as error:
        raise LockTimeoutError(path, timeout, holder(path)) from error
    except OSError as error:
        deed = "the ledger can't be locked"
        raise LockFailedError.wrap(deed, path, error) from error
    try:
        yield
    finally:
        lock.release()


def _sign(descriptor: int) -> None:
    """Leave the pid in the lock file; a full disk is no reason to fail, and a file with two names is not ours."""
    with suppress(OSError):
        if os.fstat(descriptor).st_nlink == 1:
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)


def holder(path: Path) -> int | None:
    """The pid in a lock file: whoever took the lock last; None where that can't be told."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        text = os.read(descriptor, 32)
    except OSError:
        return None
    finally:
        os.close(descriptor)
    return int(text) if text.strip().isdigit() else None
