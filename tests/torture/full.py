"""A disk that is full at any point of an append, and has room again later.

Two ways: a limit on the size of files, which cuts a write at any byte; and a small file system in memory, which is
really full, at page boundaries. Where a process may mount nothing, the second is left out, and the case says so.
"""

from __future__ import annotations

import resource
import shutil
import signal
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from msgspec.structs import replace

from ledger.ledgers import CrashError
from tallybook.ledger.errors import LedgerError
from tallybook.ledger.file import OsFiles
from torture.bodies import batch
from torture.checks import holds, mends
from torture.ledgers import append, real_ledger
from torture.plan import Case, Row

if TYPE_CHECKING:
    from collections.abc import Iterator
    from random import Random

    from tallybook.domain.events import Event, NewEvent
    from tallybook.ledger.store import Ledger
    from torture.plan import Plan

SMALL: Final = 200
FULL: Final = 2_000
SIZE: Final = 256 * 1024
"""Of the small file system."""
PAGE: Final = 4096


class Stubborn(OsFiles):
    """The system's files, where what was written can't be cut off again, or the process is dead by then."""

    def __init__(self, *, dies: bool) -> None:
        self._dies = dies
        self._records: set[int] = set()

    def open(self, path: Path, flags: int) -> int:
        descriptor = super().open(path, flags)
        if path.suffix == ".ndjson":
            self._records.add(descriptor)
        else:
            self._records.discard(descriptor)
        return descriptor

    def truncate(self, descriptor: int, length: int) -> None:
        if descriptor in self._records:
            if self._dies:
                raise CrashError
            message = "no"
            raise OSError(message)
        super().truncate(descriptor, length)


@cache
def mounting() -> str | None:
    """Why no file system can be mounted here."""
    place = Path(tempfile.mkdtemp())
    try:
        with _mounted(place):
            return None
    except (OSError, subprocess.CalledProcessError) as error:
        return str(getattr(error, "stderr", "") or error).strip()
    finally:
        place.rmdir()


def _remark() -> str | None:
    reason = mounting()
    return None if reason is None else f"RLIMIT_FSIZE alone, as nothing can be mounted here: {reason}"


@contextmanager
def _mounted(place: Path) -> Iterator[None]:
    mount = ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tallybook-torture", str(place)]
    subprocess.run(mount, check=True, capture_output=True, text=True)
    try:
        yield
    finally:
        subprocess.run(["umount", str(place)], check=True, capture_output=True)


def cases(plan: Plan) -> Iterator[Case]:
    """Half the levels by a limit on files, half by a small file system."""
    count = plan.size(SMALL, FULL)
    limited = count if mounting() else count // 2
    for number in range(limited):
        rng = plan.rng("limit", number)
        yield Case(f"limit {number}", partial(_limited, plan.base / "limited", rng, number / limited))
    place = plan.base / "mounted"
    for number in range(count - limited):
        yield Case(f"tmpfs {number}", partial(_crammed, place, plan.rng("tmpfs", number), number / (count - limited)))


def _limited(base: Path, rng: Random, level: float) -> None:
    """The append reaches the limit after ``level`` of its bytes."""
    ledger, before = _grown(base, rng)
    new = batch(rng, rng.choice((1, 3, 20)))
    length = _length(new, base)
    own = next(iter(ledger.place.home.glob("*.ndjson")), None)
    size = own.stat().st_size if own is not None else 0
    with _limit(size + int(length * level)):
        tried = _try(ledger, new, rng)
    _room_again(ledger, before + tried, rng)
    shutil.rmtree(base)


@contextmanager
def _limit(size: int) -> Iterator[None]:
    old = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    writes_none, sys.dont_write_bytecode = sys.dont_write_bytecode, True  # it would be cut off at the limit, for good
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, old[1]))
    try:
        yield
    finally:
        sys.dont_write_bytecode = writes_none
        resource.setrlimit(resource.RLIMIT_FSIZE, old)
        signal.signal(signal.SIGXFSZ, handler)


def _crammed(place: Path, rng: Random, level: float) -> None:
    """All but some pages of the file system are taken; ``level`` of what an append of 60 KB needs is free."""
    place.mkdir(exist_ok=True)
    with _mounted(place):
        base = place / "clone"
        ledger, before = _grown(base, rng)
        new = batch(rng, rng.choice((1, 3, 20, 60)))
        ballast = place / "ballast"
        _fill(ballast, int(16 * level) * PAGE)
        tried = _try(ledger, new, rng)
        holds(ledger, before + tried)
        ballast.unlink()
        _room_again(ledger, before + tried, rng)


def _fill(ballast: Path, free: int) -> None:
    """Take all pages but ``free`` bytes."""
    with ballast.open("wb", buffering=0) as file:
        try:
            while file.write(b"\0" * PAGE):
                pass
        except OSError:
            file.truncate(max(file.tell() - free, 0))


def _grown(base: Path, rng: Random) -> tuple[Ledger, tuple[Event, ...]]:
    """A ledger that is new, or has a past, whose tail may be torn."""
    ledger = real_ledger(base, seed=rng.random())
    before: tuple[Event, ...] = ()
    kind = rng.choice(("new", "grown", "grown", "torn"))
    if kind != "new":
        before = append(ledger, batch(rng, 3)) + append(ledger, batch(rng, 2))
    if kind == "torn":
        (own,) = ledger.place.home.glob("*.ndjson")
        with own.open("ab") as file:
            file.write(b"torn" * rng.choice((1, 1500)))
    return ledger, before


def _length(new: list[NewEvent], base: Path) -> int:
    """About so many bytes are added."""
    other = real_ledger(base / "measured")
    append(other, new)
    (path,) = other.place.home.glob("*.ndjson")
    return path.stat().st_size + 100


def _try(ledger: Ledger, new: list[NewEvent], rng: Random) -> tuple[Event, ...]:
    """Append on the full disk; what is acknowledged."""
    kind = rng.choice(("as it is", "as it is", "dies", "can't cut"))
    files = OsFiles() if kind == "as it is" else Stubborn(dies=kind == "dies")
    was = ledger.read().events
    try:
        return append(replace(ledger, files=files), new)
    except LedgerError:
        left = ledger.read().events
        assert left == was or kind != "as it is", "what was refused has left events"
    except CrashError:
        pass
    return ()


def _room_again(ledger: Ledger, acknowledged: tuple[Event, ...], rng: Random) -> None:
    holds(ledger, acknowledged)
    if rng.random() < 0.3:
        mends(ledger, acknowledged)
    more = append(ledger, batch(rng, 2))
    reading = holds(ledger, (*acknowledged, *more))
    assert not reading.problems, reading.problems


ROW: Final = Row(
    "full",
    "a disk that is full at each fill level of an append (RLIMIT_FSIZE, a small tmpfs), then room again",
    "next append good, nothing glued",
    cases,
    remark=_remark,
)
