"""Events that tell no usage, as far as they tell what happens; a wrong value spoils no other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from tallybook.agents.values import ABSENT, tolerant

if TYPE_CHECKING:
    from collections.abc import Callable

Raw = msgspec.Raw


class Asked(msgspec.Struct, gc=False):
    """``user.message``."""

    source: object = None
    mode: object = msgspec.field(default=None, name="agentMode")
    continues: object = msgspec.field(default=None, name="isAutopilotContinuation")
    attachments: object = None


class Given(msgspec.Struct, gc=False):
    """A call, by the message that asks for it or when it runs."""

    identity: str | None = msgspec.field(default=None, name="toolCallId")
    name: object = None
    tool: object = msgspec.field(default=None, name="toolName")
    arguments: Raw = ABSENT
    server: object = msgspec.field(default=None, name="mcpServerName")
    served: object = msgspec.field(default=None, name="mcpToolName")


class Started(Given, gc=False):
    """``tool.execution_start`` and ``tool.user_requested``."""


class Said(msgspec.Struct, gc=False):
    """``assistant.message``."""

    content: object = None
    phase: object = None
    chunk: object = msgspec.field(default=None, name="chunkIndex")
    reasoning: object = msgspec.field(default=None, name="reasoningText")
    opaque: object = msgspec.field(default=None, name="reasoningOpaque")
    encrypted: object = msgspec.field(default=None, name="encryptedContent")
    requests: list[Given] | None = msgspec.field(default=None, name="toolRequests")


class Completed(msgspec.Struct, gc=False):
    """``tool.execution_complete``."""

    identity: str | None = msgspec.field(default=None, name="toolCallId")
    success: object = None
    error: object = None


class Summed(msgspec.Struct, gc=False):
    """``session.compaction_complete`` and ``session.truncation``."""

    success: object = None
    trigger: object = None
    tokens: object = msgspec.field(default=None, name="preCompactionTokens")
    messages: object = msgspec.field(default=None, name="preTruncationTokensInMessages")


class Broken(msgspec.Struct, gc=False):
    """``abort``."""

    reason: object = None


class Failed(msgspec.Struct, gc=False):
    """``session.error``."""

    kind: object = msgspec.field(default=None, name="errorType")
    status: object = msgspec.field(default=None, name="statusCode")


class Named(msgspec.Struct, gc=False):
    """``subagent.started`` and ``skill.invoked``."""

    name: object = None
    agent: object = msgspec.field(default=None, name="agentName")
    trigger: object = None


class Told(msgspec.Struct, gc=False):
    """What the program says of the session: its model, its mode, its instructions."""

    content: object = None
    role: object = None
    selected: object = msgspec.field(default=None, name="selectedModel")
    model: object = msgspec.field(default=None, name="newModel")
    effort: object = msgspec.field(default=None, name="reasoningEffort")
    mode_new: object = msgspec.field(default=None, name="newMode")
    mode_before: object = msgspec.field(default=None, name="previousMode")
    mode_set: object = msgspec.field(default=None, name="mode")


Happening = Asked | Said | Started | Completed | Summed | Broken | Failed | Named | Told
_told: Final = tolerant(Told)
_started: Final = tolerant(Started)
_summed: Final = tolerant(Summed)
_named: Final = tolerant(Named)
decoders: Final[dict[str, Callable[[bytes], Happening]]] = {
    "abort": tolerant(Broken),
    "assistant.message": tolerant(Said),
    "session.compaction_complete": _summed,
    "session.error": tolerant(Failed),
    "session.mode_changed": _told,
    "session.model_change": _told,
    "session.permissions_changed": _told,
    "session.resume": _told,
    "session.start": _told,
    "session.truncation": _summed,
    "skill.invoked": _named,
    "subagent.started": _named,
    "system.message": _told,
    "system.notification": _told,
    "tool.execution_complete": tolerant(Completed),
    "tool.execution_start": _started,
    "tool.user_requested": _started,
    "user.message": tolerant(Asked),
}
"""By the type of the event."""
