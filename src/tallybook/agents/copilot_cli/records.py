"""Lines as Copilot CLI writes them: only fields that are used are decoded, each so that a wrong one spoils no other."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Final, TypeVar

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")
Count = Annotated[int, msgspec.Meta(ge=0, le=10**12)]
Raw = msgspec.Raw
_ABSENT: Final = Raw(b"null")
_FAULTS: Final = (msgspec.MsgspecError, ValueError, RecursionError)


class Line(msgspec.Struct, gc=False):
    """One line: an event of a session, or a piece of telemetry."""

    type: str
    id: Raw = _ABSENT
    timestamp: Raw = _ABSENT
    agent: Raw = msgspec.field(default=_ABSENT, name="agentId")
    data: Raw = _ABSENT
    trace: Raw = msgspec.field(default=_ABSENT, name="traceId")


class Place(msgspec.Struct, rename="camel", gc=False):
    """Where a session works."""

    cwd: Raw = _ABSENT
    branch: Raw = _ABSENT
    head_commit: Raw = _ABSENT


class Start(msgspec.Struct, rename="camel", gc=False):
    """``session.start`` and ``session.resume``."""

    session_id: Raw = _ABSENT
    start_time: Raw = _ABSENT
    copilot_version: Raw = _ABSENT
    selected_model: Raw = _ABSENT
    context: Raw = _ABSENT
    parent: Raw = msgspec.field(default=_ABSENT, name="detachedFromSpawningParentSessionId")
    already_in_use: Raw = _ABSENT
    session_was_active: Raw = _ABSENT
    session_limits: Raw | msgspec.UnsetType = msgspec.UNSET


class ModelChange(msgspec.Struct, rename="camel", gc=False):
    """``session.model_change``."""

    new_model: Raw = _ABSENT


class Request(msgspec.Struct, rename="camel", gc=False):
    """One tool call that a message asks for, its arguments left out."""

    tool_call_id: str | None = None


class Message(msgspec.Struct, rename="camel", gc=False):
    """``assistant.message``."""

    message_id: Raw = _ABSENT
    model: Raw = _ABSENT
    output_tokens: Count | None = None
    api_call_id: Raw = _ABSENT
    interaction_id: Raw = _ABSENT
    tool_requests: Raw = _ABSENT


class Command(msgspec.Struct, gc=False):
    """The arguments of a shell."""

    command: object = None


class Accounting(msgspec.Struct, rename="camel", gc=False):
    """The identity of a receipt."""

    source_session_id: str | None = None
    sequence: Count | None = None


class Usage(msgspec.Struct, rename="camel", gc=False):
    """What one response used."""

    model: Raw = _ABSENT
    input_tokens: Count | None = None
    output_tokens: Count | None = None
    cache_read_tokens: Count | None = None
    cache_write_tokens: Count | None = None
    reasoning_tokens: Count | None = None
    api_call_id: Raw = _ABSENT
    accounting: Raw = _ABSENT
    reasoning_effort: Raw = _ABSENT
    max_prompt_tokens: Raw = _ABSENT
    model_provider: Raw = _ABSENT


class UsageRecord(msgspec.Struct, gc=False):
    """``session.usage_record``."""

    usage: Usage


class Compacted(msgspec.Struct, rename="camel", gc=False):
    """``session.compaction_complete``."""

    compaction_tokens_used: Raw = _ABSENT
    model: Raw = _ABSENT


class CompactionUsage(msgspec.Struct, rename="camel", gc=False):
    """What a compaction used; the short names are those of early builds."""

    model: Raw = _ABSENT
    input_tokens: Count | None = None
    output_tokens: Count | None = None
    cache_read_tokens: Count | None = None
    cache_write_tokens: Count | None = None
    input: Count | None = None
    output: Count | None = None
    cached_input: Count | None = None
    request_count: Count | None = None


class SumUsage(msgspec.Struct, rename="camel", gc=False):
    """The counters of one model."""

    input_tokens: Count | None = None
    output_tokens: Count | None = None
    cache_read_tokens: Count | None = None
    cache_write_tokens: Count | None = None
    reasoning_tokens: Count | None = None


class Requests(msgspec.Struct, gc=False):
    """How many responses there were; ``cost`` is a price."""

    count: Count | None = None


class Detail(msgspec.Struct, rename="camel", gc=False):
    """Tokens of one kind, as they are billed."""

    token_count: Count | None = None


class Metric(msgspec.Struct, rename="camel", gc=False):
    """One entry of ``modelMetrics``."""

    usage: SumUsage
    requests: Requests | None = None
    token_details: Raw = _ABSENT


class AgentMetric(msgspec.Struct, rename="camel", gc=False):
    """One entry of ``agentMetrics``."""

    model_metrics: dict[str, Metric]


class ProviderMetric(msgspec.Struct, rename="camel", gc=False):
    """One entry of ``providerModelMetrics``."""

    metrics: Metric
    model_id: str | None = None


class Metrics(msgspec.Struct, rename="camel", gc=False):
    """What ``session.shutdown``, ``session.usage_checkpoint`` and the ``accountingSnapshot`` in both have in common."""

    model_metrics: Raw = _ABSENT
    agent_metrics: Raw = _ABSENT
    provider_model_metrics: Raw = _ABSENT
    accounting_snapshot: Raw = _ABSENT
    watermarks: Raw = msgspec.field(default=_ABSENT, name="usageAccountingWatermarks")


class Telemetry(msgspec.Struct, rename="camel", gc=False):
    """One piece of telemetry."""

    name: Raw = _ABSENT
    span_id: Raw = _ABSENT
    end_time: Raw = _ABSENT
    timestamp: Raw = _ABSENT
    time: Raw = _ABSENT
    attributes: Raw = _ABSENT
    scope: Raw = msgspec.field(default=_ABSENT, name="instrumentationScope")


class Scope(msgspec.Struct, gc=False):
    """What wrote the telemetry."""

    version: Raw = _ABSENT


class Attributes(msgspec.Struct, gc=False):
    """What a piece of telemetry tells; caches had other names in early builds, and cache writes have three."""

    operation: Raw = msgspec.field(default=_ABSENT, name="gen_ai.operation.name")
    event: Raw = msgspec.field(default=_ABSENT, name="event.name")
    session: Raw = msgspec.field(default=_ABSENT, name="gen_ai.conversation.id")
    call: Raw = msgspec.field(default=_ABSENT, name="gen_ai.response.id")
    answered: Raw = msgspec.field(default=_ABSENT, name="gen_ai.response.model")
    asked: Raw = msgspec.field(default=_ABSENT, name="gen_ai.request.model")
    input: Count | None = msgspec.field(default=None, name="gen_ai.usage.input_tokens")
    output: Count | None = msgspec.field(default=None, name="gen_ai.usage.output_tokens")
    read: Count | None = msgspec.field(default=None, name="gen_ai.usage.cache_read.input_tokens")
    read_early: Count | None = msgspec.field(default=None, name="gen_ai.usage.cache_read_input_tokens")
    write: Count | None = msgspec.field(default=None, name="gen_ai.usage.cache_write.input_tokens")
    write_middle: Count | None = msgspec.field(default=None, name="gen_ai.usage.cache_creation.input_tokens")
    write_early: Count | None = msgspec.field(default=None, name="gen_ai.usage.cache_creation_input_tokens")
    reasoning: Count | None = msgspec.field(default=None, name="gen_ai.usage.reasoning.output_tokens")
    reasoning_early: Count | None = msgspec.field(default=None, name="gen_ai.usage.reasoning_output_tokens")


class History(msgspec.Struct, rename="camel", gc=False):
    """A session as builds of 2025 kept it: one document, with no usage."""

    session_id: Raw = _ABSENT
    start_time: Raw = _ABSENT
    selected_model: Raw = _ABSENT
    timeline: Raw = _ABSENT


class Entry(msgspec.Struct, gc=False):
    """One entry of a timeline, its text left out."""

    timestamp: Raw = _ABSENT
    id: Raw = _ABSENT
    type: Raw = _ABSENT
    call: Raw = msgspec.field(default=_ABSENT, name="callId")
    name: Raw = _ABSENT
    arguments: Raw = _ABSENT
    result: Raw = _ABSENT


class Result(msgspec.Struct, gc=False):
    """How the call of an entry went."""

    type: Raw = _ABSENT


line: Final = msgspec.json.Decoder(Line).decode
place: Final = msgspec.json.Decoder(Place).decode
start: Final = msgspec.json.Decoder(Start).decode
model_change: Final = msgspec.json.Decoder(ModelChange).decode
message: Final = msgspec.json.Decoder(Message).decode
requests: Final = msgspec.json.Decoder(list[Request]).decode
command: Final = msgspec.json.Decoder(Command).decode
accounting: Final = msgspec.json.Decoder(Accounting).decode
usage_record: Final = msgspec.json.Decoder(UsageRecord).decode
compacted: Final = msgspec.json.Decoder(Compacted).decode
compaction_usage: Final = msgspec.json.Decoder(CompactionUsage).decode
details: Final = msgspec.json.Decoder(dict[str, Detail]).decode
metrics: Final = msgspec.json.Decoder(Metrics).decode
models: Final = msgspec.json.Decoder(dict[str, Metric]).decode
agents: Final = msgspec.json.Decoder(dict[str, AgentMetric]).decode
provider_models: Final = msgspec.json.Decoder(list[ProviderMetric]).decode
telemetry: Final = msgspec.json.Decoder(Telemetry).decode
scope: Final = msgspec.json.Decoder(Scope).decode
attributes: Final = msgspec.json.Decoder(Attributes).decode
history: Final = msgspec.json.Decoder(History).decode
entries: Final = msgspec.json.Decoder(list[Entry]).decode
result: Final = msgspec.json.Decoder(Result).decode
count: Final = msgspec.json.Decoder(Count).decode
_text: Final = msgspec.json.Decoder(str).decode
_pair: Final = msgspec.json.Decoder(tuple[int, int]).decode
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_LATEST: Final = 253_402_300_799_999_999


def readable(raw: bytes, decode: Callable[[bytes], T]) -> T | None:
    """What ``decode`` makes of a value; None where it is wrong."""
    try:
        return decode(raw)
    except _FAULTS:
        return None


def is_absent(raw: Raw) -> bool:
    """Whether a value is missing or null."""
    return bytes(raw) == b"null"


def is_true(raw: Raw) -> bool:
    """Whether a value is ``true``."""
    return bytes(raw) == b"true"


def text(raw: Raw) -> str | None:
    """A string that is not empty."""
    return readable(raw, _text) or None


def instant(raw: Raw) -> int | None:
    """Microseconds since the epoch of an ISO 8601 time, or of a pair of seconds and nanoseconds; None for others.

    So is a time before 1970 or after 9999.
    """
    told = readable(raw, _text)
    if told is None:
        pair = readable(raw, _pair)
        at = None if pair is None else pair[0] * 1_000_000 + pair[1] // 1000
    else:
        at = _microseconds(told)
    return at if at is not None and 0 <= at <= _LATEST else None


def _microseconds(told: str) -> int | None:
    try:
        time = datetime.fromisoformat(told)
        return ((time if time.tzinfo else time.replace(tzinfo=UTC)) - _EPOCH) // _MICROSECOND
    except (ValueError, OverflowError):
        return None
