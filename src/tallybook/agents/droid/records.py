"""Documents and lines as Droid writes them: only fields that are used are decoded, each so that it spoils no other."""

from __future__ import annotations

from typing import Annotated, Final

import msgspec

Count = Annotated[int, msgspec.Meta(ge=0, le=10**15)]
Raw = msgspec.Raw
_ABSENT: Final = Raw(b"null")

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
