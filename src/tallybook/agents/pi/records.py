"""Entries as Pi and oh-my-pi write them: only fields that are used are decoded, and a wrong one spoils no other."""

from __future__ import annotations

from typing import Final

import msgspec

from tallybook.agents.pi.facts import Counts
from tallybook.agents.values import tolerant

Raw = msgspec.Raw
Number = int | float | None
_ABSENT: Final = Raw(b"null")
_MOST: Final = 10**12

SUMMARIES: Final = frozenset({"compaction", "branch_summary"})
"""Entries that may tell what it took to write a summary."""
SIDE_CALLS: Final = frozenset({"usage", "model_usage"})
"""Entries of calls that are no part of the conversation."""
TALK: Final = frozenset({"branch_summary", "compaction", "custom_message", "reset_boundary"})
"""Entries that are a part of the conversation, like messages."""
IN_TREE: Final = TALK | {
    "custom",
    "label",
    "mode_change",
    "model_change",
    "service_tier_change",
    "session_info",
    "session_init",
    "thinking_level_change",
    "ttsr_injection",
}
"""Entries that tell something that happened, or that others follow."""
KNOWN: Final = frozenset(
    {
        *SUMMARIES,
        *SIDE_CALLS,
        "context_edit",
        "credential_pin",
        "custom",
        "custom_message",
        "label",
        "message",
        "mode_change",
        "model_change",
        "reset_boundary",
        "service_tier_change",
        "session",
        "session_info",
        "session_init",
        "thinking_level_change",
        "title",
        "title_change",
        "ttsr_injection",
    }
)


class Block(msgspec.Struct, rename="camel", gc=False):
    """One content block, its text left out."""

    type: str | None = None
    id: str | None = None
    name: object = None
    arguments: Raw = _ABSENT
    text_signature: object = None


class PutIn(msgspec.Struct, rename="camel", gc=False):
    """What an extension puts in: a message, or an entry of its own."""

    content: list[Block] | str | None = None
    custom_type: object = None
    attribution: object = None
    details: Raw = _ABSENT

    @property
    def blocks(self) -> list[Block]:
        """What it consists of; none where its content is a text."""
        return self.content if isinstance(self.content, list) else []


class Message(PutIn, kw_only=True, gc=False):
    """The message of an entry."""

    role: str
    model: object = None
    provider: object = None
    response_model: object = None
    response_id: object = None
    usage: Raw = _ABSENT
    stop_reason: object = None
    timestamp: Raw = _ABSENT
    tool_call_id: object = None
    is_error: object = None
    error_status: Raw = _ABSENT
    ttft: Raw = _ABSENT
    synthetic: object = None
    exclude_from_context: object = None
    files: Raw = _ABSENT


class Entry(msgspec.Struct, rename="camel", gc=False):
    """One line."""

    type: str
    id: object = None
    parent_id: object = None
    timestamp: object = None
    cwd: Raw = _ABSENT
    parent_session: Raw = _ABSENT
    model: Raw = _ABSENT
    model_id: Raw = _ABSENT
    provider: Raw = _ABSENT
    usage: Raw = _ABSENT
    stop_reason: Raw = _ABSENT
    thinking_level: Raw = _ABSENT
    tokens_before: Raw = _ABSENT
    method: Raw = _ABSENT
    mode: Raw = _ABSENT
    role: Raw = _ABSENT


class Line(Entry, gc=False):
    """One line whose message may be wrong."""

    message: Raw = _ABSENT


class Whole(Entry, gc=False):
    """One line with its message, as nearly all are."""

    message: Message | None = None


class Given(msgspec.Struct, gc=False):
    """What a tool was called with, as far as it has a name."""

    command: object = None
    agent: object = None
    tasks: object = None


class Signature(msgspec.Struct, gc=False):
    """What the provider says of a text."""

    phase: object = None


class Details(msgspec.Struct, gc=False):
    """What belongs to a message that an extension has put in."""

    name: object = None


class Lives(msgspec.Struct, gc=False):
    """Cache writes by time to live, which add up to all of them (oh-my-pi)."""

    five_minutes: Number = msgspec.field(default=None, name="ephemeral5m")
    one_hour: Number = msgspec.field(default=None, name="ephemeral1h")


class Steering(msgspec.Struct, rename="camel", gc=False):
    """What the provider used beside the conversation (oh-my-pi)."""

    input: Number = None
    cache_read: Number = None
    output: Number = None


class Usage(msgspec.Struct, rename="camel", gc=False):
    """What an answer used; the four parts do not overlap."""

    input: Number = None
    output: Number = None
    cache_read: Number = None
    cache_write: Number = None
    total_tokens: Number = None
    cache_write_1h: Number = msgspec.field(default=None, name="cacheWrite1h")
    reasoning: Number = None
    reasoning_tokens: Number = None
    cttl: Lives | None = None
    orchestration: Steering | None = None

    def counts(self) -> Counts:
        """The counts that are told; what is no count is not told."""
        lives, beside = self.cttl or Lives(), self.orchestration or Steering()
        reasoning = _count(self.reasoning)
        one_hour = _count(self.cache_write_1h)
        return Counts(
            _plus(_count(self.input), _count(beside.input)),
            _plus(_count(self.cache_read), _count(beside.cache_read)),
            _count(self.cache_write),
            _plus(_count(self.output), _count(beside.output)),
            _count(self.total_tokens),
            _count(lives.five_minutes),
            _count(lives.one_hour) if one_hour is None else one_hour,
            _count(self.reasoning_tokens) if reasoning is None else reasoning,
        )


whole: Final = msgspec.json.Decoder(Whole).decode
line: Final = tolerant(Line, "type")
message: Final = tolerant(Message, "role")
put_in: Final = tolerant(PutIn)
usage: Final = msgspec.json.Decoder(Usage | None).decode
given: Final = msgspec.json.Decoder(Given).decode
signature: Final = msgspec.json.Decoder(Signature).decode
details: Final = msgspec.json.Decoder(Details).decode
many: Final = msgspec.json.Decoder(list[Raw]).decode
count: Final = msgspec.json.Decoder(int).decode
number: Final = msgspec.json.Decoder(int | float).decode


def _count(number: Number) -> int | None:
    if number is None or not 0 <= number <= _MOST or number != int(number):
        return None
    return int(number)


def _plus(part: int | None, more: int | None) -> int | None:
    return part if more is None else (part or 0) + more


def entry(raw: bytes) -> Whole | Line:
    """One line, in one pass where nothing is wrong.

    Raises:
        msgspec.MsgspecError: it is no line; a ``ValueError`` or ``RecursionError`` too.

    """
    try:
        return whole(raw)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return line(raw)
