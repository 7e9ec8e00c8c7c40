"""What happens in a session besides responses, as items whose keys every copy of a record keeps.

Keys are ids of messages, calls and records. A fork keeps them and the times, and so does an agent that is given its
parent's conversation. So a record that is older than its file is told two milliseconds later than the original, one of
an agent one, and the original is the one that counts wherever it is there.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import msgspec

from tallybook.agents.calls import Calls
from tallybook.agents.claude_code.prompts import Kind, command_of, kind_of
from tallybook.agents.lines import on_demand
from tallybook.agents.names import safe_name
from tallybook.agents.port import LimitSample

if TYPE_CHECKING:
    from tallybook.agents.calls import Place, Waiting
    from tallybook.agents.claude_code.records import Answer, Block, Entry, System
    from tallybook.agents.port import ItemRow

COPY: Final = 1000
"""Microseconds: the step by which what may be a copy is told later."""
_SUBAGENTS: Final = frozenset({"Agent", "Task"})
_SAID: Final = {"text": "message", "thinking": "reasoning", "redacted_thinking": "reasoning"}
_LOOKED_INTO: Final = _SUBAGENTS | {"Bash", "Skill"}
_WEB: Final = {"WebFetch": "fetch", "WebSearch": "search", "web_fetch": "fetch", "web_search": "search"}
_WINDOWS: Final = {"five_hour": 300, "seven_day": 10_080, "seven_day_opus": 10_080, "seven_day_sonnet": 10_080}
_MILLISECOND: Final = 1000
_SECOND: Final = 1_000_000
_LARGEST: Final = 2**40
_LIMIT: Final = r"[a-z][a-z_]{1,40}"


class _Given(msgspec.Struct, gc=False):
    """What a tool was called with, as far as it has a name."""

    command: object = None
    skill: object = None
    subagent_type: object = None


_given: Final = on_demand(_Given)


class Spot(msgspec.Struct, frozen=True, gc=False):
    """Where and when a record stands."""

    session: str
    """With the thread."""
    at: int | None
    key: str
    """Of the record: its id, or else its place."""
    main: bool
    """In the main conversation."""


class Progress(msgspec.Struct, array_like=True):
    """What a later run of lines must know."""

    waiting: dict[str, tuple[str, int | None, str]] = msgspec.field(default_factory=dict)
    turn: str | None = None
    """The record that began the running turn of the main conversation."""
    model: str | None = None
    approval: str | None = None
    message: tuple[str, str | None, str] | None = None
    """The answer whose blocks are coming."""
    kinds: list[str] = msgspec.field(default_factory=list)
    """Kinds of its blocks up to now."""


class Doings:
    """The items of one run of lines."""

    def __init__(self, progress: Progress) -> None:
        self.progress = progress
        self.items: list[ItemRow] = []
        self.limits: list[LimitSample] = []
        waiting: Waiting = progress.waiting
        self._calls = Calls(waiting, self.items)

    def finish(self) -> tuple[ItemRow, ...]:
        """All items of these lines."""
        return self._calls.finish()

    def _add(self, spot: Spot, kind: str, name: str, amount: int | None = None) -> None:
        self.items.append((spot.key, spot.session, spot.at, kind, name, amount, None))

    def entry(self, entry: Entry, spot: Spot) -> Kind:
        """A user record; returns what it is."""
        results = entry.results
        for said in results:
            if isinstance(said.call, str):
                self._calls.result(said.call, spot.at, said.failed is True)
        if results:
            return Kind.RESULT
        kind = kind_of(entry)
        if kind is Kind.HUMAN:
            self._prompt(entry, spot)
        elif kind is Kind.ABORT:
            self._add(spot, "abort", "interrupted")
            self._end(spot, "aborted", None)
        elif kind is Kind.COMMAND:
            self._add(spot, "command", safe_name(command_of(entry.text)))
        else:
            self._add(spot, "injected", kind.value)
        return kind

    def _prompt(self, entry: Entry, spot: Spot) -> None:
        progress = self.progress
        self._add(spot, "prompt", "typed" if spot.main else "agent")
        for number in range(entry.pictures):
            self.items.append((f"{spot.key}:{number}", spot.session, spot.at, "image", "prompt", None, None))
        if spot.main:
            progress.turn = spot.key
            self._add(spot, "turn", "open")
            approval = safe_name(entry.approval)
            if approval and approval != progress.approval:
                progress.approval = approval
                self._add(spot, "approval", approval)

    def _end(self, spot: Spot, name: str, amount: int | None) -> None:
        turn = self.progress.turn
        if turn is not None and spot.main:
            self.items.append((turn, spot.session, spot.at, "turn", name, amount, None))

    def answer(self, answer: Answer, spot: Spot) -> None:
        """One row of an answer: a row holds one block, and an answer has each kind of block once."""
        message, progress = answer.message, self.progress
        identity = (message.id or spot.key, answer.request, spot.session)
        if identity != progress.message:
            progress.message = identity
            progress.kinds.clear()
        # Gateways, which give no request ids, use ids of messages again.
        key = message.id if message.id and answer.request else spot.key
        for block in message.content if isinstance(message.content, list) else ():
            kind = _SAID.get(block.type) if isinstance(block.type, str) else None
            if kind is not None:
                if kind not in progress.kinds:
                    progress.kinds.append(kind)
                    self.items.append((key, spot.session, spot.at, kind, "", None, None))
            elif isinstance(block.id, str):
                self._call(block, block.id, spot)
        if message.model != progress.model and spot.main and isinstance(message.model, str):
            self._model(message.model, (key, spot.session, spot.at))
        if answer.quota is not None:
            self._quota(answer.quota, spot)

    def _model(self, told: str, place: Place) -> None:
        if self.progress.model is not None:
            self.items.append((*place, "model-switch", safe_name(told.replace("/", ":")), None, None))
        self.progress.model = told

    def _call(self, block: Block, key: str, spot: Spot) -> None:
        name = block.name if isinstance(block.name, str) else ""
        if block.type == "server_tool_use":
            self.items.append((key, spot.session, spot.at, "web", _WEB.get(name, "other"), None, None))
        elif block.type == "tool_use":
            given = bytes(block.input)
            place = (key, spot.session, spot.at)
            self._calls.call(place, safe_name(name) or "other", given)
            if name in _LOOKED_INTO:
                self._looked_into(place, name, given)
            elif name in _WEB:
                self.items.append((*place, "web", _WEB[name], None, None))
            else:
                self._calls.server(place, name)

    def _looked_into(self, place: Place, name: str, raw: bytes) -> None:
        try:
            given = _given(raw)
        except (msgspec.MsgspecError, ValueError, RecursionError):
            return
        if name == "Bash":
            if isinstance(given.command, str):
                self._calls.command(place, given.command)
            return
        kind, told = (
            ("subagent", given.subagent_type) if name in _SUBAGENTS else ("skill", given.skill or given.command)
        )
        self.items.append((*place, kind, safe_name(told) or "default", None, None))

    def failed(self, answer: Answer, spot: Spot) -> None:
        """An answer that the program made up itself, since the service gave none."""
        if answer.failed is True:
            self._add(spot, "api-error", safe_name(answer.error) or "other")
        if answer.quota is not None:
            self._quota(answer.quota, spot)

    def system(self, record: System, spot: Spot) -> None:
        """What the program says of itself."""
        match record.subtype:
            case "compact_boundary" | "microcompact_boundary":
                told = record.compacted if isinstance(record.compacted, dict) else {}
                micro = record.subtype != "compact_boundary"
                name = "micro" if micro else safe_name(told.get("trigger"))
                self._add(spot, "compaction", name, _count(told.get("preTokens")))
            case "api_error":
                error = record.error if isinstance(record.error, dict) else {}
                status = _count(error.get("status"))
                self._add(spot, "api-error", "network" if status is None else f"http-{status}")
            case "turn_duration":
                duration = _count(record.duration)
                self._end(spot, "completed", None if duration is None else duration * _MILLISECOND)
            case _:
                pass

    def _quota(self, told: object, spot: Spot) -> None:
        if not isinstance(told, dict) or spot.at is None:
            return
        limit, resets = told.get("rateLimitType"), _count(told.get("resetsAt"))
        if isinstance(limit, str) and re.fullmatch(_LIMIT, limit):
            used = 10_000 if told.get("status") == "rejected" else None
            at = None if resets is None else resets * _SECOND
            self.limits.append(LimitSample(spot.session, spot.at, limit, _WINDOWS.get(limit), used, at))


def _count(told: object) -> int | None:
    return told if type(told) is int and 0 <= told < _LARGEST else None
