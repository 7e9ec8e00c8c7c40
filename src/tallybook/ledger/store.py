"""The ledger as the rest of the program sees it: read it, or decide on what was read and append under one lock.

An event is acknowledged only when it is on the medium, and nothing is acknowledged that could not be read again.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeVar

import msgspec

from tallybook.clock import Clock, Ids, timestamp, uuid7
from tallybook.domain.events import Event, NewEvent
from tallybook.domain.problems import Refusal
from tallybook.ledger import hlc, identity
from tallybook.ledger.append import append
from tallybook.ledger.codec import Decoded, decode, encode
from tallybook.ledger.errors import AppendFailedError, LedgerError
from tallybook.ledger.file import OS_FILES, FileSystem, make_directories
from tallybook.ledger.line import Envelope, Fault, UnwritableEventError, build
from tallybook.ledger.reading import Reading, Tail, read, read_on
from tallybook.ledger.scan import SUFFIX
from tallybook.ledger.setback import is_set_back
from tallybook.ledger.writer import Head, renew, take_up

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from tallybook.ledger.position import Position


class LedgerPlace(msgspec.Struct, frozen=True):
    """Where a ledger is."""

    home: Path
    """Directory of the writers' files."""
    published: Path | None
    """A published copy in the work tree, only ever read."""
    identity: Path
    """Its place and inode tell this clone from others: the git common directory, outside of git the home itself."""

    @property
    def directories(self) -> tuple[Path, ...]:
        """All that hold files of the ledger, the home first."""
        return (self.home,) if self.published is None else (self.home, self.published)


class Seen(Protocol):
    """What was seen of a ledger."""

    def latest(self, now: datetime) -> str | None:
        """The greatest hybrid time of an event that is still followed."""
        ...


T = TypeVar("T", bound=Seen)


class Ledger(msgspec.Struct, frozen=True):
    """One ledger on disk, for any number of processes at once."""

    place: LedgerPlace
    clock: Clock
    ids: Ids
    files: FileSystem = OS_FILES
    lock_timeout: float = 10.0
    """Seconds."""

    def read(self) -> Reading:
        """All events that can be read, without a lock; never raises for what the files hold."""
        return read(self.files, self.place.directories)

    def read_on(self, before: Position) -> Tail | None:
        """What stands behind a position; None where everything has to be read anew."""
        return read_on(self.files, self.place.directories, before)

    def writers(self) -> identity.Writers:
        """The writer ids of this clone: the current one and those before it."""
        return identity.survey(self.files, self.place.home, self.place.identity)

    def transact(
        self, look: Callable[[], T], decide: Callable[[T], Sequence[NewEvent] | Refusal]
    ) -> tuple[Event, ...] | Refusal:
        """Look and decide under the lock, append what was decided as one batch; an empty one writes nothing.

        Raises:
            LockTimeoutError: another process kept the lock.
            AppendFailedError: nothing is acknowledged.
            LedgerError: the ledger can't be made or locked.
            UnwritableEventError: a decided event fits no line; nothing was written.
        """
        try:
            make_directories(self.files, self.place.home)
        except OSError as error:
            deed = "the ledger directory can't be made"
            raise LedgerError.wrap(deed, self.place.home, error) from error
        from tallybook.ledger.lock import held  # noqa: PLC0415 - what only reads needs no lock, and starts sooner

        with held(self.place.home, self.lock_timeout):
            seen = look()
            decided = decide(seen)
            if isinstance(decided, Refusal):
                return decided
            return self._append(decided, seen) if decided else ()

    def _append(self, decided: Sequence[NewEvent], seen: Seen) -> tuple[Event, ...]:
        home = self.place.home
        try:
            head = take_up(self.files, home, self.place.identity, self.ids)
            if is_set_back(self.files, self.place.published, head.state):
                head = renew(self.files, home, self.place.identity, self.ids)
        except OSError as error:
            deed = "the events were not acknowledged: this clone's writer can't be set up"
            raise AppendFailedError.wrap(deed, _place(error, home), error) from error
        now = self.clock.now()
        batch = _Batch(head, seen.latest(now), now)
        for new in decided:
            batch.add(new, uuid7(now, self.ids))
        start = append(self.files, home / (head.state.writer + SUFFIX), batch.data, settled=head.settled)
        # A state that lags behind its file is brought up from it the next time.
        with suppress(OSError):
            identity.save(self.files, home, batch.state(start))
        return tuple(batch.events)


def _place(error: OSError, home: Path) -> Path:
    """Which file it was, where the system says so."""
    return Path(error.filename) if isinstance(error.filename, str) else home


class _Batch:
    """Lines that go into the ledger together, each chained to the one before."""

    def __init__(self, head: Head, seen: str | None, now: datetime) -> None:
        self._head = head
        self._seen = seen
        self._now = now
        self._lines: list[bytes] = []
        self.events: list[Event] = []

    def add(self, new: NewEvent, event_id: str) -> None:
        state = self._head.state
        time = hlc.tick(self._head.hlc, self._seen, self._now)
        event = Event(event_id, state.writer, state.seq + 1, timestamp(self._now), time, new.goal, new.body)
        envelope = Envelope(event.id, event.writer, event.seq, state.hash, event.at, event.hlc, event.type, event.goal)
        line, raw = build(envelope, encode(new.body))
        found = decode(raw)
        if not isinstance(found, Decoded) or found.event != event:
            reason = found.message if isinstance(found, Fault) else "it would be read as another event"
            message = f"an event of type {event.type} can't be written: {reason}"
            raise UnwritableEventError(message)
        self._lines.append(line)
        self.events.append(event)
        self._head = Head(state._replace(seq=event.seq, hash=raw.digest), time)

    @property
    def data(self) -> bytes:
        return b"".join(line + b"\n" for line in self._lines)

    def state(self, start: int) -> identity.State:
        """The writer's state when the batch lies at offset ``start``."""
        return self._head.state._replace(start=start + len(self.data) - len(self._lines[-1]) - 1)
