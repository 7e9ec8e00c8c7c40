"""Lives of a program that end by a kill, a full or failing disk, or with the power of the machine, at any call.

What the medium holds after that is any part of what was not synced; what was acknowledged must be in it.
"""

from __future__ import annotations

import errno
import os
from functools import partial
from typing import TYPE_CHECKING, Final

from ledger.ledgers import CrashError
from tallybook.ledger.errors import LedgerError
from tallybook.ledger.repair import repair
from torture.bodies import batch
from torture.checks import mends
from torture.ledgers import append, ledger_in
from torture.medium import MODES, Medium
from torture.plan import Case, Row

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from random import Random

    from tallybook.domain.events import Event
    from tallybook.ledger.store import Ledger
    from torture.plan import Plan

SMALL: Final = 5_000
FULL: Final = 100_000
ENDS: Final = ("power", "kill", "kill", "failing sync", "full disk", "none")
LONGEST: Final = 60
"""A life that ends by itself has more calls than that."""


class Alarm:
    """Watches the calls of one life and ends it, or lets a call fail, at the given one."""

    def __init__(self, medium: Medium, rng: Random, end: str) -> None:
        self._medium, self._rng, self._end = medium, rng, end
        self._left = rng.randrange(LONGEST)
        self._dead = False

    def __call__(self, call: str) -> None:
        if self._dead:
            raise CrashError
        self._left -= 1
        if self._left >= 0:
            return
        if self._end in {"power", "kill"}:
            self._dead = True
            raise CrashError
        name, _, descriptor = call.partition(":")
        if self._end == "failing sync" and name == "sync":
            self._end = ""
            self._medium.failing_sync(int(descriptor), self._rng)
        if self._end == "full disk" and name == "write":
            if self._medium.appetite is None and self._left % 2:
                self._medium.appetite = partial(self._rng.randint, 0)
            else:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def cases(plan: Plan) -> Iterator[Case]:
    """Histories, each by its own chance."""
    for number in range(plan.size(SMALL, FULL)):
        yield Case(f"history {number}", partial(_history, plan.base, plan.rng("history", number)))


def _history(base: Path, rng: Random) -> None:
    medium = Medium(base)
    acknowledged: list[Event] = []
    medium.put(base / "git" / "HEAD", b"ref: refs/heads/main\n")
    for life in range(rng.randint(1, 3)):
        end = rng.choice(ENDS)
        ledger = ledger_in(base, medium, seed=(rng.random(), life))
        medium.watch = Alarm(medium, rng, end)
        try:
            _live(ledger, rng, acknowledged)
        except CrashError:
            _end(medium, rng, end)
    _end(medium, rng, "power")
    ledger = ledger_in(base, medium, seed=rng.random())
    mends(ledger, acknowledged, damaged=True)
    acknowledged += append(ledger, batch(rng, 2))
    assert set(acknowledged) <= set(ledger.read().events), "the next append has taken something"


def _live(ledger: Ledger, rng: Random, acknowledged: list[Event]) -> None:
    """Some commands; what fails with an error is not acknowledged."""
    for _ in range(rng.randint(1, 3)):
        try:
            if rng.random() < 0.1:
                repair(ledger)
            else:
                acknowledged += append(ledger, batch(rng, rng.choice((1, 2, 3, 12))), blind=rng.random() < 0.5)
        except LedgerError:
            pass


def _end(medium: Medium, rng: Random, end: str) -> None:
    medium.watch = _quietly
    medium.appetite = None
    if end == "power":
        medium.power_loss(rng, rng.choice(MODES))
    else:
        medium.kill()


def _quietly(_: str) -> None:
    """Nothing ends."""


ROW: Final = Row(
    "power",
    "power loss in a file layer whose unsynced pages, lengths and directory entries are dropped, reordered or torn",
    "every acknowledged event readable, none twice, no reader raises, repair idempotent",
    cases,
)
