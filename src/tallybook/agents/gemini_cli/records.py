"""Chats as Gemini CLI writes them: only fields that are used are decoded, each so that a wrong one spoils no other."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Final, TypeVar

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")
Count = Annotated[int, msgspec.Meta(ge=0, le=10**12)]
Raw = msgspec.Raw
ABSENT: Final = Raw(b"")
NULL: Final = Raw(b"null")
_FAULTS: Final = (msgspec.MsgspecError, ValueError, RecursionError)


class Record(msgspec.Struct, rename="camel", gc=False):
    """A line, a document, a patch or a message: all fields that any of them has."""

    id: Raw = ABSENT
    type: Raw = ABSENT
    timestamp: Raw = ABSENT
    model: Raw = ABSENT
    tokens: Raw = ABSENT
    tool_calls: Raw = ABSENT
    session_id: Raw = ABSENT
    project_hash: Raw = ABSENT
    start_time: Raw = ABSENT
    last_updated: Raw = ABSENT
    kind: Raw = ABSENT
    directories: Raw = ABSENT
    messages: Raw = ABSENT
    patch: Raw = msgspec.field(default=ABSENT, name="$set")
    rewound: Raw = msgspec.field(default=ABSENT, name="$rewindTo")


class Tokens(msgspec.Struct, gc=False):
    """What one answer used."""

    input: Count | None = None
    cached: Count | None = None
    output: Count | None = None
    thoughts: Count | None = None
    tool: Count | None = None
    total: Count | None = None


class ToolCall(msgspec.Struct, gc=False):
    """One tool call of an answer."""

    id: Raw = ABSENT
    timestamp: Raw = ABSENT
    """When it was noted, together with all others of its answer."""


record: Final = msgspec.json.Decoder(Record).decode
listed: Final = msgspec.json.Decoder(list[Raw]).decode
tokens: Final = msgspec.json.Decoder(Tokens).decode
tool_calls: Final = msgspec.json.Decoder(list[ToolCall]).decode
texts: Final = msgspec.json.Decoder(list[str]).decode
_text: Final = msgspec.json.Decoder(str).decode
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


def readable(raw: bytes, decode: Callable[[bytes], T]) -> T | None:
    """What ``decode`` makes of a value; None where it is wrong or absent."""
    try:
        return decode(raw)
    except _FAULTS:
        return None


def text(raw: Raw) -> str | None:
    """A string that is not empty."""
    return readable(raw, _text) or None


def instant(raw: Raw) -> int | None:
    """Microseconds since the epoch of an ISO 8601 time from 1970 on; None where it is none."""
    told = text(raw)
    try:
        time = datetime.fromisoformat(told or "")
        at = ((time if time.tzinfo else time.replace(tzinfo=UTC)) - _EPOCH) // _MICROSECOND
    except (ValueError, OverflowError):
        return None
    return at if at >= 0 else None
