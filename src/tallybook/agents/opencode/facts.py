"""What is kept of a message: counts, ids and names in msgpack, and no text; fields are only ever added at the end."""

from __future__ import annotations

from enum import IntEnum
from typing import Final

import msgspec


class End(IntEnum):
    """How a message ended."""

    COMPLETE = 0
    BROKEN = 1
    """By an error, before its last step told what it used."""
    OPEN = 2
    """It is being written, or was left like that by a program that died."""


class Counts(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """Tokens as logged, None where nothing is; the parts do not overlap."""

    input: int | None = None
    read: int | None = None
    write: int | None = None
    output: int | None = None
    reasoning: int | None = None
    total: int | None = None
    """All five together, by the word of whoever served them."""

    @property
    def parts(self) -> tuple[int | None, ...]:
        """The five parts."""
        return self.input, self.read, self.write, self.output, self.reasoning

    @property
    def used(self) -> bool:
        """Whether anything is told to have been used."""
        return any(self.parts) or bool(self.total)

    @property
    def known(self) -> int:
        """How many parts are told."""
        return sum(part is not None for part in self.parts)


class Session(msgspec.Struct, array_like=True, frozen=True, gc=False, tag="s"):
    """One session, as far as the ownership of messages depends on it."""

    id: str
    born: int | None
    """Microseconds since the epoch, UTC."""
    fork: bool
    """It is called a fork."""


class Message(msgspec.Struct, array_like=True, frozen=True, gc=False, tag="m"):
    """One answer of the model; moments are microseconds since the epoch, UTC."""

    id: str
    home: Session
    """The session that holds it; without a birth where the log of the message does not tell it."""
    created: int | None
    completed: int | None
    model: str
    provider: str | None
    like: bytes
    """What all copies share from the first moment on, in short; no copy of another message has it but by chance."""
    print: bytes
    """What all copies of a whole message share, in short."""
    counts: Counts
    end: End
    stepped: bool
    """A step of it is told to have ended."""
    row: bool
    """It stands in a database."""
    turn: str | None
    """The prompt that it answers, in short."""
    effort: str | None


Fact = Session | Message
encode: Final = msgspec.msgpack.Encoder().encode
decode: Final = msgspec.msgpack.Decoder(Fact).decode
