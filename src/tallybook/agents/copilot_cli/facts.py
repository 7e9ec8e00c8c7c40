"""What is kept of a log: counts, ids and names in msgpack, and no text; fields are only ever added at the end."""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING, Final

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable


class Counts(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """Tokens as logged, None where nothing is; ``input`` has the caches within."""

    input: int | None = None
    read: int | None = None
    write: int | None = None
    output: int | None = None
    reasoning: int | None = None
    requests: int | None = None
    """Of how many responses this is the sum."""
    apart: bool = False
    """What is told beside it proves that ``input`` does not have the caches within."""

    @property
    def parts(self) -> tuple[int | None, ...]:
        """All numbers."""
        return self.input, self.read, self.write, self.output, self.reasoning, self.requests

    def joined(self, other: Counts, join: Callable[[int | None, int | None], int | None]) -> Counts:
        """``join`` of each number with that of another."""
        given, read, write, output, reasoning, requests = map(join, self.parts, other.parts)
        return Counts(given, read, write, output, reasoning, requests, self.apart)


class Sum(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """What one agent used of one model."""

    agent: str | None
    """A subagent; None for the session with all of them."""
    model: str
    counts: Counts


class Begin(msgspec.Struct, array_like=True, frozen=True, gc=False, tag="b"):
    """A process begins to work on a session."""

    id: str
    session: str
    born: int | None
    """When the session began, in microseconds since the epoch; None where it is resumed."""
    joined: bool = False
    """Another process is at work on it already."""
    continues: bool = False
    """It is of a build whose counters go on from where the process before it ended."""


class Answer(msgspec.Struct, array_like=True, frozen=True, gc=False, tag="a"):
    """A message of the model; several may be of one call."""

    id: str
    agent: str | None
    call: str | None
    """The id of the response."""
    model: str | None
    output: int | None
    calls: tuple[str, ...] = ()
    turn: str | None = None


class Receipt(msgspec.Struct, array_like=True, frozen=True, gc=False, tag="r"):
    """What one response used."""

    id: str
    agent: str | None
    origin: str | None
    """The session that was served; of a subagent, an id of its own."""
    sequence: int | None
    call: str | None
    model: str
    counts: Counts
    effort: str | None = None
    window: int | None = None
    provider: str | None = None


class Compaction(msgspec.Struct, array_like=True, frozen=True, gc=False, tag="c"):
    """What was used to sum up a conversation; no other count has it."""

    id: str
    agent: str | None
    model: str | None
    counts: Counts


class Snapshot(msgspec.Struct, array_like=True, frozen=True, gc=False, tag="s"):
    """What the counters of a process stand at."""

    id: str
    closing: bool
    """The process ends here."""
    receipted: bool
    """They have in them what the receipts before tell, of processes too that were killed."""
    sums: tuple[Sum, ...]


class Level(IntEnum):
    """What a piece of telemetry tells of; within one trace the best level counts, and no other."""

    CHAT = 0
    INFERENCE = 1
    TURN = 2
    SUMMARY = 3


class Span(msgspec.Struct, array_like=True, frozen=True, gc=False, tag="o"):
    """One piece of telemetry."""

    id: str
    level: Level
    session: str | None
    call: str | None
    models: tuple[str, ...]
    """The one that answered, then the one that was asked for."""
    counts: Counts


Fact = Begin | Answer | Receipt | Compaction | Snapshot | Span
encode: Final = msgspec.msgpack.Encoder().encode
decode: Final = msgspec.msgpack.Decoder(Fact).decode
