"""Lines that tell no usage but what has happened; those that there are most of are not decoded at all."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import msgspec

from tallybook.agents.codex import records
from tallybook.agents.codex.moments import microseconds
from tallybook.agents.lines import on_demand

if TYPE_CHECKING:
    from collections.abc import Callable

    from tallybook.agents.codex.doings import Doings

_said: Final = on_demand(records.Said)
_said_line: Final = on_demand(records.SaidLine)
_asked: Final = on_demand(records.Asked)
_output: Final = on_demand(records.Output)
_completed: Final = on_demand(records.ItemCompleted)
_completed_line: Final = on_demand(records.ItemCompletedLine)
_server_call: Final = on_demand(records.ServerCall)
_rolled_back: Final = on_demand(records.RolledBack)
_failure: Final = on_demand(records.Failure)

OUTPUTS: Final = frozenset(
    {"custom_tool_call_output", "function_call_output", "mcp_tool_call_output", "tool_search_output"}
)
_HEARD: Final = frozenset({b"EnteredReviewMode", b"McpToolCall", b"UserMessage"})
"""Completed items that no other line tells of."""


class Telling:
    """Hands on what lines tell."""

    def __init__(self, doings: Doings) -> None:
        self.doings = doings

    def item(self, kind: str, payload: msgspec.Raw | bytes, at: int | None) -> None:
        """A response item that is no tool call."""
        if kind == "reasoning":
            self.doings.reasoning(at)
        elif kind == "message":
            self.doings.message(_said(payload), at)
        elif kind in OUTPUTS:
            output = _output(payload)
            if output.call_id:
                raw = msgspec.json.encode(output.output)
                self.doings.result(output.call_id, at, records.has_failed(raw, 0, len(raw)))

    def event(self, kind: str, payload: msgspec.Raw, at: int | None) -> None:
        """An event that says nothing of usage."""
        doings = self.doings
        match kind:
            case "user_message":
                doings.prompt(_asked(payload), at)
            case "item_completed":
                doings.completed(_completed(payload), at)
            case "mcp_tool_call_end":
                doings.server_call(_server_call(payload), at)
            case "thread_rolled_back":
                doings.rolled_back(_rolled_back(payload).num_turns, at)
            case "undo_completed":
                doings.undone(at)
            case "error" | "stream_error":
                doings.failed(_failure(payload), at)
            case _:
                pass


class _Payload(msgspec.Struct, gc=False):
    payload: msgspec.Raw


_payload: Final = on_demand(_Payload)


def _quick_reasoning(telling: Telling, shape: re.Match[bytes], _: memoryview) -> None:
    telling.doings.reasoning(_moment(shape))


def _quick_message(telling: Telling, shape: re.Match[bytes], view: memoryview) -> None:
    telling.doings.message(_said_line(view[shape.start() : shape.endpos]).payload, _moment(shape))


def _quick_output(telling: Telling, shape: re.Match[bytes], _: memoryview) -> None:
    told = re.compile(records.CALL).match(shape.string, shape.end(), shape.endpos)
    if told is not None:
        failed = records.has_failed(shape.string, told.end(), shape.endpos)
        telling.doings.result(told[1].decode(), _moment(shape), failed)


def _quick_completed(telling: Telling, shape: re.Match[bytes], view: memoryview) -> None:
    told = re.compile(records.COMPLETED).match(shape.string, shape.end(), shape.endpos)
    if told is None or told[1] in _HEARD:
        telling.doings.completed(_completed_line(view[shape.start() : shape.endpos]).payload, _moment(shape))


def _quick_event(telling: Telling, shape: re.Match[bytes], view: memoryview) -> None:
    line = _payload(view[shape.start() : shape.endpos])
    telling.event(shape[2].rpartition(b'"')[2].decode(), line.payload, _moment(shape))


def _moment(shape: re.Match[bytes]) -> int | None:
    return microseconds(shape[1].decode())


TOLD_QUICKLY: Final[dict[bytes, Callable[[Telling, re.Match[bytes], memoryview], None]]] = {
    b'response_item","payload":{"type":"reasoning': _quick_reasoning,
    b'response_item","payload":{"type":"message': _quick_message,
    b'event_msg","payload":{"type":"item_completed': _quick_completed,
    **{f'response_item","payload":{{"type":"{kind}'.encode(): _quick_output for kind in OUTPUTS},
    **{
        f'event_msg","payload":{{"type":"{kind}'.encode(): _quick_event
        for kind in ("error", "mcp_tool_call_end", "stream_error", "thread_rolled_back", "undo_completed")
    },
    b'event_msg","payload":{"type":"user_message': _quick_event,
}
"""By what ``records.SHAPE`` finds in some bytes: lines whose heads tell enough, if no fork has copied them."""
