"""What is kept of a session's file: counts, ids and names in msgpack, and no text; fields are only added at the end."""

from __future__ import annotations

from typing import Final

import msgspec


class Counts(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """Tokens as logged, None where nothing is."""

    input: int | None = None
    read: int | None = None
    write: int | None = None
    output: int | None = None
    total: int | None = None
    write_5m: int | None = None
    """Part of ``write``."""
    write_1h: int | None = None
    """Part of ``write``."""
    reasoning: int | None = None
    """Part of ``output``."""

    @property
    def parts(self) -> tuple[int | None, int | None, int | None, int | None]:
        """The four parts that do not overlap."""
        return self.input, self.read, self.write, self.output

    @property
    def sum(self) -> int:
        """Of the parts that are told."""
        return sum(part or 0 for part in self.parts)


class Head(msgspec.Struct, array_like=True, frozen=True, gc=False, tag="h"):
    """The head of a session's file."""

    session: str
    group: str
    """Of the file itself, which another session may name as its parent."""
    born: int | None
    parent: str | None = None
    """Group of the head of the session that this one was forked from."""
    parent_session: str | None = None
    """The id of that session, where its name holds it."""
    parent_born: int | None = None


class Answer(msgspec.Struct, array_like=True, frozen=True, gc=False, tag="a"):
    """One answer of a model."""

    session: str
    """The session whose file this is."""
    forked: bool
    """That session has a parent."""
    born: int | None
    """When that session was born."""
    entry: str
    """The entry's id within its tree; empty where it has none."""
    response: str
    """The provider's id of the answer; empty where none is told."""
    model: str
    provider: str | None
    effort: str | None
    counts: Counts
    broken: bool
    calls: tuple[str, ...] = ()


Fact = Head | Answer
encode: Final = msgspec.msgpack.Encoder().encode
decode: Final = msgspec.msgpack.Decoder(Fact).decode
