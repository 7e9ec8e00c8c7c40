"""Records of Claude Code's logs: only fields that are used are decoded, and a count is never out of range."""

# Annotations are objects here: where they are text, each of them is compiled before the first line can be decoded.

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated, Final

import msgspec

from tallybook.agents.lines import on_demand

Count = Annotated[int, msgspec.Meta(ge=0, le=2**53)]

SYNTHETIC: Final = "<synthetic>"

THREADED: Final = frozenset({"user", "assistant", "attachment", "system", "progress"})
TOLD: Final = frozenset({"assistant", "cost-state", "system", "user"})
"""Types of records that are always decoded."""
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


class ServerTools(msgspec.Struct, gc=False):
    """Requests of the provider's own tools."""

    web_search_requests: object = None


class Usage(Counts, gc=False):
    """``message.usage``."""

    server_tool_use: ServerTools | None = None

    service_tier: object = None
    speed: object = None
    iterations: tuple[Iteration, ...] | None = None


class Block(msgspec.Struct, gc=False):
    """One content block, its content left out."""

    type: object = None
    id: object = None
    name: object = None
    input: msgspec.Raw = msgspec.Raw(b"")
    """As it stands in the line, and only as long as the line is there."""


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
    parent: str | None = msgspec.field(default=None, name="parentUuid")
    sidechain: bool | None = msgspec.field(default=None, name="isSidechain")
    agent: str | None = msgspec.field(default=None, name="agentId")
    cwd: object = None
    session: str | None = msgspec.field(default=None, name="sessionId")
    version: object = None
    branch: object = msgspec.field(default=None, name="gitBranch")
    request: str | None = msgspec.field(default=None, name="requestId")
    uuid: str | None = None
    timestamp: object = None
    ancestor: str | None = msgspec.field(default=None, name="session_id")
    request_session: str | None = msgspec.field(default=None, name="requestSessionId")
    forked_from: ForkedFrom | None = msgspec.field(default=None, name="forkedFrom")
    aborted: object = msgspec.field(default=None, name="isAbortedMidStream")
    block: object = msgspec.field(default=None, name="apiBlockIndex")
    advisor: object = msgspec.field(default=None, name="advisorModel")
    entry: object = msgspec.field(default=None, name="entrypoint")
    effort: object = None

    @property
    def origin(self) -> str | None:
        """The session that the record says it was copied from (2.1.330 names it ``requestSessionId``)."""
        if self.forked_from is None and self.request_session is None:
            return None
        named = (self.forked_from.session if self.forked_from else None) or self.request_session
        return named if named != self.session else None


class Answer(Record, kw_only=True, gc=False):
    """An assistant record."""

    message: Message
    failed: object = msgspec.field(default=None, name="isApiErrorMessage")
    error: object = None
    quota: object = msgspec.field(default=None, name="quotaLimits")


class System(Record, kw_only=True, gc=False):
    """What the program says of itself."""

    subtype: object = None
    compacted: object = msgspec.field(default=None, name="compactMetadata")
    error: object = None
    duration: object = msgspec.field(default=None, name="durationMs")


class CostState(Record, kw_only=True, gc=False):
    """What the session has used by the program's own count."""

    start: object = msgspec.field(default=None, name="startTime")
    models: object = msgspec.field(default=None, name="modelUsage")


class Said(msgspec.Struct, gc=False):
    """One block of a user record; what a tool gave back is left out."""

    type: object = None
    call: object = msgspec.field(default=None, name="tool_use_id")
    failed: object = msgspec.field(default=None, name="is_error")
    text: object = None


class Sayings(msgspec.Struct, gc=False):
    """``message`` of a user record."""

    content: str | list[Said] | None = None


class Origin(msgspec.Struct, gc=False):
    """Who wrote a user record."""

    kind: object = None


class Entry(Record, kw_only=True, gc=False):
    """A user record: a prompt, the result of a tool, or what the program put in."""

    message: Sayings
    prompt: object = msgspec.field(default=None, name="promptId")
    meta: object = msgspec.field(default=None, name="isMeta")
    summary: object = msgspec.field(default=None, name="isCompactSummary")
    approval: object = msgspec.field(default=None, name="permissionMode")
    writer: Origin | str | None = msgspec.field(default=None, name="origin")

    @property
    def results(self) -> list[Said]:
        """The results of tools."""
        content = self.message.content
        return [said for said in content if said.type == "tool_result"] if isinstance(content, list) else []

    @property
    def pictures(self) -> int:
        """How many pictures came with it."""
        content = self.message.content
        return sum(said.type == "image" for said in content) if isinstance(content, list) else 0

    @property
    def text(self) -> str:
        """What it says; for a decision on what it is, never to be kept."""
        content = self.message.content
        if isinstance(content, list):
            return next((said.text for said in content if isinstance(said.text, str)), "")
        return content or ""


_record: Final = on_demand(Record)
_answer: Final = msgspec.json.Decoder(Answer).decode
_SHAPES: Final[dict[str, Callable[[bytes | memoryview], Record]]] = {
    "cost-state": on_demand(CostState),
    "system": on_demand(System),
    "user": on_demand(Entry),
}
"""Types of records that tell more than the envelope."""
_USUAL: Final[dict[str, Callable[[memoryview], Record]]] = {"assistant": _answer, **_SHAPES}
_MALFORMED: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)

# Members in front of the type: scalars only, so that what is found is the record's own type. A head with a backslash
# proves nothing, since what looks like the end of a string may be none.
_HEAD: Final = re.compile(
    rb'\{(?:"(?!type")[^"]*+":(?:"[^"]*+"|null|true|false|-?[0-9]++),)*+(?:"type":"([a-z-]++)"|"attachment":\{)'
)
_ASSISTANT: Final = b'"assistant"'
_ON_MAIN: Final = b'"isSidechain":false'
_CLOSED: Final = ord("}")
_KINDS: Final[dict[bytes | None, str]] = {None: "attachment", **{kind.encode(): kind for kind in KNOWN}}


def head_of(content: bytes | bytearray, begin: int, end: int) -> tuple[str | None, bytes]:
    """The type of a line, with its head; None where that takes decoding."""
    head = _HEAD.match(content, begin, end)
    if head is None or content[end - 1] != _CLOSED:
        return None, b""
    text = head[0]
    if text.find(b"\\") >= 0:  # unlike "in", which tries to take the bytes for a number first
        return None, b""
    kind = head[1]
    return _KINDS.get(kind) or kind.decode(), text


def is_on_main(head: bytes) -> bool:
    """Whether the head of a record proves it to be no sidechain's."""
    return _ON_MAIN in head


def usual(kind: str, raw: memoryview) -> Record | None:
    """A record of a kind that its head has told, in one go; None where it is not as expected."""
    try:
        record = _USUAL[kind](raw)
    except _MALFORMED:
        return None
    return record if record.type == kind else None


def decode(raw: bytes, kind: str | None = None) -> Record | None:
    """One record, in the shape of its kind where that is known; None where the line is malformed."""
    try:
        if kind in _SHAPES:
            return _shaped(kind, raw)
        if _ASSISTANT in raw:
            try:
                answer = _answer(raw)
            except msgspec.ValidationError:
                pass  # another type of record that mentions the word, or an answer of a wrong shape
            else:
                if answer.type == "assistant":
                    return answer
        record = _record(raw)
        if record.type in _SHAPES:
            return _shaped(record.type, raw)
    except _MALFORMED:
        return None
    return None if record.type == "assistant" else record


def _shaped(kind: str, raw: bytes) -> Record:
    try:
        return _SHAPES[kind](raw)
    except msgspec.ValidationError:
        return _record(raw)


def tool_calls(message: Message) -> tuple[str, ...]:
    """Ids of the tool calls in the blocks of one row."""
    if not isinstance(message.content, list):
        return ()
    return tuple([block.id for block in message.content if block.type == "tool_use" and isinstance(block.id, str)])


_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_DAY: Final = 86_400
_SECOND: Final = 1_000_000


def instant(timestamp: object) -> int | None:
    """Microseconds since the epoch of an ISO 8601 time; None where it is unreadable."""
    if not isinstance(timestamp, str):
        return None
    try:
        time = datetime.fromisoformat(timestamp)
    except ValueError:
        return None
    since = (time if time.tzinfo else time.replace(tzinfo=UTC)) - _EPOCH
    return (since.days * _DAY + since.seconds) * _SECOND + since.microseconds
