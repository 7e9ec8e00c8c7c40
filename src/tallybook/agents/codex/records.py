"""Rollout lines as Codex writes them: the used fields alone, so that no text is ever decoded into an object."""

from __future__ import annotations

import re
from typing import Annotated, Final

import msgspec

Number = Annotated[int, msgspec.Meta(ge=0, le=2**53)]
Name = Annotated[str, msgspec.Meta(max_length=512)]


class Envelope(msgspec.Struct, gc=False):
    """Any line."""

    timestamp: str | None = None
    type: str = ""
    payload: msgspec.Raw = msgspec.Raw(b"{}")
    ordinal: Number | None = None
    id: msgspec.Raw = msgspec.Raw(b"null")
    """Only in the first line of logs from before September 2025, which have no envelope."""
    record_type: msgspec.Raw = msgspec.Raw(b"null")
    """Only in the state lines of those logs."""


class Kind(msgspec.Struct, gc=False):
    """The kind of an event or of a response item."""

    type: str = ""


class Usage(msgspec.Struct, gc=False):
    """Token counts; input includes what was cached or written to the cache, output includes reasoning."""

    input_tokens: Number = 0
    cached_input_tokens: Number = 0
    cache_write_input_tokens: Number = 0
    output_tokens: Number = 0
    reasoning_output_tokens: Number = 0

    def counts(self) -> tuple[int, int, int, int, int]:
        """The counts in the order of ``facts.Counts``."""
        return (
            self.input_tokens,
            self.cached_input_tokens,
            self.cache_write_input_tokens,
            self.output_tokens,
            self.reasoning_output_tokens,
        )


class CountInfo(msgspec.Struct, gc=False):
    """``info`` of a token count."""

    total_token_usage: Usage | None = None
    last_token_usage: Usage | None = None
    model_context_window: object = None


class TokenCount(msgspec.Struct, gc=False):
    """``token_count``; ``info`` is null where only rate limits are told."""

    info: CountInfo | None = None
    rate_limits: msgspec.Raw = msgspec.Raw(b"null")


class UsageRecord(msgspec.Struct, gc=False):
    """``token_usage_record`` (0.153 and later)."""

    thread_id: Name
    usage: Usage
    response_id: Name = ""
    turn_id: Name | None = None
    thread_token_usage: msgspec.Raw = msgspec.Raw(b"null")


class TurnStarted(msgspec.Struct, gc=False):
    """``task_started``."""

    turn_id: Name | None = None
    started_at: int | None = None
    model_context_window: object = None


class TurnContext(msgspec.Struct, gc=False):
    """``turn_context``."""

    turn_id: Name | None = None
    model: Name | None = None
    effort: object = None
    cwd: object = None
    approval_policy: object = None
    sandbox_policy: object = None
    user_instructions: object = None


class ThreadSettings(msgspec.Struct, gc=False):
    """The settings themselves."""

    model: Name | None = None
    service_tier: Name | None = None
    reasoning_effort: object = None
    model_provider_id: object = None


class SettingsApplied(msgspec.Struct, gc=False):
    """``thread_settings_applied`` (July 2026 and later; the thread since 0.152)."""

    thread_id: Name | None = None
    thread_settings: ThreadSettings | None = None


class ToolCall(msgspec.Struct, gc=False):
    """Any response item that is a tool call; what it was called with stays as it is in the line."""

    call_id: Name | None = None
    id: object = None
    name: object = None
    namespace: object = None
    arguments: msgspec.Raw = msgspec.Raw(b"")
    input: msgspec.Raw = msgspec.Raw(b"")
    action: msgspec.Raw = msgspec.Raw(b"")


class CountLine(msgspec.Struct, gc=False):
    """A whole line that tells a count, where its kind is known."""

    payload: TokenCount
    timestamp: str | None = None
    ordinal: Number | None = None


class CallLine(msgspec.Struct, gc=False):
    """A whole line that tells a tool call, where its kind is known."""

    payload: ToolCall
    timestamp: str | None = None
    ordinal: Number | None = None


class Content(msgspec.Struct, gc=False):
    """One part of a message; the beginning of the text tells who put it in."""

    type: object = None
    text: object = None


class Said(msgspec.Struct, gc=False):
    """A message, in any of the shapes that tell one."""

    role: object = None
    phase: object = None
    content: msgspec.Raw = msgspec.Raw(b"")


class Asked(msgspec.Struct, gc=False):
    """``user_message``: what a person asked, and how many pictures came with it."""

    message: object = None
    images: object = None
    local_images: object = None


class Part(msgspec.Struct, gc=False):
    """The kind of one part of a prompt."""

    type: object = None


class Completed(msgspec.Struct, gc=False):
    """``item`` of ``item_completed``."""

    type: object = None
    id: object = None
    content: list[Part] | None = None
    server: object = None
    tool: object = None


class ItemCompleted(msgspec.Struct, gc=False):
    """``item_completed`` of a paginated history."""

    item: Completed
    turn_id: Name | None = None


class ItemCompletedLine(msgspec.Struct, gc=False):
    """Its whole line."""

    payload: ItemCompleted


class Output(msgspec.Struct, gc=False):
    """The result of a tool; what it gave is looked at for an exit code alone."""

    call_id: Name | None = None
    output: object = None


class Invocation(msgspec.Struct, gc=False):
    """Which tool of which server."""

    server: object = None
    tool: object = None


class ServerCall(msgspec.Struct, gc=False):
    """``mcp_tool_call_end``."""

    call_id: Name | None = None
    invocation: Invocation | None = None


class SaidLine(msgspec.Struct, gc=False):
    """The whole line of a message."""

    payload: Said


class TurnEnded(msgspec.Struct, gc=False):
    """``task_complete`` or ``turn_aborted``."""

    turn_id: Name | None = None
    error: object = None
    reason: object = None
    duration_ms: object = None
    time_to_first_token_ms: object = None


class RolledBack(msgspec.Struct, gc=False):
    """``thread_rolled_back``."""

    num_turns: object = None


class Failure(msgspec.Struct, gc=False):
    """``error``: its kind, never its message."""

    codex_error_info: object = None


class Spawn(msgspec.Struct, gc=False):
    """Who spawned a subagent."""

    parent_thread_id: Name | None = None


class Subagent(msgspec.Struct, gc=False):
    """What kind of child a thread is, where that is more than a word."""

    thread_spawn: Spawn | None = None


class Source(msgspec.Struct, gc=False):
    """Where a thread comes from, where that is more than a word."""

    subagent: str | Subagent | None = None


class HistoryBase(msgspec.Struct, gc=False):
    """The range of an ancestor that a paginated fork refers to."""

    thread_id: Name | None = None


class SessionMeta(msgspec.Struct, gc=False):
    """``session_meta``."""

    id: Name
    session_id: Name | None = None
    forked_from_id: Name | None = None
    parent_thread_id: Name | None = None
    subagent_history_start_ordinal: Number | None = None
    history_base: HistoryBase | None = None
    timestamp: str | None = None
    cwd: str | None = None
    source: str | Source | None = None
    originator: object = None
    cli_version: object = None
    model_provider: object = None
    git: object = None
    instructions: object = None
    base_instructions: object = None


class OldHead(msgspec.Struct, gc=False):
    """First line of a log from before September 2025."""

    id: Name
    timestamp: str | None = None


SHAPE: Final = re.compile(
    rb'\{"timestamp":"([0-9TZ:.+-]{1,40}+)",(?:"ordinal":[0-9]{1,16}+,)?+'
    rb'"type":"([^"]{1,64}+","payload":\{"type":"[^"]{1,64}+)",'
)
"""The head of a line in Codex's own order: its time and its kinds are certain without decoding. Others are decoded."""

CALL: Final = rb'(?:"id":"[^"\\]{0,512}",)?"call_id":"([^"\\]{1,512})","output":'
"""What follows the head of a line that holds the result of a tool."""
_EXIT: Final = (
    rb'"(?:Chunk ID: [0-9a-f]{1,16}\\n)?(?:Wall time: [0-9.]{1,20} seconds\\n)?'
    rb"(?:Process exited with code |Exit code: )(-?[0-9]{1,9})"
)
_TOLD: Final = rb"\"metadata\":{\"exit_code\":"
_CODE: Final = rb"-?[0-9]{1,9}"
_TOLD_WITHIN: Final = 200
COMPLETED: Final = rb'(?:"thread_id":"[^"\\]{0,512}",)?(?:"turn_id":"[^"\\]{0,512}",)?"item":\{"type":"(\w{1,64})"'
"""What follows the head of an ``item_completed``."""


def has_failed(raw: bytes | bytearray, start: int, end: int) -> bool:
    """Whether a program ended with another exit code than 0; its output begins at ``start``, and ``end`` is its end."""
    told = re.compile(_EXIT).match(raw, start, end)
    if told is not None:
        return int(told[1]) != 0
    place = raw.find(_TOLD, max(start, end - _TOLD_WITHIN), end)
    code = re.compile(_CODE).match(raw, place + len(_TOLD), end) if place >= 0 else None
    return code is not None and int(code[0]) != 0


ITEMS: Final = frozenset({
    "agent_message",
    "compaction",
    "context_compaction",
    "custom_tool_call_output",
    "function_call_output",
    "ghost_snapshot",
    "message",
    "reasoning",
    "tool_search_output",
})  # fmt: skip
"""Response items that are no tool calls."""

EVENTS: Final = frozenset({
    "agent_message",
    "agent_reasoning",
    "agent_reasoning_raw_content",
    "agent_reasoning_section_break",
    "background_event",
    "context_compacted",
    "dynamic_tool_call_request",
    "dynamic_tool_call_response",
    "error",
    "exec_command_begin",
    "exec_command_end",
    "guardian_assessment",
    "image_generation_end",
    "item_completed",
    "item_started",
    "mcp_tool_call_begin",
    "mcp_tool_call_end",
    "patch_apply_begin",
    "patch_apply_end",
    "plan_update",
    "session_configured",
    "stream_error",
    "sub_agent_activity",
    "thread_goal_updated",
    "thread_name_updated",
    "thread_rolled_back",
    "turn_diff",
    "undo_completed",
    "undo_started",
    "user_message",
    "view_image_tool_call",
    "warning",
    "web_search_begin",
    "web_search_end",
})  # fmt: skip
"""Events that say nothing of usage."""

RECORDS: Final = frozenset({
    "dynamic_tools_updated",
    "inter_agent_communication",
    "inter_agent_communication_metadata",
    "realtime_item",
    "resume_metadata",
    "retained_context",
    "security_risk_score",
    "world_state",
})  # fmt: skip
"""Kinds of lines that say nothing of usage."""
