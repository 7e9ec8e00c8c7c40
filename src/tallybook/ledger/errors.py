"""What a call on the ledger can fail with: each says the cause, the place and the remedy."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

    from tallybook.ledger.holder import Holder

_REMEDIES: Final = {
    errno.ENOSPC: "free some disk space, then run the command again",
    errno.EDQUOT: "free some of your disk quota, then run the command again",
    errno.EFBIG: "raise the limit on file sizes (ulimit -f), then run the command again",
    errno.EROFS: "the file system is read-only; mount it writable, or choose another ledger with --ledger",
    errno.EACCES: "make the ledger readable and writable for your user, then run the command again",
    errno.EPERM: "make the ledger readable and writable for your user, then run the command again",
    errno.ELOOP: "a ledger file must be a regular file: move the link away",
}
_OTHERWISE: Final = "check the disk, run `tally verify`, then run the command again"


class LedgerError(Exception):
    """The ledger could not be used; nothing was acknowledged."""

    def __init__(self, cause: str, place: Path, remedy: str) -> None:
        super().__init__(f"{cause}: {place}")
        self.cause = cause
        self.place = place
        self.remedy = remedy

    @classmethod
    def wrap(cls, deed: str, place: Path, error: OSError) -> LedgerError:
        """The error of a system call, with the remedy for its number."""
        reason = error.strerror or str(error) or type(error).__name__
        return cls(f"{deed} ({reason})", place, _REMEDIES.get(error.errno or 0, _OTHERWISE))


class AppendFailedError(LedgerError):
    """The events are not acknowledged; the file was cut back to where it was as far as the system let it."""


class LockFailedError(LedgerError):
    """The lock file could not be opened or locked at all."""


class LockTimeoutError(LedgerError):
    """Another process held the lock for the whole waiting time."""

    def __init__(self, place: Path, seconds: float, holder: Holder | None) -> None:
        who = "an unknown process" if holder is None else str(holder)
        since = f", since {holder.since}" if holder is not None and holder.since else ""
        remedy = "run the command again when the other command is done"
        super().__init__(
            f"the ledger was locked for more than {seconds:g} s by {who}{since}",
            place,
            remedy if holder is not None else f"{remedy}; {how_to_find_out(place)}",
        )
        self.holder = holder
        """None where nobody has said it."""


def how_to_find_out(lock: Path) -> str:
    """What tells which process holds a lock that nobody has signed, or somebody who is gone."""
    from shlex import quote  # noqa: PLC0415 - only where something is wrong

    return f"fuser -v {quote(str(lock))} or lsof {quote(str(lock))} tells which process has it"
