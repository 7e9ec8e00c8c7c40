"""Every call on the file seam, in ten operations, fails in every way, in turn."""

from __future__ import annotations

import errno
from functools import partial
from typing import TYPE_CHECKING, Final

from msgspec.structs import replace

from ledger.ledgers import CrashError, FaultyFiles, SeededIds
from tallybook.ledger.errors import LedgerError, LockTimeoutError
from tallybook.ledger.lock import held
from torture.bodies import batch
from torture.checks import holds, mends
from torture.ledgers import append
from torture.operations import OPERATIONS, World
from torture.plan import Case, Row

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from random import Random

    from tallybook.domain.events import Event
    from tallybook.ledger.store import Ledger
    from torture.operations import Operation
    from torture.plan import Plan

CALLS: Final[dict[str, int | str]] = {
    "SIGKILL": "crash",
    "EIO": errno.EIO,
    "ENOSPC": errno.ENOSPC,
    "EINTR": errno.EINTR,
}
WRITES: Final[dict[str, int | str]] = {
    f"{kind} {part}": f"{code}:{part}"
    for kind, code in (("short write", "short"), ("SIGKILL after a short write", "crash-short"))
    for part in ("0", "1", "half", "most")
}
CHANGES: Final = {"write", "truncate", "sync", "replace"}
REFUSALS: Final = {True: (LedgerError,), False: (LedgerError, OSError)}
"""What an operation may raise when a call has failed, by whether it is one under the lock."""


class LockProbe(FaultyFiles):
    """The system's files; whoever changes one has to hold the lock."""

    def __init__(self, home: Path) -> None:
        super().__init__()
        self.home = home
        self.probed = 0

    def _step(self, name: str) -> bool:
        if name in CHANGES:
            self.probed += 1
            try:
                with held(self.home, 0):
                    pass
            except LockTimeoutError:
                return super()._step(name)
            message = f"the lock is free while the ledger calls {name}"
            raise AssertionError(message)
        return super()._step(name)


def cases(plan: Plan) -> Iterator[Case]:
    """Of each operation: each call times each fault, and a look at the lock."""
    for number, operation in enumerate(OPERATIONS):
        world, counting = World(operation, plan.base / str(number)), FaultyFiles()
        operation.act(replace(world.ledger(), files=counting))
        if operation.locked:
            yield Case(f"{operation.name}, the lock", partial(_lock, operation, world))
        for at, call in enumerate(counting.calls):
            for name, how in (CALLS | WRITES if call == "write" else CALLS).items():
                label = f"{operation.name}, {name} at call {at} ({call})"
                yield Case(label, partial(_fault, operation, world, FaultyFiles(at, how), plan.rng(label)))


def _lock(operation: Operation, world: World) -> None:
    ledger = world.ledger()
    probe = LockProbe(ledger.place.home)
    operation.act(replace(ledger, files=probe))
    assert probe.probed


def _fault(operation: Operation, world: World, files: FaultyFiles, rng: Random) -> None:
    ledger = world.ledger()
    before = ledger.read().events
    try:
        done = operation.act(replace(ledger, files=files))
    except REFUSALS[operation.locked]:
        assert ledger.read().events == before, "what was refused has left events"
        after(ledger, before, rng)
    except CrashError:
        after(ledger, before, rng)
    else:
        after(ledger, (*before, *done), rng)


def after(ledger: Ledger, acknowledged: tuple[Event, ...], rng: Random) -> None:
    """The ledger is whole, can be mended, and goes on; a copied one keeps the events of the other clone."""
    ledger = replace(ledger, ids=SeededIds(rng.random()))
    ids = ledger.writers().ids
    own = tuple(event for event in acknowledged if event.writer in ids)
    holds(ledger, own)
    mends(ledger, own)
    quarantined = [path.read_bytes() for path in ledger.place.home.glob("*.quarantine")]
    more = append(ledger, batch(rng, 2))
    reading = holds(ledger, (*own, *more))
    assert not reading.problems, reading.problems
    assert {event.id for event in acknowledged} <= {event.id for event in reading.events}
    now = [path.read_bytes() for path in ledger.place.home.glob("*.quarantine")]
    assert all(any(new.startswith(old) for new in now) for old in quarantined), "the quarantine was overwritten"


ROW: Final = Row(
    "syscalls",
    "every call on the file seam of 10 operations x {SIGKILL, EIO, ENOSPC, EINTR, short write 0/1/half/n-1}",
    "every acknowledged event readable, none twice, no reader raises, repair idempotent",
    cases,
)
