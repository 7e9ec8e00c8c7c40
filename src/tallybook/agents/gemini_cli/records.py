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
APART: Final = 20_000
"""Calls of one answer are noted at one moment; those of the next can't be within so many microseconds."""
_ANSWERING: Final = b'[{"functionResponse":'
_SILENT: Final = (ABSENT, NULL, Raw(b'""'), Raw(b"[]"))
_FAULTS: Final = (msgspec.MsgspecError, ValueError, RecursionError)


class Record(msgspec.Struct, rename="camel", gc=False):
    """A line, a document, a patch or a message: all fields that any of them has."""

    id: Raw = ABSENT
    type: Raw = ABSENT
    timestamp: Raw = ABSENT
    model: Raw = ABSENT
    tokens: Raw = ABSENT
    tool_calls: Raw = ABSENT
    content: Raw = ABSENT
    thoughts: Raw = ABSENT
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
    name: Raw = ABSENT
    args: Raw = ABSENT
    status: Raw = ABSENT
    result: Raw = ABSENT
    agent: Raw = msgspec.field(default=ABSENT, name="agentId")


class Part(msgspec.Struct, rename="camel", gc=False):
    """One part of a message."""

    text: str | None = None
    function_response: Raw = ABSENT
    inline_data: Raw = ABSENT
    file_data: Raw = ABSENT

    @property
    def answered(self) -> bool:
        """It is the result of a tool."""
        return bool(self.function_response)

    @property
    def attached(self) -> bool:
        """It is a picture or a file."""
        return bool(self.inline_data or self.file_data)


class Attached(msgspec.Struct, rename="camel", gc=False):
    """What a picture or a file is."""

    mime_type: str = ""


class Result(msgspec.Struct, gc=False):
    """What a tool gave back."""

    output: object = None
    error: object = None


class Answered(msgspec.Struct, gc=False):
    """``functionResponse``."""

    response: Result = msgspec.field(default_factory=Result)


class Returned(msgspec.Struct, rename="camel", gc=False):
    """One part of a result."""

    function_response: Answered | None = None


class Given(msgspec.Struct, gc=False):
    """What a tool was called with, as far as it has a name."""

    command: object = None
    name: object = None
    agent_name: object = None


record: Final = msgspec.json.Decoder(Record).decode
listed: Final = msgspec.json.Decoder(list[Raw]).decode
tokens: Final = msgspec.json.Decoder(Tokens).decode
tool_calls: Final = msgspec.json.Decoder(list[ToolCall]).decode
given: Final = msgspec.json.Decoder(Given).decode
_parts: Final = msgspec.json.Decoder(list[Part]).decode
_returned: Final = msgspec.json.Decoder(list[Returned]).decode
_attached: Final = msgspec.json.Decoder(Attached).decode
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
    return None if raw == ABSENT else readable(raw, _text) or None  # most values are not there at all


def is_wrong(raw: Raw) -> bool:
    """Whether something stands where a string belongs, and is none."""
    return raw not in (ABSENT, NULL) and readable(raw, _text) is None


def is_loud(raw: Raw) -> bool:
    """Whether a text or a list has anything in it."""
    return raw not in _SILENT


def is_answering(raw: Raw) -> bool:
    """Whether a message begins with the result of a tool, as the agent writes it; there are very many."""
    return bytes(memoryview(raw)[: len(_ANSWERING)]) == _ANSWERING


def parts_of(raw: Raw) -> list[Part]:
    """The parts of a message, which may be one text alone; none where they are wrong."""
    if bytes(memoryview(raw)[:1]) == b'"':
        told = text(raw)
        return [] if told is None else [Part(told)]
    return readable(raw, _parts) or []


def mime_of(part: Part) -> str:
    """The type of a picture or a file."""
    told = readable(part.inline_data or part.file_data, _attached)
    return told.mime_type if told else ""


def result_of(raw: Raw) -> Result:
    """What a tool gave back, as far as it is text."""
    found = readable(raw, _returned) or []
    return next((one.function_response.response for one in found if one.function_response), Result())


def compact(raw: bytes) -> bytes:
    """A value without the space around its parts."""
    return msgspec.json.format(raw, indent=-1)


def instant(raw: Raw) -> int | None:
    """Microseconds since the epoch of an ISO 8601 time from 1970 on; None where it is none."""
    told = text(raw)
    try:
        time = datetime.fromisoformat(told or "")
        at = ((time if time.tzinfo else time.replace(tzinfo=UTC)) - _EPOCH) // _MICROSECOND
    except (ValueError, OverflowError):
        return None
    return at if at >= 0 else None
