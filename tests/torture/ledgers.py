"""Ledgers under torture: in memory beside a real directory for the lock, or with real files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from ledger.ledgers import HandClock, SeededIds, ledger_at
from tallybook.ledger.store import Ledger, LedgerPlace

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from pathlib import Path

    from tallybook.domain.events import Event, NewEvent
    from tallybook.ledger.file import FileSystem


class Blind:
    """What is seen of a ledger by someone who does not look."""

    def latest(self, now: datetime) -> str | None:  # noqa: ARG002 - as the protocol has it
        return None


def ledger_in(base: Path, files: FileSystem, *, seed: object = 0, clock: HandClock | None = None) -> Ledger:
    """The ledger of the clone ``base`` in other files than real ones; its directory is real, for the lock."""
    place = LedgerPlace(base / "git" / "tallybook" / "events", base / "metrics", base / "git")
    place.home.mkdir(parents=True, exist_ok=True)
    return Ledger(place, clock or HandClock(), SeededIds(seed), files, 5.0)


def real_ledger(base: Path, *, seed: object = 0) -> Ledger:
    """A ledger of real files, whose directory is not there before the first append."""
    ledger = ledger_at(base, seed=seed)
    return replace(ledger, ids=SeededIds(seed))


def append(ledger: Ledger, new: Sequence[NewEvent], *, blind: bool = False) -> tuple[Event, ...]:
    """Append a batch that nothing can refuse."""
    done = ledger.transact(Blind, lambda _: new) if blind else ledger.transact(ledger.read, lambda _: new)
    assert isinstance(done, tuple)
    return done
