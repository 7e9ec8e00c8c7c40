"""What is kept of a thread: counts, ids and names in msgpack, and no text; fields are only ever added at the end."""

from __future__ import annotations

from enum import IntEnum
from typing import Final

import msgspec


class End(IntEnum):
    """How a message ended."""

    COMPLETE = 0
    BROKEN = 1
    OPEN = 2
    """It is being written: a later version replaces what it tells."""


class Counts(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """Tokens as logged, None where nothing is; the parts do not overlap."""

    input: int | None = None
    read: int | None = None
    write: int | None = None
    output: int | None = None
    inputs: int | None = None
    """Input, read and write together."""
    total: int | None = None
    """All four together."""

    @property
    def parts(self) -> tuple[int | None, int | None, int | None, int | None]:
        """The four parts."""
        return self.input, self.read, self.write, self.output

    @property
    def told(self) -> tuple[int | None, ...]:
        """All that is told, for names that outlive this class."""
        return *self.parts, self.inputs, self.total

    @property
    def used(self) -> tuple[int, int] | None:
        """Input and output, by which two answers are told apart; None where one of them is not told."""
        return None if self.input is None or self.output is None else (self.input, self.output)

    @property
    def known(self) -> int:
        """How many parts are told."""
        return sum(part is not None for part in self.parts)


class Told(msgspec.Struct, array_like=True, frozen=True, gc=False, tag="t"):
    """A thread that tells usage itself."""

    thread: str


class Message(msgspec.Struct, array_like=True, frozen=True, gc=False, tag="m"):
    """One answer of the model."""

    thread: str
    born: int | None
    inherited: bool
    """Copied from the thread that this one was forked from."""
    origin: str | None
    """The thread that this one was forked from."""
    number: str
    """Its id within the thread; empty where it has none."""
    model: str
    counts: Counts
    end: End
    calls: tuple[str, ...]
    window: int | None = None
    """How much input the model takes."""

    @property
    def home(self) -> str:
        """The thread that it was served in, as far as this one knows."""
        return self.origin if self.inherited and self.origin else self.thread


class Event(msgspec.Struct, array_like=True, frozen=True, gc=False, tag="e"):
    """One event of the ledger."""

    thread: str
    born: int | None
    inherited: bool
    origin: str | None
    id: str
    """Empty where it has none."""
    answers: str | None
    """Number of the message that it tells of; None for all that is no inference of the thread."""
    subagent: str | None
    model: str
    counts: Counts

    @property
    def home(self) -> str:
        """The thread that it was served in, as far as this one knows."""
        return self.origin if self.inherited and self.origin else self.thread


Fact = Told | Message | Event
encode: Final = msgspec.msgpack.Encoder().encode
decode: Final = msgspec.msgpack.Decoder(Fact).decode
