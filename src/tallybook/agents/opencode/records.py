"""Messages and sessions as OpenCode writes them: only fields that are used are decoded, each by itself."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Final, TypeVar

import msgspec

from tallybook.agents.documents import Torn, decoded

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")
Count = Annotated[int, msgspec.Meta(ge=0, le=10**12)]
Raw = msgspec.Raw
_ABSENT: Final = Raw(b"null")
_FAULTS: Final = (msgspec.MsgspecError, ValueError, RecursionError)
_FORK: Final = re.compile(r"\(fork #[0-9]+\)\s*$")
_LATEST: Final = 253_402_300_799_999_999


class Record(msgspec.Struct, gc=False):
    """A message or a session; a row of a database has its id, and that of its session, beside it."""

    id: Raw = _ABSENT
    session: Raw = msgspec.field(default=_ABSENT, name="sessionID")
    role: Raw = _ABSENT
    time: Raw = _ABSENT
    parent: Raw = msgspec.field(default=_ABSENT, name="parentID")
    model: Raw = msgspec.field(default=_ABSENT, name="modelID")
    provider: Raw = msgspec.field(default=_ABSENT, name="providerID")
    agent: Raw = _ABSENT
    variant: Raw = _ABSENT
    finish: Raw = _ABSENT
    error: Raw = _ABSENT
    path: Raw = _ABSENT
    tokens: Raw = _ABSENT
    directory: Raw = _ABSENT
    title: Raw = _ABSENT
    version: Raw = _ABSENT


class Time(msgspec.Struct, gc=False):
    """Milliseconds since the epoch."""

    created: Raw = _ABSENT
    completed: Raw = _ABSENT
    updated: Raw = _ABSENT


class Place(msgspec.Struct, gc=False):
    """``path``."""

    cwd: Raw = _ABSENT


class Cache(msgspec.Struct, gc=False):
    """``tokens.cache``."""

    read: Count | None = None
    write: Count | None = None


class Tokens(msgspec.Struct, gc=False):
    """``tokens``: input without what caches read or wrote, output without reasoning."""

    input: Count | None = None
    output: Count | None = None
    reasoning: Count | None = None
    cache: Cache | None = None
    total: Count | None = None


class Part(msgspec.Struct, gc=False):
    """One part of a message, its content left out."""

    type: str
    tokens: Raw = _ABSENT


record: Final = msgspec.json.Decoder(Record).decode
time: Final = msgspec.json.Decoder(Time).decode
place: Final = msgspec.json.Decoder(Place).decode
tokens: Final = msgspec.json.Decoder(Tokens | None).decode
part: Final = msgspec.json.Decoder(Part).decode
_text: Final = msgspec.json.Decoder(str).decode
_number: Final = msgspec.json.Decoder(int | float).decode


def whole(raw: bytes) -> Record | None:
    """The message of a row; None where it is no JSON object."""
    found = decoded(raw, record)
    return None if isinstance(found, Torn) else found


def readable(raw: bytes, decode: Callable[[bytes], T]) -> T | None:
    """What ``decode`` makes of a value; None where it is wrong."""
    try:
        return decode(raw)
    except _FAULTS:
        return None


def told(raw: Raw) -> bool:
    """Whether there is any value but null."""
    return bytes(raw) != b"null"


def text(raw: Raw) -> str | None:
    """A string that is not empty."""
    return readable(raw, _text) or None


def times(raw: Raw) -> tuple[int | None, int | None, int | None]:
    """When it was created, completed and last changed."""
    found = readable(raw, time) or Time()
    created, completed, updated = (
        instant(readable(one, _number)) for one in (found.created, found.completed, found.updated)
    )
    return created, completed, updated


def instant(milliseconds: object) -> int | None:
    """Microseconds since the epoch; None for what is no number, or no moment between 1970 and 9999."""
    if isinstance(milliseconds, bool) or not isinstance(milliseconds, int | float):
        return None
    try:
        at = int(milliseconds * 1000)
    except (ValueError, OverflowError):
        return None
    return at if 0 <= at <= _LATEST else None


def is_fork(title: str | None) -> bool:
    """Whether a title is one that OpenCode gives to forks."""
    return title is not None and _FORK.search(title) is not None
