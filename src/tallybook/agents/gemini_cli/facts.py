"""What is kept of a chat: counts, ids and names in msgpack, and no text; fields are only ever added at the end."""

from __future__ import annotations

from typing import Final

import msgspec


class Counts(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """Tokens as logged, None where nothing is; only ``cached`` lies within another."""

    input: int | None = None
    """With ``cached``, without ``tool``."""
    cached: int | None = None
    output: int | None = None
    """Without ``thoughts``."""
    thoughts: int | None = None
    tool: int | None = None
    """What tools of the model's server put into its input."""
    total: int | None = None

    @property
    def parts(self) -> tuple[int | None, ...]:
        """What makes up the total."""
        return self.input, self.output, self.thoughts, self.tool

    @property
    def sum(self) -> int:
        """All parts that are told."""
        return sum(part or 0 for part in self.parts)


class Answer(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """One telling of one answer of the model."""

    session: str
    born: int | None
    """When the session began, by the same log; what is older was copied into it. Microseconds since the epoch, UTC."""
    unique: bool
    """Whether nothing else in the world has its id."""
    model: str
    counts: Counts | None
    """None where the agent itself was told nothing."""
    calls: tuple[str, ...] = ()
    joined: bool = False
    """It has the tool calls of later answers too, whose usage was dropped."""


encode: Final = msgspec.msgpack.Encoder().encode
decode: Final = msgspec.msgpack.Decoder(Answer).decode
