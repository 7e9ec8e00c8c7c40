"""What is kept of a session: totals, ids and moments in msgpack, and no text; fields are only ever added at the end."""

from __future__ import annotations

from operator import ge
from typing import Final

import msgspec


class Totals(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """A session's running total; the first four do not overlap."""

    input: int = 0
    write: int = 0
    read: int = 0
    output: int = 0
    thinking: int = 0
    """Part of the output."""

    @property
    def parts(self) -> tuple[int, int, int, int]:
        """What makes up the total."""
        return self.input, self.write, self.read, self.output

    @property
    def sum(self) -> int:
        """All tokens."""
        return sum(self.parts)

    def covers(self, other: Totals) -> bool:
        """Whether no part has fallen since ``other``."""
        return all(map(ge, self.parts, other.parts))

    def since(self, other: Totals) -> Totals:
        """What was added to ``other``, which this covers."""
        given, write, read, output = (mine - theirs for mine, theirs in zip(self.parts, other.parts, strict=True))
        return Totals(given, write, read, output, max(self.thinking - other.thinking, 0))

    def within(self, other: Totals) -> Totals:
        """The least that both have."""
        given, write, read, output = map(min, self.parts, other.parts)
        return Totals(given, write, read, output, min(self.thinking, other.thinking))


class Snapshot(msgspec.Struct, array_like=True, frozen=True, gc=False, tag="s"):
    """A total as it stood in one version of the document."""

    session: str
    written: int | None
    """When that version was written: microseconds since the epoch, UTC."""
    locked: int | None
    """When the session's provider was settled; no later than the total."""
    model: str
    totals: Totals
    provider: str | None = None
    effort: str | None = None


class Message(msgspec.Struct, array_like=True, frozen=True, gc=False, tag="m"):
    """A message in the file beside the document."""

    session: str
    answers: bool
    """It is the model's."""


class Origin(msgspec.Struct, array_like=True, frozen=True, gc=False, tag="o"):
    """A session that goes on where a compaction of another one ended: its total began with that one's."""

    session: str
    origin: str


Fact = Snapshot | Message | Origin
encode: Final = msgspec.msgpack.Encoder().encode
decode: Final = msgspec.msgpack.Decoder(Fact).decode
