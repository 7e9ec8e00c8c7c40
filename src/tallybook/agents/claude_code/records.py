"""Records of Claude Code's logs: only fields that are used are decoded, and a count is never out of range."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated, Final

import msgspec

Count = Annotated[int, msgspec.Meta(ge=0, le=2**53)]

SYNTHETIC: Final = "<synthetic>"

THREADED: Final = frozenset({"user", "assistant", "attachment", "system", "progress"})
KNOWN: Final = THREADED | {
    "agent-name",
    "ai-title",
    "api-request",
    "api-request-blob",
    "api-request-shape",
    "atis-latch",
    "bridge-session",
    "cost-state",
    "custom-title",
    "file-history-delta",
    "file-history-snapshot",
    "frame-link",
    "last-prompt",
    "launched",
    "mode",
    "permission-mode",
    "pr-link",
    "queue-operation",
    "relocated",
    "result",
    "started",
    "summary",
    "tools-used",
    "worktree-state",
}


class CacheCreation(msgspec.Struct, gc=False):
    """Cache writes by time to live."""

    five_minutes: Count | None = msgspec.field(default=None, name="ephemeral_5m_input_tokens")
    one_hour: Count | None = msgspec.field(default=None, name="ephemeral_1h_input_tokens")


class OutputDetails(msgspec.Struct, gc=False):
    """What the output consists of."""

    thinking_tokens: Count | None = None


class Counts(msgspec.Struct, gc=False):
    """Tokens as logged; null and absent are alike."""

    input_tokens: Count | None = None
    cache_creation_input_tokens: Count | None = None
    cache_read_input_tokens: Count | None = None
    cache_creation: CacheCreation | None = None
    output_tokens: Count | None = None
    output_tokens_details: OutputDetails | None = None


class Iteration(Counts, gc=False):
    """One model call inside a response."""

    type: object = None
    model: object = None


class Usage(Counts, gc=False):
    """``message.usage``."""

    service_tier: object = None
    speed: object = None
    iterations: tuple[Iteration, ...] | None = None


class Block(msgspec.Struct, gc=False):
    """One content block, its content left out."""

    type: object = None
    id: object = None


class Message(msgspec.Struct, gc=False):
    """``message`` of an assistant record."""

    id: str | None = None
    model: object = None
    content: list[Block] | str | None = None
    stop_reason: object = None
    stop_details: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    usage: Usage | None = None


class ForkedFrom(msgspec.Struct, gc=False):
    """Where ``/branch`` copied a record from."""

    session: str | None = msgspec.field(default=None, name="sessionId")


class Record(msgspec.Struct, gc=False):
    """The envelope of any record."""

    type: str
    uuid: str | None = None
    parent: str | None = msgspec.field(default=None, name="parentUuid")
    timestamp: object = None
    session: str | None = msgspec.field(default=None, name="sessionId")
    ancestor: str | None = msgspec.field(default=None, name="session_id")
    request_session: str | None = msgspec.field(default=None, name="requestSessionId")
    forked_from: ForkedFrom | None = msgspec.field(default=None, name="forkedFrom")
    request: str | None = msgspec.field(default=None, name="requestId")
    agent: str | None = msgspec.field(default=None, name="agentId")
    sidechain: bool | None = msgspec.field(default=None, name="isSidechain")
    aborted: object = msgspec.field(default=None, name="isAbortedMidStream")
    block: object = msgspec.field(default=None, name="apiBlockIndex")
    advisor: object = msgspec.field(default=None, name="advisorModel")
    cwd: object = None
    version: object = None

    @property
    def origin(self) -> str | None:
        """The session that the record says it was copied from (2.1.330 names it ``requestSessionId``)."""
        named = (self.forked_from.session if self.forked_from else None) or self.request_session
        return named if named != self.session else None


class Answer(Record, kw_only=True, gc=False):
    """An assistant record."""

    message: Message


_RECORD: Final = msgspec.json.Decoder(Record)
_ANSWER: Final = msgspec.json.Decoder(Answer)
_MALFORMED: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)

# Members in front of the type: scalars only, so that what is found is the record's own type.
_HEAD: Final = re.compile(
    rb'\{(?:"(?!type")[A-Za-z_]++":(?:"[^"\\]*+"|null|true|false|-?[0-9]++),)*+(?:"type":"([a-z-]++)"|"attachment":\{)'
)
_ASSISTANT: Final = b'"assistant"'
_ON_MAIN: Final = b'"isSidechain":false'


def plain_kind(raw: bytes, *, in_agent_file: bool) -> str | None:
    """The type of a line that holds neither usage nor a link of a sidechain; None where that takes decoding."""
    head = _HEAD.match(raw)
    if head is None or not raw.endswith(b"}"):
        return None
    kind = head[1].decode() if head[1] else "attachment"
    if kind == "assistant":
        return None
    if kind in THREADED and not in_agent_file and _ON_MAIN not in head[0]:
        return None
    return kind


def decode(raw: bytes) -> Record | None:
    """One record, an ``Answer`` if it is the assistant's; None where the line is malformed."""
    try:
        if _ASSISTANT in raw:
            try:
                answer = _ANSWER.decode(raw)
            except msgspec.ValidationError:
                pass  # another type of record that mentions the word, or an answer of a wrong shape
            else:
                if answer.type == "assistant":
                    return answer
        record = _RECORD.decode(raw)
    except _MALFORMED:
        return None
    return None if record.type == "assistant" else record


def tool_calls(message: Message) -> tuple[str, ...]:
    """Ids of the tool calls in the blocks of one row."""
    if not isinstance(message.content, list):
        return ()
    return tuple(block.id for block in message.content if block.type == "tool_use" and isinstance(block.id, str))


_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


def instant(timestamp: object) -> int | None:
    """Microseconds since the epoch of an ISO 8601 time; None where it is unreadable."""
    if not isinstance(timestamp, str):
        return None
    try:
        time = datetime.fromisoformat(timestamp)
    except ValueError:
        return None
    return ((time if time.tzinfo else time.replace(tzinfo=UTC)) - _EPOCH) // _MICROSECOND
