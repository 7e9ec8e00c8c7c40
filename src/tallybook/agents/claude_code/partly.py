"""Answers of which a part has another shape than is known: what they have used is taken, as long as that is legible.

Formats change from version to version. A detail that nobody understands any more must not hide the counts beside it.
Which answer it is must be legible too, or what another row tells of it would be counted twice.
"""

from __future__ import annotations

from typing import Final

import msgspec
from msgspec.structs import asdict, replace

from tallybook.agents.claude_code.records import Answer, Message, Record, Usage
from tallybook.agents.lines import on_demand
from tallybook.agents.values import ABSENT, tolerant


class _Counted(msgspec.Struct, gc=False):
    usage: msgspec.Raw = ABSENT


class _Whole(msgspec.Struct, gc=False):
    type: str
    message: msgspec.Raw


_FAULTS: Final = (msgspec.MsgspecError, ValueError, RecursionError)
_whole: Final = on_demand(_Whole)
_counted: Final = on_demand(_Counted)
_record: Final = on_demand(Record)
_message: Final = tolerant(Message, "id")
_usage: Final = tolerant(
    Usage, "input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens", "output_tokens"
)


def answer_in(raw: bytes) -> Answer | None:
    """The answer in a line that can't be read whole; None where it is none, or where its counts can't be told."""
    try:
        whole = _whole(raw)
        usage = _counted(whole.message).usage
        if whole.type != "assistant" or usage == ABSENT:
            return None
        message = replace(_message(whole.message), usage=_usage(usage))
        return Answer(**asdict(_record(raw)), message=message)
    except _FAULTS:
        return None
