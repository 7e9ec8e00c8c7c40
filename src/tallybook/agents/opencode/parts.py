"""Parts of a message without what was said in them: what was called and how it went, what came with a prompt."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import msgspec

from tallybook.agents import values
from tallybook.agents.opencode import records

if TYPE_CHECKING:
    from collections.abc import Callable

_DENIED: Final = re.compile(
    r"The user (?:rejected permission|has specified a rule which prevents|dismissed)|user dismissed"
)
_STEP: Final = re.compile(rb'\{(?:"(?:reason|snapshot)":"[^"\\]*",)*"type":"step-(?:start|finish)"')
_ENDED: Final = ("completed", "error")
_NEVER: Final = records.Span()
_UNKNOWN: Final = records.ToolState()
_MOST: Final = 1000


class Part(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """One part; what it does not have is None."""

    kind: str
    name: str | None = None
    """The tool, the agent, the type of a file, or how a compaction came about."""
    call: str | None = None
    given: bytes | None = None
    """What a tool was called with, without space."""
    begun: int | None = None
    """Microseconds since the epoch, UTC."""
    ended: int | None = None
    failed: bool = False
    denied: bool = False
    put_in: bool = False
    """A text of the program, not of the user or the model."""
    number: int | None = None
    """Of a try that failed: which one it was."""
    status: int | None = None
    """Of such a try, the status of HTTP."""
    tokens: records.Tokens | None = None
    """Of a step that has ended."""


def part_of(raw: bytes, *, steps: bool = True) -> Part | None:
    """A part as it is stored; None for one that nobody understands, and for steps where these are not asked for.

    Of those there are so many that they are known by their first bytes.
    """
    if not steps and _STEP.match(raw):
        return None
    told = records.part(raw)
    return None if told is None else _TAKERS.get(told.type, _other)(told)


def _tool(told: records.Part) -> Part:
    state = told.state or _UNKNOWN
    status, time = state.status, state.time or _NEVER
    exited = state.metadata.exit if state.metadata else None
    return Part(
        "tool",
        values.named(told.tool),
        values.named(told.call),
        records.readable(state.input, records.compact) if state.input != values.ABSENT else None,
        records.instant(time.start),
        records.instant(time.end) if status in _ENDED else None,
        failed=status == "error" or (status == "completed" and type(exited) is int and exited != 0),
        denied=status == "error" and isinstance(state.error, str) and _DENIED.match(state.error) is not None,
    )


def _said(told: records.Part) -> Part:
    begun = None if told.time is None else records.instant(told.time.start)
    return Part(told.type, begun=begun, put_in=told.synthetic is True or told.ignored is True)


def _stepped(told: records.Part) -> Part:
    return Part(told.type, tokens=told.tokens)


def _retried(told: records.Part) -> Part:
    number = told.attempt if type(told.attempt) is int and 0 <= told.attempt < _MOST else None
    begun = records.instant((told.time or _NEVER).created)
    return Part(told.type, begun=begun, number=number, status=told.error.status if told.error else None)


def _compacted(told: records.Part) -> Part:
    return Part(told.type, "auto" if told.auto is True else "manual")


def _other(told: records.Part) -> Part:
    return Part(told.type, values.named(told.mime) or values.named(told.agent))


_TAKERS: Final[dict[str, Callable[[records.Part], Part]]] = {
    "compaction": _compacted,
    "reasoning": _said,
    "retry": _retried,
    "step-finish": _stepped,
    "text": _said,
    "tool": _tool,
}
