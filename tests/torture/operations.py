"""The ten things that a program does with a ledger, each prepared and carried out the same way every time."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from random import Random
from typing import TYPE_CHECKING, Final

import msgspec

from tallybook.domain.events import Event
from tallybook.ledger import identity
from tallybook.ledger.publish import publish
from tallybook.ledger.repair import repair
from tallybook.ledger.store import Ledger
from torture.bodies import batch
from torture.checks import verdict_of
from torture.ledgers import append, real_ledger

if TYPE_CHECKING:
    from pathlib import Path

FRAGMENT: Final = b'{"v":1,"id":"0193'


class Operation(msgspec.Struct, frozen=True):
    """One of them."""

    name: str
    prepare: Callable[[Ledger], None]
    act: Callable[[Ledger], tuple[Event, ...]]
    """What is acknowledged."""
    locked: bool = True
    """Whether it changes the home, and so has to hold the lock while it does."""


class World:
    """The place of an operation, which is prepared once and put back before each run."""

    def __init__(self, operation: Operation, base: Path) -> None:
        self._base = base
        self._operation = operation
        operation.prepare(real_ledger(base))
        self._files = {path: path.read_bytes() for path in base.rglob("*") if path.is_file()}
        self._directories = [path for path in base.rglob("*") if path.is_dir()]

    def ledger(self) -> Ledger:
        """The ledger as it was prepared."""
        for path in sorted(self._base.rglob("*"), reverse=True):
            if path.is_dir() and path not in self._directories:
                path.rmdir()
            elif path.is_file() and path not in self._files:
                path.unlink()
        for path, data in self._files.items():
            path.write_bytes(data)
        return real_ledger(self._base, seed=self._operation.name)


def _nothing(_: Ledger) -> None:
    """The ledger is new."""


def _grown(ledger: Ledger) -> None:
    for number in range(2):
        append(ledger, batch(Random(number), 3))


def _own(ledger: Ledger) -> Path:
    (path,) = ledger.place.home.glob("*.ndjson")
    return path


def _torn(ledger: Ledger) -> None:
    _grown(ledger)
    with _own(ledger).open("ab") as file:
        file.write(FRAGMENT)


def _torn_again(ledger: Ledger) -> None:
    _torn(ledger)
    repair(ledger)
    with _own(ledger).open("ab") as file:
        file.write(FRAGMENT * 5000)


def _lagging(ledger: Ledger) -> None:
    """The state file is older than the ledger's."""
    append(ledger, batch(Random(0), 2))
    (state,) = ledger.place.home.glob("*" + identity.SUFFIX)
    old = state.read_bytes()
    append(ledger, batch(Random(1), 4))
    state.write_bytes(old)


def _copied(ledger: Ledger) -> None:
    """Another clone's ledger was copied here with its directory."""
    elsewhere = real_ledger(ledger.place.identity.parent / "elsewhere", seed=1)
    _grown(elsewhere)
    ledger.place.home.mkdir(parents=True)
    for path in elsewhere.place.home.iterdir():
        shutil.copy(path, ledger.place.home)


def _published(ledger: Ledger) -> None:
    _grown(ledger)
    _publish(ledger)
    append(ledger, batch(Random(7), 2))


def _append(ledger: Ledger) -> tuple[Event, ...]:
    return append(ledger, batch(Random(11), 3))


def _append_much(ledger: Ledger) -> tuple[Event, ...]:
    return append(ledger, batch(Random(12), 40))


def _repair(ledger: Ledger) -> tuple[Event, ...]:
    repair(ledger)
    return ()


def _publish(ledger: Ledger) -> tuple[Event, ...]:
    current = ledger.writers().current
    assert ledger.place.published is not None
    if current is not None:  # else its state could not be read this time
        publish(ledger.place.home, current.writer, ledger.place.published, ledger.files)
    return ()


def _look(ledger: Ledger) -> tuple[Event, ...]:
    reading = ledger.read()
    verdict_of(ledger, reading)
    if reading.position is not None:
        ledger.read_on(reading.position)
    return ()


OPERATIONS: Final = (
    Operation("first append", _nothing, _append),
    Operation("append", _grown, _append),
    Operation("append of 40 events", _grown, _append_much),
    Operation("append over a torn tail", _torn, _append),
    Operation("append with a state that lags", _lagging, _append),
    Operation("append in a copied directory", _copied, _append),
    Operation("repair", _torn, _repair),
    Operation("second repair", _torn_again, _repair),
    Operation("publish", _published, _publish, locked=False),
    Operation("read and verify", _torn, _look, locked=False),
)
