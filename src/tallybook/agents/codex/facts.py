"""Facts as they are kept: counts, ids and names alone, in short arrays whose first member tells the kind."""

# Annotations are objects here: where they are text, each of them is compiled before the first line can be decoded.

from collections.abc import Callable
from typing import Final, TypeAlias

import msgspec

Counts: TypeAlias = tuple[int, int, int, int, int]
"""Input (all of it), cached input, cache write, output, reasoning: as logged, so the parts overlap."""

NONE: Final[Counts] = (0, 0, 0, 0, 0)


def consistent(usage: Counts) -> bool:
    """Whether the cached part of the input fits into it."""
    return usage[0] >= usage[1] + usage[2]


class Fact(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """What every fact holds."""

    ordinal: int
    """Place in a paginated history; -1 where the line has none."""


class Meta(Fact, tag="m", frozen=True, gc=False):
    """A ``session_meta``: the first of a file names its thread, later ones are ancestors' copied by a fork."""

    thread: str
    forked_from: str | None
    parent: str | None
    first_own: int | None
    """``subagent_history_start_ordinal``."""
    based: bool
    """The history is a reference to an ancestor's file: nothing was copied."""
    born: int | None


class Turn(Fact, tag="t", frozen=True, gc=False):
    """A turn began."""

    turn: str | None
    started: int | None
    """Seconds since the epoch."""


class Context(Fact, tag="c", frozen=True, gc=False):
    """What a turn runs with."""

    turn: str | None
    model: str | None
    effort: str | None = None
    cwd: str | None = None
    """Where it differs from the thread's."""


class Settings(Fact, tag="s", frozen=True, gc=False):
    """The thread's settings from here on."""

    thread: str | None
    model: str | None
    tier: str | None
    effort: str | None = None
    provider: str | None = None
    """Where it differs from the thread's."""


class Window(Fact, tag="w", frozen=True, gc=False):
    """The size of the context from here on."""

    size: int


class Search(Fact, tag="q", frozen=True, gc=False):
    """A search of the web, made by the provider."""


class Count(Fact, tag="n", frozen=True, gc=False):
    """A ``token_count`` with a running total."""

    total: Counts
    last: Counts | None


class Record(Fact, tag="r", frozen=True, gc=False):
    """A ``token_usage_record``: the exact usage of one response."""

    thread: str
    turn: str | None
    response: str
    usage: Counts


class Call(Fact, tag="k", frozen=True, gc=False):
    """A tool call."""

    call: str


class Stop(Fact, tag="x", frozen=True, gc=False):
    """A turn ended, finished or not."""


class Compacted(Fact, tag="z", frozen=True, gc=False):
    """The history was replaced by a summary."""


class Review(Fact, tag="v", frozen=True, gc=False):
    """Review mode was entered or left."""

    entered: bool


AnyFact: TypeAlias = (
    Meta | Turn | Context | Settings | Window | Search | Count | Record | Call | Stop | Compacted | Review
)

_ENCODER: Final = msgspec.msgpack.Encoder()
_DECODER: Final[msgspec.msgpack.Decoder[AnyFact]] = msgspec.msgpack.Decoder(AnyFact)


encode: Final[Callable[[AnyFact], bytes]] = _ENCODER.encode
"""The fact as it is stored."""
decode: Final[Callable[[bytes], AnyFact]] = _DECODER.decode
"""The fact that ``encode`` stored."""
