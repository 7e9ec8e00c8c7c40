"""What happens in a thread besides answers, as items whose keys every copy of a message keeps.

A call is known by its id, a message by its number and its moment, or, where it tells none, by the thread that it was
written in. An answer is told when it has been served or broken off, not before: only then is its moment known.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from tallybook.agents import values
from tallybook.agents.amp import records
from tallybook.agents.calls import server_item, shell_item
from tallybook.agents.names import OTHER, safe_name

if TYPE_CHECKING:
    from tallybook.agents.calls import Place
    from tallybook.agents.port import ItemRow

_SAID: Final = {"text": "message", "thinking": "reasoning", "redacted_thinking": "reasoning"}
_SHELL: Final = "Bash"
_AGENTS: Final = {
    "Task": "default",
    "codebase_search_agent": "finder",
    "finder": "finder",
    "librarian": "librarian",
    "oracle": "oracle",
}
"""Tools behind which a model of its own works, and its name."""
_SKILL: Final = "skill"
_UNDO: Final = "undo_edit"
_WEB: Final = {"read_web_page": "fetch", "web_search": "search"}
_MCP: Final = "mcp__"
_LOOKED_INTO: Final = frozenset({_SHELL, _SKILL, *_AGENTS})
_FAILED: Final = frozenset({"cancelled", "error", "rejected-by-user"})
_DENIED: Final = "rejected-by-user"
_BROKEN_OFF: Final = "cancelled"


class Spot(msgspec.Struct, frozen=True, gc=False):
    """A message: who it is, whose and when."""

    key: str
    session: str
    at: int | None
    sent: bool
    """The thread was sent by another one."""


class Doings:
    """The items of one thread."""

    def __init__(self) -> None:
        self.items: list[ItemRow] = []
        self._calls: dict[str, tuple[Place, str]] = {}
        """Calls without results, and their tools."""
        self._turn: Spot | None = None
        self._model: str | None = None
        self._mode: str | None = None

    def _add(self, spot: Spot, kind: str, name: str) -> None:
        self.items.append((spot.key, spot.session, spot.at, kind, name, None, None))

    def asked(self, message: records.Message, spot: Spot) -> None:
        """A message of the user, or one that was put in in the user's place."""
        blocks = message.blocks
        for block in blocks:
            if block.type == "tool_result" and isinstance(block.answers, str):
                self._result(block.answers, block.run)
        kinds = [block.type for block in blocks]
        source = values.readable(message.source, records.source)
        if source is not None and source.type is not None:
            self._add(spot, "injected", safe_name(source.type))
        elif "text" in kinds or "image" in kinds:
            self._prompt(message, kinds.count("image"), spot)
        if values.readable(message.discovered_guidance_files, records.messages):
            row = (f"{spot.key}/guidance", spot.session, spot.at, "injected", "guidance-files", None, None)
            self.items.append(row)
        if message.interrupted is True:
            self._add(spot, "abort", "interrupted")
            self._end("aborted", None)

    def _prompt(self, message: records.Message, pictures: int, spot: Spot) -> None:
        self._turn = spot
        self._add(spot, "prompt", "agent" if spot.sent else "typed")
        self._add(spot, "turn", "open")
        for number in range(pictures):
            self.items.append((f"{spot.key}:{number}", spot.session, spot.at, "image", "prompt", None, None))
        mentions = values.readable(message.file_mentions, records.mentions)
        for number in range(len(mentions.files) if mentions else 0):
            self.items.append((f"{spot.key}:{number}", spot.session, spot.at, "attachment", "file", None, None))
        mode = safe_name(values.named(message.agent_mode))
        if mode and mode != self._mode:
            if self._mode is not None:
                self._add(spot, "mode", mode)
            self._mode = mode

    def answer(self, message: records.Message, spot: Spot) -> None:
        """An answer that was served, or broken off: each kind of block once, and each call."""
        blocks = message.blocks
        kinds = [block.type for block in blocks]
        for kind in dict.fromkeys(_SAID[one] for one in kinds if one in _SAID):
            self._add(spot, kind, "")
        for block in blocks:
            if block.type == "tool_use" and block.id:
                self._call(block, (block.id, spot.session, spot.at))
        stage = message.stage
        if stage is None or stage == "complete":
            if "tool_use" not in kinds:
                self._end("completed", spot.at)
        elif stage == "error":
            self._add(spot, "api-error", OTHER)
            self._end("failed", spot.at)
        else:
            self._add(spot, "abort", "interrupted" if stage == _BROKEN_OFF else OTHER)
            self._end("aborted", spot.at)

    def _end(self, name: str, at: int | None) -> None:
        turn = self._turn
        if turn is not None:
            took = at - turn.at if at is not None and turn.at is not None and at >= turn.at else None
            self.items.append((turn.key, turn.session, turn.at, "turn", name, took, None))

    def model(self, told: str | None, spot: Spot) -> None:
        """Which model has answered."""
        name = safe_name(told and told.replace("/", ":"))
        if name and name != self._model:
            if self._model is not None:
                self._add(spot, "model-switch", name)
            self._model = name

    def info(self, message: records.Message, spot: Spot) -> None:
        """What is neither the user's nor the model's: commands that the user runs, summaries, notes."""
        for number, block in enumerate(message.blocks):
            row = (f"{spot.key}:{number}", spot.session, spot.at)
            if block.type == "manual_bash_invocation":
                self.items.append((*row, "command", "bash", None, None))
            elif block.type == "summary":
                self.items.append((*row, "compaction", "", None, None))
            elif block.type == "text":
                self.items.append((*row, "injected", "info", None, None))

    def _call(self, block: records.Block, place: Place) -> None:
        name = block.name if isinstance(block.name, str) else ""
        tool = safe_name(name) or OTHER
        self._calls[place[0]] = place, tool
        self.items.append((*place, "tool", tool, None, _plain(block.input)))
        if name in _WEB:
            self.items.append((*place, "web", _WEB[name], None, None))
        elif name.startswith(_MCP):
            server, _, own = name.removeprefix(_MCP).partition("__")
            self.items.append(server_item(place, server, own))
        elif name in _LOOKED_INTO:
            self._looked_into(place, name, block.input)

    def _result(self, call: str, raw: records.Raw) -> None:
        """How a call went; a tool that runs may tell it more than once, the last word in a later version."""
        place, tool = self._calls.get(call, (None, ""))
        run = values.readable(raw, records.run)
        if place is None or run is None or not isinstance(run.status, str):
            return
        if run.status in _FAILED:
            self.items.append((*place, "tool-error", tool, None, None))
        if run.status == _DENIED:
            self.items.append((*place, "tool-denied", tool, None, None))
        if run.status == "done" and tool == _UNDO:
            self.items.append((*place, "undo", "", None, None))

    def _looked_into(self, place: Place, name: str, raw: records.Raw) -> None:
        given = values.readable(raw, records.given) or records.Given()
        if name == _SKILL:
            self.items.append((*place, "skill", safe_name(given.name) or "default", None, None))
        elif name in _AGENTS:
            told = safe_name(given.subagent_type) or _AGENTS[name]
            self.items.append((*place, "subagent", told, None, None))
        else:
            command = given.cmd if given.cmd is not None else given.command
            item = shell_item(place, command) if isinstance(command, str) else None
            if item is not None:
                self.items.append(item)


def _plain(given: records.Raw) -> bytes | None:
    """What a tool was called with, however the document is indented."""
    return values.readable(given, _compact)


def _compact(raw: bytes) -> bytes:
    return msgspec.json.format(raw, indent=-1)
