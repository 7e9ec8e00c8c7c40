"""Documents and lines as Droid writes them: only fields that are used are decoded, each so that it spoils no other."""

from __future__ import annotations

from typing import Annotated, Final

import msgspec

from tallybook.agents.values import tolerant

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
    autonomy_mode: Raw = _ABSENT


class TokenUsage(msgspec.Struct, rename="camel", gc=False):
    """The session's own total, without those of its subagents."""

    input_tokens: Count | None = None
    output_tokens: Count | None = None
    cache_creation_tokens: Count | None = None
    cache_read_tokens: Count | None = None
    thinking_tokens: Count | None = None


class Block(msgspec.Struct, gc=False):
    """One content block."""

    type: str | None = None
    text: Raw = _ABSENT
    """Looked at for marks that the program puts in front, and never decoded."""
    id: object = None
    name: object = None
    namespace: object = None
    input: Raw = _ABSENT
    tool_use_id: object = None
    is_error: object = None


class Message(msgspec.Struct, rename="camel", gc=False):
    """A message, its text left out."""

    role: str | None = None
    content: list[Block] | str | None = None
    visibility: object = None
    hidden_from_user_views: object = None
    user_message_source: object = None
    model_id: object = None
    reasoning_effort: object = None
    interaction_mode: object = None
    openai_phase: object = None
    openai_reasoning_id: Raw = _ABSENT
    chat_completion_reasoning_content: Raw = _ABSENT

    @property
    def blocks(self) -> list[Block]:
        """What it consists of; none where its content is a text."""
        return self.content if isinstance(self.content, list) else []

    @property
    def has_thought(self) -> bool:
        """Whether the provider has told of thinking beside the content."""
        return any(
            bytes(told) != b"null" for told in (self.openai_reasoning_id, self.chat_completion_reasoning_content)
        )


class Record(msgspec.Struct, rename="camel", gc=False):
    """One line of the file beside it."""

    type: str
    timestamp: object = None
    cwd: Raw = _ABSENT
    parent: Raw = _ABSENT
    forked_at_message_id: Raw | msgspec.UnsetType = msgspec.UNSET
    calling_session_id: Raw = _ABSENT
    id: object = None
    turn_id: object = None
    reason: Raw = _ABSENT
    summary_kind: Raw = _ABSENT


class Line(Record, gc=False):
    """One line whose message may be wrong."""

    message: Raw = _ABSENT


class Whole(Record, gc=False):
    """One line with its message, as nearly all are."""

    message: Message | None = None


class Given(msgspec.Struct, gc=False):
    """What a tool was called with, as far as it has a name."""

    command: object = None
    subagent_type: object = None
    skill: object = None
    name: object = None


settings: Final = msgspec.json.Decoder(Settings).decode
token_usage: Final = msgspec.json.Decoder(TokenUsage | None).decode
whole: Final = msgspec.json.Decoder(Whole).decode
line: Final = tolerant(Line, "type")
message: Final = tolerant(Message, "role")
given: Final = msgspec.json.Decoder(Given).decode


def record(raw: bytes) -> Whole | Line:
    """One line, in one pass where nothing is wrong.

    Raises:
        msgspec.MsgspecError: it is no line; a ``ValueError`` or ``RecursionError`` too.

    """
    try:
        return whole(raw)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return line(raw)
