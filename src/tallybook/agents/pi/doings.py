"""What happens in a session besides answers, as items whose keys every copy of an entry keeps.

An entry is known by its id and its time, which forks copy; a call by its answer and its own id. What an entry says of
the way here, such as another model than before, is told by the order of the file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from tallybook.agents import values
from tallybook.agents.local_calls import LocalCalls
from tallybook.agents.names import OTHER, safe_name
from tallybook.agents.pi import names, records

if TYPE_CHECKING:
    from tallybook.agents.calls import Place
    from tallybook.agents.port import ItemRow

_SAID: Final = {"text": "message", "thinking": "reasoning", "redactedThinking": "reasoning"}
_WEB: Final = {"fetch": "fetch", "web_fetch": "fetch", "web_search": "search"}
_RUNS: Final = {"bashExecution": "bash", "pythonExecution": "python"}
_SHELL: Final = "bash"
_SENDS: Final = "task"
_SKILL: Final = "skill-prompt"
_MCP: Final = "mcp__"
_ENDS: Final = {"stop": "completed", "length": "completed", "error": "failed", "aborted": "aborted"}
_MILLISECOND: Final = 1000
_LARGEST: Final = 2**40
_STATUSES: Final = range(100, 600)
_TIPS: Final = 64


class Spot(msgspec.Struct, frozen=True, gc=False):
    """An entry: who it is, whose and when."""

    key: str
    session: str
    at: int | None
    identity: str
    """Its id within its tree; empty where it has none."""
    parent: str | None
    """Id of the entry that it follows."""
    sent: bool
    """The session was sent by another one."""


class Progress(msgspec.Struct, array_like=True):
    """What a later run of lines must know."""

    waiting: dict[str, tuple[str, int | None, str]] = msgspec.field(default_factory=dict)
    keys: dict[str, str] = msgspec.field(default_factory=dict)
    turn: tuple[str, int | None] | None = None
    """The prompt that began the running turn, and when."""
    model: str | None = None
    effort: str | None = None
    mode: str | None = None
    tips: list[str] = msgspec.field(default_factory=list)
    """The last entry of the conversation, and those that have followed it since."""


class Doings:
    """The items of one run of lines."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._items: list[ItemRow] = []
        self._calls = LocalCalls(progress.waiting, progress.keys, self._items)

    def finish(self) -> tuple[ItemRow, ...]:
        """All items of these lines."""
        return self._calls.finish()

    def _add(self, spot: Spot, kind: str, name: str, amount: int | None = None) -> None:
        self._items.append((spot.key, spot.session, spot.at, kind, name, amount, None))

    def follow(self, spot: Spot, *, talk: bool) -> None:
        """An entry stands in the tree; a part of the conversation that follows no other end of it is a step back."""
        progress = self._progress
        follows = spot.parent in progress.tips
        if not talk:
            if follows and spot.identity:
                progress.tips = [*progress.tips[:1], *progress.tips[1:][1 - _TIPS :], spot.identity]
            return
        if progress.tips and spot.identity and not follows:
            self._add(spot, "rollback", "branch")
        progress.tips = [spot.identity] if spot.identity else []

    def asked(self, message: records.Message, spot: Spot) -> None:
        """A message of the user, or one that stands for it."""
        if message.synthetic is True:
            self._add(spot, "injected", "synthetic")
        elif not spot.sent and message.attribution == "agent":
            self._add(spot, "injected", "agent")
        else:
            self._prompt(spot, message.blocks)

    def _prompt(self, spot: Spot, blocks: list[records.Block]) -> None:
        self._progress.turn = spot.key, spot.at
        self._add(spot, "prompt", "agent" if spot.sent else "typed")
        self._add(spot, "turn", "open")
        for number in range(sum(block.type == "image" for block in blocks)):
            self._items.append((f"{spot.key}:{number}", spot.session, spot.at, "image", "prompt", None, None))

    def put_in(self, told: records.PutIn, spot: Spot) -> None:
        """A message of an extension, or of the program; a person may have asked for it."""
        kind = values.named(told.custom_type)
        if kind == _SKILL:
            named = values.readable(told.details, records.details)
            self._add(spot, "skill", safe_name(named.name if named else None) or OTHER)
        if told.attribution == "user":
            self._prompt(spot, told.blocks)
        elif kind != _SKILL:
            self._add(spot, "injected", safe_name(kind))

    def message(self, message: records.Message, spot: Spot) -> None:
        """A message that is neither the user's nor the model's."""
        match message.role:
            case "toolResult":
                call = values.named(message.tool_call_id)
                if call is not None:
                    self._calls.end(names.short(call), spot.at, message.is_error is True)
            case "bashExecution" | "pythonExecution" as role:
                self._add(spot, "command", _RUNS[role])
                if message.exclude_from_context is not True:
                    self._add(spot, "injected", "command-output")
            case "custom" | "hookMessage":
                self.put_in(message, spot)
            case "developer":
                self._add(spot, "injected", "developer")
            case "fileMention":
                for number in range(len(values.readable(message.files, records.many) or ())):
                    key = f"{spot.key}:{number}"
                    self._items.append((key, spot.session, spot.at, "attachment", "file", None, None))
            case _:
                pass

    def answer(self, message: records.Message, spot: Spot) -> None:
        """An answer of the model: each kind of block once, each phase of text once, each call."""
        place = (spot.key, spot.session, spot.at)
        seen: set[tuple[str, str]] = set()
        pictures = 0
        for block in message.blocks:
            kind = _SAID.get(block.type or "")
            if kind is not None:
                phase = _phase(block) if kind == "message" else ""
                if (kind, phase) not in seen:
                    seen.add((kind, phase))
                    key = f"{spot.key}/{phase}" if phase else spot.key
                    self._items.append((key, spot.session, spot.at, kind, phase, None, None))
            elif block.type == "toolCall" and block.id:
                self._call(block, names.short(block.id), spot)
            elif block.type == "image":
                self._items.append((f"{spot.key}:{pictures}", *place[1:], "image", "generated", None, None))
                pictures += 1
        self.model(values.named(message.model), spot)
        first = _number(message.ttft)
        if first is not None and 0 <= first < _LARGEST:
            self._add(spot, "first-token", "", round(first * _MILLISECOND))
        self._end(message, spot)

    def _end(self, message: records.Message, spot: Spot) -> None:
        stop = values.named(message.stop_reason) or ""
        if stop == "error":
            status = values.readable(message.error_status, records.count)
            self._add(spot, "api-error", f"http-{status}" if status in _STATUSES else OTHER)
        elif stop == "aborted":
            self._add(spot, "abort", "interrupted")
        turn, name = self._progress.turn, _ENDS.get(stop)
        if turn is not None and name is not None:
            key, began = turn
            took = spot.at - began if spot.at is not None and began is not None and spot.at >= began else None
            self._items.append((key, spot.session, spot.at, "turn", name, took, None))
            if name != "failed":  # which is tried once more
                self._progress.turn = None

    def _call(self, block: records.Block, identity: str, spot: Spot) -> None:
        name = block.name if isinstance(block.name, str) else ""
        place = (f"{spot.key}/{identity}", spot.session, spot.at)
        self._calls.begin(identity, place, safe_name(name) or OTHER, bytes(block.arguments))
        if name == _SHELL:
            given = values.readable(block.arguments, records.given)
            if given and isinstance(given.command, str):
                self._calls.command(place, given.command)
        elif name == _SENDS:
            self._sent(block.arguments, place)
        elif name in _WEB:
            self._items.append((*place, "web", _WEB[name], None, None))
        else:
            self._served(name, place)

    def _served(self, name: str, place: Place) -> None:
        """A tool of a server; oh-my-pi does not say where its own name begins."""
        told = name.removeprefix(_MCP)
        if told != name and "__" not in told:
            self._items.append((*place, "mcp", safe_name(told) or OTHER, None, None))
        else:
            self._calls.server(place, name)

    def _sent(self, arguments: records.Raw, place: Place) -> None:
        """Subagents: one, or several at once."""
        given = values.readable(arguments, records.given)
        if given is None:
            return
        several = given.tasks if isinstance(given.tasks, list) else [{"agent": given.agent}]
        for number, one in enumerate(several):
            agent = one.get("agent") if isinstance(one, dict) else None
            row = (f"{place[0]}:{number}", *place[1:], "subagent", safe_name(agent) or "default", None, None)
            self._items.append(row)

    def model(self, model: str | None, spot: Spot) -> None:
        """What answers from here on."""
        before, name = self._progress.model, safe_name(model and model.replace("/", ":"))
        if name and name != before:
            self._progress.model = name
            if before is not None:
                self._add(spot, "model-switch", name)

    def effort(self, level: str | None, spot: Spot) -> None:
        """How hard the model thinks from here on."""
        before, name = self._progress.effort, safe_name(level)
        if name and name != before:
            self._progress.effort = name
            if before is not None:
                self._add(spot, "effort", name)

    def mode(self, mode: str | None, spot: Spot) -> None:
        """How the agent works from here on."""
        name = safe_name(mode)
        if name and name != self._progress.mode:
            self._progress.mode = name
            self._add(spot, "mode", name)

    def compacted(self, entry: records.Entry, spot: Spot) -> None:
        """The context was replaced by a summary."""
        before = _number(entry.tokens_before)
        amount = int(before) if before is not None and 0 <= before < _LARGEST else None
        self._add(spot, "compaction", safe_name(values.text(entry.method)), amount)

    def reset(self, spot: Spot) -> None:
        """All of the context was taken away."""
        self._add(spot, "rollback", "reset")

    def ruled(self, spot: Spot) -> None:
        """Rules were put in, since something that was written called for them."""
        self._add(spot, "injected", "rules")


def _phase(block: records.Block) -> str:
    told = block.text_signature
    if not isinstance(told, str) or not told.startswith("{"):
        return ""
    said = values.readable(told.encode("utf-8", "surrogatepass"), records.signature)
    return safe_name(said.phase) if said else ""


def _number(raw: records.Raw) -> float | None:
    return values.readable(raw, records.number)
