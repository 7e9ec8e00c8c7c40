"""A database as lines: blocks of rows in msgpack, and the state that tells which blocks have been read.

A block is the rows of one table whose numbers differ in the last six bits alone. Its sum moves with every row that
comes, goes or is written again, whichever way the clock went.
"""

from __future__ import annotations

from typing import Final

import msgspec

from tallybook.agents.opencode.parts import Part
from tallybook.agents.opencode.records import Record, Revert, Tokens

BITS: Final = 6
TABLES: Final = ("session", "message")


class SessionRow(msgspec.Struct, array_like=True, frozen=True, gc=False, tag="s"):
    """One session; what is no text, or no number, is None."""

    id: str | None
    parent: str | None
    directory: str | None
    version: str | None
    created: int | float | None
    """Milliseconds since the epoch, as all times here."""
    updated: int | float | None
    fork: bool
    revert: Revert | None = None
    used: tuple[int, ...] | None = None
    """What it says that it has used: input, output, reasoning, read from caches, written to them."""
    copied: tuple[Tokens, ...] = ()
    """Of answers that a fork has copied, where it says what it has used."""


class MessageRow(msgspec.Struct, array_like=True, frozen=True, gc=False, tag="m"):
    """One message, with what its session's row says."""

    id: str | None
    session: str | None
    known: bool
    """The session has a row."""
    born: int | float | None
    fork: bool
    told: Record | None
    """None where it is no JSON object."""
    parts: tuple[Part, ...] | None
    """None where this database keeps none."""
    sent: bool = False
    """Its session was sent by another one."""
    earlier: Record | None = None
    """The user's message before, of one of the user's."""
    asked: Record | None = None
    """The user's message that an answer answers, where a turn ends with it."""
    requested: bool = False
    """Of a summary: what it answers asks for one."""


class Block(msgspec.Struct, array_like=True, frozen=True, gc=False, tag="b"):
    """What follows, up to the next, are all rows of this block."""

    table: int
    number: int
    sum: int
    open: bool
    """It may change without a change of its sum, and is read again by the next run."""


class Rest(msgspec.Struct, array_like=True, frozen=True, tag="r"):
    """The last line."""

    schema: int
    run: int
    more: bool
    """Further blocks are new."""
    unknown: int
    """Answers that stand where this version does not count them."""
    blocks: tuple[tuple[int, ...], ...]
    """For each table the numbers of all blocks that there are."""


class Seen(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """One block that was read."""

    sum: int
    bad: int
    """Rows that can't be understood."""
    run: int | None
    """Of an open one, the run that read it."""


class State(msgspec.Struct, array_like=True, frozen=True):
    """How far a database was read."""

    schema: int = 0
    run: int = 0
    more: bool = False
    seen: tuple[dict[int, Seen], ...] = ({}, {})


encode: Final = msgspec.msgpack.Encoder().encode
decode: Final = msgspec.msgpack.Decoder(SessionRow | MessageRow | Block | Rest).decode
_state: Final = msgspec.msgpack.Decoder(State).decode


def state_of(raw: bytes) -> State:
    """The state that was left; a first one where none was, or none that can be understood."""
    try:
        state = _state(raw) if raw else State()
    except msgspec.MsgspecError:
        return State()
    return state if len(state.seen) == len(TABLES) else State()
