"""What a later read of the same file must know."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import msgspec

from tallybook.agents.codex.doings import Progress
from tallybook.agents.codex.facts import Counts
from tallybook.agents.codex.limits import Running, Seen
from tallybook.agents.codex.meter import Total
from tallybook.agents.surrogates import storable

if TYPE_CHECKING:
    from tallybook.agents.port import LogFile, OwnCounter

_THREAD_IN_NAME: Final = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"


class State(msgspec.Struct, array_like=True):
    """One file, read up to some line."""

    thread: str
    named: bool
    """Whether the file has told its thread, by its first line or by its name."""
    total: Counts | None = None
    call: str | None = None
    forwarding: bool = False
    """Waiting for the first count that ties a review to the thread that asked for it."""
    unsourced: bool = False
    """A main thread whose head names no fork source; an ancestor's head further down does."""
    at: int | None = None
    cwd: str | None = None
    provider: str | None = None
    window: int | None = None
    progress: Progress = msgspec.field(default_factory=Progress)
    limits: Seen = msgspec.field(default_factory=dict)
    counted: Total = msgspec.field(default_factory=Total)
    recorded: Total = msgspec.field(default_factory=Total)
    running: Running = msgspec.field(default_factory=Running)

    def counters(self) -> tuple[OwnCounter, ...]:
        """What the thread's own totals say by now."""
        return *self.counted.counters(self.thread, "thread"), *self.recorded.counters(self.thread, "record")


encode: Final = msgspec.msgpack.Encoder().encode
_decode: Final = msgspec.msgpack.Decoder(State).decode


def state_of(log: LogFile, state: bytes) -> State:
    """What was known where the last read ended; at the head of the file, what its name tells."""
    if state:
        return _decode(state)
    found = re.search(_THREAD_IN_NAME, log.key.rpartition("rollout-")[2])
    return State(found.group() if found else storable(log.key), named=found is not None)
