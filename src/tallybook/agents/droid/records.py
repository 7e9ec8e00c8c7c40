"""Documents and lines as Droid writes them: only fields that are used are decoded, each so that it spoils no other."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Final, TypeVar

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")
Count = Annotated[int, msgspec.Meta(ge=0, le=10**15)]
Raw = msgspec.Raw
_ABSENT: Final = Raw(b"null")
_FAULTS: Final = (msgspec.MsgspecError, ValueError, RecursionError)

KNOWN: Final = frozenset(
    {
        "agent_turn_outcome",
        "compaction_state",
        "message",
        "session_end",
        "session_start",
        "todo_state",
        "worker_completed",
    }
)


class Settings(msgspec.Struct, rename="camel", gc=False):
    """The document."""

    model: Raw = _ABSENT
    reasoning_effort: Raw = _ABSENT
    provider_lock: Raw = _ABSENT
    provider_lock_timestamp: Raw = _ABSENT
    token_usage: Raw = _ABSENT


class TokenUsage(msgspec.Struct, rename="camel", gc=False):
    """The session's own total, without those of its subagents."""

    input_tokens: Count | None = None
    output_tokens: Count | None = None
    cache_creation_tokens: Count | None = None
    cache_read_tokens: Count | None = None
    thinking_tokens: Count | None = None


class Record(msgspec.Struct, rename="camel", gc=False):
    """One line of the file beside it."""

    type: str
    timestamp: Raw = _ABSENT
    cwd: Raw = _ABSENT
    parent: Raw = _ABSENT
    forked_at_message_id: Raw | msgspec.UnsetType = msgspec.UNSET
    calling_session_id: Raw = _ABSENT
    message: Raw = _ABSENT


class Message(msgspec.Struct, gc=False):
    """Who wrote a message."""

    role: str | None = None


settings: Final = msgspec.json.Decoder(Settings).decode
token_usage: Final = msgspec.json.Decoder(TokenUsage | None).decode
record: Final = msgspec.json.Decoder(Record).decode
message: Final = msgspec.json.Decoder(Message).decode
_text: Final = msgspec.json.Decoder(str).decode
_moment: Final = msgspec.json.Decoder(int | float | str).decode
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_LATEST: Final = 253_402_300_799_999_999


def readable(raw: bytes, decode: Callable[[bytes], T]) -> T | None:
    """What ``decode`` makes of a value; None where it is wrong."""
    try:
        return decode(raw)
    except _FAULTS:
        return None


def text(raw: Raw) -> str | None:
    """A string that is not empty."""
    return readable(raw, _text) or None


def instant(raw: Raw) -> int | None:
    """Microseconds since the epoch of an ISO 8601 time or a number of milliseconds; None where it is neither.

    So is a time before 1970 or after 9999.
    """
    told = readable(raw, _moment)
    if told is None:
        return None
    try:
        at = _microseconds(told) if isinstance(told, str) else int(told * 1000)
    except (ValueError, OverflowError):
        return None
    return at if 0 <= at <= _LATEST else None


def _microseconds(told: str) -> int:
    time = datetime.fromisoformat(told)
    return ((time if time.tzinfo else time.replace(tzinfo=UTC)) - _EPOCH) // _MICROSECOND
