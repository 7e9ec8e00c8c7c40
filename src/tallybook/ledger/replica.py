"""The state of a ledger as its files tell it now: what was worked out before, brought up to date by what came since.

It is at any time the state that a replay of everything would give; a checkpoint only makes it faster.
"""

from __future__ import annotations

import gc
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

from tallybook.domain.metrics import accounts
from tallybook.domain.replay import apply, fold
from tallybook.domain.state import LedgerState
from tallybook.ledger import checkpoint, hlc
from tallybook.ledger.reading import read
from tallybook.ledger.stream import stream
from tallybook.ledger.synced import load

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import datetime
    from pathlib import Path

    from tallybook.domain.events import Event, NewEvent
    from tallybook.domain.problems import Problem, Refusal
    from tallybook.ledger.checkpoint import Saved
    from tallybook.ledger.position import Position
    from tallybook.ledger.reading import Reading
    from tallybook.ledger.store import Ledger


@contextmanager
def undisturbed() -> Iterator[None]:
    """Without the search for cycles, which takes a quarter of the time while nothing but values is made."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


class Replica:
    """One ledger's state."""

    state: LedgerState
    problems: tuple[Problem, ...]
    """Faults of the bytes."""
    newer: int
    """Events that a newer version of the format has written."""

    def __init__(self, ledger: Ledger, path: Path) -> None:
        """Take up the checkpoint at ``path``, if it is of use."""
        self._ledger = ledger
        self._path = path
        self._saved: Saved | None = checkpoint.load(path)
        self._position: Position | None = None
        self._reading: Reading | None = None
        if self._saved is not None:
            self._position = self._saved.summary.position
            self.state = self._saved.state(self._until(self._position))
        self.refresh()

    def refresh(self) -> Replica:
        """Go on to what the files hold now."""
        tail = None if self._position is None else self._ledger.read_on(self._position)
        if tail is None:
            with undisturbed():
                self._replay()
        else:
            for event in tail.events:
                apply(self.state, event)
            self._go_on_from(tail.position)
        return self

    def _replay(self) -> None:
        state, place = LedgerState(), self._ledger.place
        position = stream(self._ledger.files, place.directories, partial(apply, state))
        self._saved = None
        if position is not None:
            self.state = state
            self._go_on_from(position)
            return
        del state  # void, and it may be large
        reading = self._ledger.read()
        self.state = fold(reading.events)
        self._position = reading.position
        self._reading = reading if reading.position is None else None
        self.problems, self.newer = reading.problems, reading.newer

    def _go_on_from(self, position: Position) -> None:
        self._position, self._reading = position, None
        self.problems, self.newer = position.problems, position.newer

    @property
    def unpublished(self) -> int:
        """How many events stand in no published copy, and on no remote as far as the last sync has seen."""
        published = self._ledger.place.published
        if self._position is not None:
            synced = load(self._ledger.files, self._ledger.place.home).lines
            return self.state.events - self._position.elsewhere(synced)
        copies = () if published is None else (published,)
        return self.state.events - len(read(self._ledger.files, copies).events)

    def latest(self, now: datetime) -> str | None:
        """The greatest hybrid time of an event that is still followed."""
        if self._position is not None and self._position.last[0] <= hlc.horizon(now):
            return self._position.last[0] or None
        return (self._reading or self._ledger.read()).latest(now)

    def transact(self, decide: Callable[[LedgerState], Sequence[NewEvent] | Refusal]) -> tuple[Event, ...] | Refusal:
        """Decide on the state as it is under the lock, append, and go on to the state after that.

        Raises what ``Ledger.transact`` raises.
        """
        done = self._ledger.transact(self.refresh, lambda seen: decide(seen.state))
        if isinstance(done, tuple) and done:
            self.refresh()
        return done

    def save(self) -> None:
        """Keep what was worked out for the next command, if the disk lets us."""
        if self._position is not None and self.state.events:
            with undisturbed():
                accounts(self.state).total()
                checkpoint.save(self._path, self.state, self._position, self._saved)

    def _until(self, position: Position) -> Callable[[], LedgerState]:
        ledger = self._ledger  # not this replica, which holds the state that holds what is returned

        def replay() -> LedgerState:
            known = (event for event in ledger.read().events if (*event.order, event.id) <= position.last)
            state = fold(known)
            accounts(state).total()
            return state

        return replay
