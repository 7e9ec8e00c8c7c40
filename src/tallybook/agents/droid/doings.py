"""What happens in a session besides its total, as items whose keys every copy of a line keeps.

A fork copies lines as they are, up to the message that its head names. A message is known by its id, a call by its
message and its own id.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from tallybook.agents import values
from tallybook.agents.calls import server_item
from tallybook.agents.droid import records
from tallybook.agents.local_calls import LocalCalls
from tallybook.agents.names import OTHER, safe_name

if TYPE_CHECKING:
    from tallybook.agents.calls import Place
    from tallybook.agents.port import ItemRow

_SHELL: Final = "Execute"
_SENDS: Final = "Task"
_SKILL: Final = "Skill"
_LOOKED_INTO: Final = frozenset({_SHELL, _SENDS, _SKILL})
_WEB: Final = {"FetchUrl": "fetch", "WebSearch": "search"}
_SERVER: Final = "___"
_TAGS: Final = {b'"<system-reminder>': "reminder", b'"<system-notification>': "notification"}
_BROKEN_OFF: Final = frozenset({b'"Request cancelled by user"', b'"Request interrupted by user"'})
_COMPLETED: Final = frozenset({"completed", "spec_handoff"})
_ABORTED: Final = frozenset({"cancelled", "permission_rejected", "process_exit"})
_SERVICE: Final = "model_"
"""How reasons begin for which the service gave no answer."""
_ATTACHED: Final = {"image": ("image", "prompt"), "document": ("attachment", "document")}


class Spot(msgspec.Struct, frozen=True, gc=False):
    """A line: who it is, whose and when."""

    key: str
    session: str
    at: int | None
    sent: bool
    """The session was sent by another one."""


class Turn(msgspec.Struct, array_like=True):
    """What a prompt has begun."""

    key: str
    session: str
    at: int | None
    ended: bool = False
    """An answer came that called nothing."""


class Progress(msgspec.Struct, array_like=True):
    """What a later run of lines must know."""

    waiting: dict[str, tuple[str, int | None, str]] = msgspec.field(default_factory=dict)
    keys: dict[str, str] = msgspec.field(default_factory=dict)
    turn: Turn | None = None
    at: int | None = None
    """When the last message was written."""
    model: str | None = None
    effort: str | None = None
    mode: str | None = None


class Doings:
    """The items of one run of lines."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._items: list[ItemRow] = []
        self._calls = LocalCalls(progress.waiting, progress.keys, self._items)

    def finish(self) -> tuple[ItemRow, ...]:
        """All items of these lines."""
        return self._calls.finish()

    def _add(self, spot: Spot, kind: str, name: str) -> None:
        self._items.append((spot.key, spot.session, spot.at, kind, name, None, None))

    def message(self, message: records.Message, spot: Spot) -> None:
        """A message of anybody; what is shown to the user alone is no part of the conversation."""
        self._progress.at = spot.at if spot.at is not None else self._progress.at
        shown = message.visibility == "user_only"
        if message.role == "assistant":
            if shown:
                self._ran(message.blocks, spot)
            else:
                self._answer(message, message.blocks, spot)
        elif message.role in {"user", "tool"} and not shown:
            self._asked(message, message.blocks, spot)

    def _ran(self, blocks: list[records.Block], spot: Spot) -> None:
        """A command that the user runs is shown as if the model had."""
        if any(block.type == "tool_use" and block.name == _SHELL for block in blocks):
            self._add(spot, "command", "bash")

    def _asked(self, message: records.Message, blocks: list[records.Block], spot: Spot) -> None:
        """A user's message: results, what was put in, and what a person or another session says."""
        texts: list[bytes] = []
        attached: list[tuple[str, str]] = []
        for block in blocks:
            if block.type == "tool_result":
                if isinstance(block.tool_use_id, str):
                    self._calls.end(block.tool_use_id, spot.at, block.is_error is True)
            elif block.type == "text":
                texts.append(bytes(block.text))
            elif block.type in _ATTACHED:
                attached.append(_ATTACHED[block.type])
        if isinstance(message.content, str):
            texts.append(msgspec.json.encode(message.content))
        if texts or attached:
            self._said(message, texts, attached, spot)

    def _said(self, message: records.Message, texts: list[bytes], attached: list[tuple[str, str]], spot: Spot) -> None:
        tags = {name for text in texts for tag, name in _TAGS.items() if text.startswith(tag)}
        said = [text for text in texts if not text.startswith(tuple(_TAGS))]
        for name in sorted(tags):
            self._items.append((f"{spot.key}/{name}", spot.session, spot.at, "injected", name, None, None))
        if not said and not attached:
            return
        turn = self._progress.turn
        if any(text in _BROKEN_OFF for text in said):
            self._add(spot, "abort", "interrupted")
            self._turn("aborted", spot.at)
        elif message.visibility == "llm_only" or message.hidden_from_user_views is True:
            self._progress.turn = None if turn is not None and turn.ended else turn
            self._add(spot, "injected", "hidden")
        else:
            self._prompt(message, attached, spot)

    def _prompt(self, message: records.Message, attached: list[tuple[str, str]], spot: Spot) -> None:
        self._progress.turn = Turn(spot.key, spot.session, spot.at)
        self._add(spot, "prompt", "agent" if spot.sent else "typed")
        self._add(spot, "turn", "open")
        for number, (kind, name) in enumerate(attached):
            self._items.append((f"{spot.key}:{number}", spot.session, spot.at, kind, name, None, None))
        self._mode(message, spot)

    def _answer(self, message: records.Message, blocks: list[records.Block], spot: Spot) -> None:
        kinds = {block.type for block in blocks}
        if "text" in kinds or isinstance(message.content, str):
            self._add(spot, "message", safe_name(message.openai_phase))
        if kinds & {"thinking", "redacted_thinking"} or message.has_thought:
            self._add(spot, "reasoning", "")
        for block in blocks:
            if block.type == "tool_use" and isinstance(block.id, str) and block.id:
                self._call(block, block.id, spot)
        self._changed(message, spot)
        turn = self._progress.turn
        if "tool_use" not in kinds and turn is not None:
            turn.ended = True
            self._turn("completed", spot.at)

    def _turn(self, name: str, at: int | None) -> None:
        turn = self._progress.turn
        if turn is not None:
            took = at - turn.at if at is not None and turn.at is not None and at >= turn.at else None
            self._items.append((turn.key, turn.session, turn.at, "turn", name, took, None))

    def _changed(self, message: records.Message, spot: Spot) -> None:
        """What answers, and how hard it thinks, where it is another than before."""
        progress = self._progress
        model, effort = values.named(message.model_id), safe_name(values.named(message.reasoning_effort))
        name = safe_name(model and model.replace("/", ":"))
        if name and name != progress.model:
            if progress.model is not None:
                self._add(spot, "model-switch", name)
            progress.model = name
        if effort and effort != progress.effort:
            if progress.effort is not None:
                self._add(spot, "effort", effort)
            progress.effort = effort

    def _mode(self, message: records.Message, spot: Spot) -> None:
        mode = safe_name(values.named(message.interaction_mode))
        if mode and mode != self._progress.mode:
            if self._progress.mode is not None:
                self._add(spot, "mode", mode)
            self._progress.mode = mode

    def _call(self, block: records.Block, identity: str, spot: Spot) -> None:
        name = block.name if isinstance(block.name, str) else ""
        space = block.namespace if isinstance(block.namespace, str) else ""
        place = (f"{spot.key}/{identity}", spot.session, spot.at)
        told = safe_name(f"{space}.{name}" if space else name) or OTHER
        self._calls.begin(identity, place, told, bytes(block.input))
        if name in _LOOKED_INTO:
            self._looked_into(place, name, block.input)
        elif name in _WEB:
            self._items.append((*place, "web", _WEB[name], None, None))
        elif _SERVER in name:
            server, _, tool = name.partition(_SERVER)
            self._items.append(server_item(place, server, tool))

    def _looked_into(self, place: Place, name: str, raw: records.Raw) -> None:
        given = values.readable(raw, records.given)
        if given is None:
            return
        if name == _SHELL:
            if isinstance(given.command, str):
                self._calls.command(place, given.command)
            return
        kind, told = ("subagent", given.subagent_type) if name == _SENDS else ("skill", given.skill or given.name)
        self._items.append((*place, kind, safe_name(told) or "default", None, None))

    def compacted(self, record: records.Record, spot: Spot) -> None:
        """The context was replaced by a summary."""
        self._add(spot, "compaction", safe_name(values.text(record.summary_kind)))

    def outcome(self, record: records.Record, spot: Spot) -> None:
        """How a turn ended, in builds that say so; the line has no time of its own."""
        reason = values.text(record.reason)
        if reason is None:
            return
        turn = self._progress.turn
        row = (spot.key, spot.session if turn is None else turn.session, self._progress.at)
        if reason in _ABORTED:
            self._items.append((*row, "abort", safe_name(reason), None, None))
        elif reason.startswith(_SERVICE):
            self._items.append((*row, "api-error", safe_name(reason), None, None))
        if turn is not None:
            name = "completed" if reason in _COMPLETED else "aborted" if reason in _ABORTED else "failed"
            self._items.append((turn.key, turn.session, turn.at, "turn", name, None, None))
            self._progress.turn = None
