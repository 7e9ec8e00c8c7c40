"""What happens in a chat besides answers, as items whose keys every copy of a message keeps.

A message is known by its id, or by its id and its time where that is no unique one; a call by its message and its own
id. What a session writes once more of its history tells nothing new but what the program has put in.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import msgspec

from tallybook.agents.calls import server_item, shell_item
from tallybook.agents.gemini_cli import records
from tallybook.agents.names import OTHER, safe_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tallybook.agents.calls import Place
    from tallybook.agents.port import ItemRow

_SHELL: Final = "run_shell_command"
_WEB: Final = {"google_web_search": "search", "web_fetch": "fetch"}
_SENDS: Final = "invoke_agent"
_SKILL: Final = "activate_skill"
_PLANS: Final = "enter_plan_mode"
_SERVER: Final = re.compile(r"mcp_(?:_)?([^_]+)_(.+)", re.DOTALL)
_PUT_IN: Final = (
    ("<session_context>", "session-context"),
    ("<state_snapshot>", "summary"),
    ("Here is the user's editor context", "editor-context"),
    ("Here is a summary of changes in the user's editor context", "editor-context"),
    ("System: Potential loop detected", "loop"),
    ("System: Please continue", "continue"),
)
_SUMMARY: Final = "<state_snapshot>"
_REFERRED: Final = re.compile(r"\s{0,8}Content from @")
_COMMAND: Final = re.compile(r"/([a-z][a-z0-9:_-]{0,39})(?=\s|\Z)")
_FAULT: Final = "[API Error"
_STATUS: Final = re.compile(r"\(Status: ([A-Z_]{3,40})\)\]")
_CANCELLED: Final = "Request cancelled."
_DENIED: Final = re.compile(
    r"(?:\[Operation Cancelled\] )?(?:Reason: )?"
    r"(?:User (?:denied|did not allow)|Tool execution (?:for .{0,200} )?denied)"
)
_EXIT: Final = re.compile(
    r"\nExit Code: [1-9][0-9]{0,9}(?:\n(?:Signal|Background PIDs|Process Group PGID): [^\n]*)*"
    r"\s*(?:</untrusted_context>)?\s*\Z"
)
_EXITED: Final = b"Exit Code: "
_WITHIN: Final = 2000
"""Characters of an output in which its end stands."""


class Spot(msgspec.Struct, frozen=True, gc=False):
    """A message: who it is, whose and when."""

    key: str
    session: str
    at: int | None
    told: int | None
    """``at``, but a little later where the message was copied."""


class Progress(msgspec.Struct, array_like=True):
    """What a later run of lines must know."""

    sent: bool = False
    """The session was sent by another one."""
    turn: tuple[str, int | None] | None = None
    """The prompt that began the running turn, and when."""
    model: str | None = None
    moment: int | None = None
    """Of what was told last."""


class Doings:
    """The items of one run of lines, or of one document."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self.items: list[ItemRow] = []

    def _add(self, spot: Spot, kind: str, name: str, amount: int | None = None) -> None:
        self.items.append((spot.key, spot.session, spot.told, kind, name, amount, None))

    def seen(self, at: int | None) -> None:
        """The log tells a moment."""
        if at is not None:
            self._progress.moment = at

    def rewound(self, message: str, session: str) -> None:
        """The user went back to before a message; what came after it has been served."""
        key = f"{session}<{message}@{self._progress.moment}"
        self.items.append((key, session, self._progress.moment, "rollback", "rewind", None, None))

    def repeated(self, content: records.Raw, spot: Spot) -> None:
        """A message of the user in a history that is written once more: it may be one that the program put there."""
        parts = records.parts_of(content)
        text = parts[0].text or "" if parts else ""
        if _SUMMARY in text:
            self._add(spot, "compaction", "")
        elif (name := _put_in(text)) is not None:
            self._add(spot, "injected", name)

    def asked(self, content: records.Raw, spot: Spot) -> None:
        """A message of the user, or one in the user's place."""
        if records.is_answering(content):
            return  # the results of tools, which the call tells too
        parts = records.parts_of(content)
        if any(part.answered for part in parts):
            return
        text = next((part.text for part in parts if part.text), "")
        name = _put_in(text)
        if name == "summary":
            self._add(spot, "compaction", "")
        elif name is not None:
            self._add(spot, "injected", name)
        elif (command := _COMMAND.match(text)) is not None:
            self._add(spot, "command", safe_name(command[1]))
        elif parts:
            self._prompt(parts, spot)

    def _prompt(self, parts: Sequence[records.Part], spot: Spot) -> None:
        self._progress.turn = spot.key, spot.at
        self._add(spot, "prompt", "agent" if self._progress.sent else "typed")
        self._add(spot, "turn", "open")
        came = [name for part in parts if (name := _attached(part)) is not None]
        for number, name in enumerate(came):
            kind = "image" if name == "prompt" else "attachment"
            self.items.append((f"{spot.key}:{number}", spot.session, spot.told, kind, name, None, None))

    def said(self, kind: str, content: records.Raw, spot: Spot) -> None:
        """A note of the program."""
        text = next((part.text for part in records.parts_of(content) if part.text), "")
        if kind == "error" and text.startswith(_FAULT):
            status = _STATUS.search(text)
            self._add(spot, "api-error", safe_name(status[1]) if status else OTHER)
            self._end(spot, "failed")
        elif kind == "info" and text == _CANCELLED:
            self._add(spot, "abort", "interrupted")
            self._end(spot, "aborted")

    def _end(self, spot: Spot, name: str) -> None:
        turn = self._progress.turn
        if turn is not None:
            key, began = turn
            took = spot.at - began if spot.at is not None and began is not None and spot.at >= began else None
            self.items.append((key, spot.session, spot.told, "turn", name, took, None))

    def answer(self, message: records.Record, thought: bool, spot: Spot) -> None:  # noqa: FBT001 - there are very many
        """An answer of the model; what it calls is told behind it."""
        loud = records.is_loud(message.content)
        if loud:
            self._add(spot, "message", "")
        if thought or records.is_loud(message.thoughts):
            self._add(spot, "reasoning", "")
        self._end(spot, "completed" if loud and not records.is_loud(message.tool_calls) else "open")

    def model(self, told: str | None, spot: Spot) -> None:
        """What has answered."""
        progress = self._progress
        if told is not None and told != progress.model:
            if progress.model is not None:
                self._add(spot, "model-switch", safe_name(told.replace("/", ":")))
            progress.model = told

    def calls(self, calls: Sequence[records.ToolCall], spot: Spot) -> None:
        """Tools that were called and have come back; those of later answers, which joined this one, came later."""
        ats = [records.instant(call.timestamp) for call in calls]
        first = min((at for at in ats if at is not None), default=None)
        for call, at in zip(calls, ats, strict=True):
            identity = records.text(call.id)
            if identity is not None:
                apart = at is None or first is None or at - first > records.APART
                wait = None if apart or at is None or spot.at is None or at < spot.at else at - spot.at
                self._call(call, (f"{spot.key}/{identity}", spot.session, spot.told), wait)

    def _call(self, call: records.ToolCall, place: Place, wait: int | None) -> None:
        name = records.text(call.name) or ""
        tool = safe_name(name) or OTHER
        self.items.append((*place, "tool", tool, wait, records.readable(call.args, records.compact)))
        status = records.text(call.status)
        if status in {"error", "cancelled"} or (name == _SHELL and _is_failed(call.result)):
            self.items.append((*place, "tool-error", tool, None, None))
            error = records.result_of(call.result).error
            if isinstance(error, str) and _DENIED.match(error):
                self.items.append((*place, "tool-denied", tool, None, None))
        if name in _WEB:
            self.items.append((*place, "web", _WEB[name], None, None))
        elif (served := _SERVER.fullmatch(name)) is not None:
            self.items.append(server_item(place, served[1], served[2]))
        elif name == _PLANS:
            if status == "success":
                self.items.append((*place, "mode", "plan", None, None))
        else:
            self._looked_into(call, place, name)

    def _looked_into(self, call: records.ToolCall, place: Place, name: str) -> None:
        if name not in {_SHELL, _SENDS, _SKILL}:
            if records.text(call.agent):
                self.items.append((*place, "subagent", safe_name(name) or "default", None, None))
            return
        given = records.readable(call.args, records.given) or records.Given()
        if name == _SHELL:
            command = given.command
            item = shell_item(place, command) if isinstance(command, str) else None
            if item is not None:
                self.items.append(item)
        elif name == _SKILL:
            self.items.append((*place, "skill", safe_name(given.name) or "default", None, None))
        else:
            self.items.append((*place, "subagent", safe_name(given.agent_name) or "default", None, None))


def _put_in(text: str) -> str | None:
    told = text.lstrip()
    return next((name for beginning, name in _PUT_IN if told.startswith(beginning)), None)


def _attached(part: records.Part) -> str | None:
    """What came with a prompt."""
    if part.attached:
        kind = records.mime_of(part)
        return "prompt" if kind.startswith("image/") else "document" if kind.startswith("application/") else "file"
    return "file" if part.text and _REFERRED.match(part.text) else None


def _is_failed(result: records.Raw) -> bool:
    """Whether the end of what a command gave back tells an exit code other than 0."""
    if _EXITED not in bytes(result):
        return False
    output = records.result_of(result).output
    return isinstance(output, str) and _EXIT.search(output, max(len(output) - _WITHIN, 0)) is not None
