"""What happens in a session besides responses, as items known by the ids of events, which every copy keeps.

A call is known by the event that told it first and its own id, since some servers count calls from 0 in each answer.
What depends on the way, such as another model than before, is told by the order of the file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from tallybook.agents import values
from tallybook.agents.calls import server_item, shell_item
from tallybook.agents.copilot_cli import records
from tallybook.agents.copilot_cli.happenings import (
    Asked,
    Broken,
    Completed,
    Failed,
    Given,
    Named,
    Said,
    Started,
    Summed,
    Told,
    decoders,
)
from tallybook.agents.local_calls import LocalCalls
from tallybook.agents.names import OTHER, safe_name

if TYPE_CHECKING:
    from collections.abc import Callable

    from tallybook.agents.calls import Place
    from tallybook.agents.port import ItemRow

_SHELLS: Final = frozenset({"bash", "powershell"})
_WEB: Final = {"web_fetch": "fetch", "web_search": "search"}
_DENIED: Final = ("denied", "rejected")
_TRIGGERS: Final = {"context_limit_retry": "auto", "manual": "manual", "memory_pressure": "auto", "threshold": "auto"}
_TYPED: Final = frozenset({"", "user"})
_SENT: Final = "agent-"
_STATUSES: Final = range(100, 600)
_LARGEST: Final = 2**40


class Spot(msgspec.Struct, frozen=True, gc=False):
    """An event: who it is, whose and when."""

    key: str
    session: str
    at: int | None
    told: int | None
    """``at``, but a little later where the event was copied."""
    agent: bool
    """Of a subagent."""


class Progress(msgspec.Struct, array_like=True):
    """What a later run of lines must know."""

    waiting: dict[str, tuple[str, int | None, str]] = msgspec.field(default_factory=dict)
    keys: dict[str, str] = msgspec.field(default_factory=dict)
    turn: tuple[str, int | None] | None = None
    """The prompt that began the running turn, and when."""
    model: str | None = None
    effort: str | None = None
    mode: str | None = None
    instructions: dict[str, int] = msgspec.field(default_factory=dict)
    """Their lengths."""


class Doings:
    """The items of one run of lines."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._items: list[ItemRow] = []
        self._calls = LocalCalls(progress.waiting, progress.keys, self._items)
        self._takers: dict[type, Callable[[str, Any, Spot], None]] = {
            Asked: self._asked,
            Said: self._said,
            Started: self._started,
            Completed: self._completed,
            Summed: self._summed,
            Broken: self._broken,
            Failed: self._failed,
            Named: self._named,
            Told: self._told,
        }

    def finish(self) -> tuple[ItemRow, ...]:
        """All items of these lines."""
        return self._calls.finish()

    def _add(self, spot: Spot, kind: str, name: str, amount: int | None = None) -> None:
        self._items.append((spot.key, spot.session, spot.told, kind, name, amount, None))

    def event(self, kind: str, data: records.Raw, spot: Spot) -> None:
        """Take one event, if it is of a kind that tells something and can be understood."""
        decode = decoders.get(kind)
        told = None if decode is None else values.readable(data, decode)
        if told is not None:
            self._takers[type(told)](kind, told, spot)

    def _asked(self, _: str, told: Asked, spot: Spot) -> None:
        source = told.source if isinstance(told.source, str) else ""
        sent = spot.agent or source.startswith(_SENT)
        if told.continues is True:
            self._add(spot, "injected", "autopilot")
        elif not sent and source not in _TYPED:
            self._add(spot, "injected", safe_name(source.partition("-")[0]))
        else:
            self._add(spot, "prompt", "agent" if sent else "typed")
            self._attached(told, spot)
            if not spot.agent:
                self._progress.turn = spot.key, spot.at
                self._add(spot, "turn", "open")
        if not spot.agent:
            self._change("mode", told.mode, spot)

    def _attached(self, told: Asked, spot: Spot) -> None:
        for number, one in enumerate(told.attachments if isinstance(told.attachments, list) else ()):
            kind, mime = (one.get("type"), one.get("mimeType")) if isinstance(one, dict) else (None, None)
            is_image = isinstance(mime, str) and mime.startswith("image/")
            name = "prompt" if is_image else safe_name(kind) or OTHER
            key = f"{spot.key}:{number}"
            self._items.append((key, spot.session, spot.told, "image" if is_image else "attachment", name, None, None))

    def _said(self, _: str, told: Said, spot: Spot) -> None:
        first = type(told.chunk) is not int or told.chunk == 0
        loud = isinstance(told.content, str) and bool(told.content.strip())
        if loud and first:
            self._add(spot, "message", safe_name(told.phase))
        if first and any((told.reasoning, told.opaque, told.encrypted)):
            self._add(spot, "reasoning", "")
        requests = told.requests or []
        for request in requests:
            if request.identity is not None:
                place = (f"{spot.key}/{request.identity}", spot.session, spot.told)
                self._call(request, request.identity, place)
        self._end(spot, "open" if requests or not loud else "completed")

    def _call(self, call: Given, identity: str, place: Place) -> None:
        name = call.name if isinstance(call.name, str) else call.tool if isinstance(call.tool, str) else ""
        self._calls.begin(identity, place, safe_name(name) or OTHER, bytes(call.arguments))
        self._server(call, place)
        if name in _WEB:
            self._items.append((*place, "web", _WEB[name], None, None))
        elif name in _SHELLS:
            command = values.readable(call.arguments, records.command)
            item = shell_item(place, command.command) if command and isinstance(command.command, str) else None
            if item is not None:
                self._items.append(item)

    def _server(self, call: Given, place: Place) -> None:
        if isinstance(call.server, str) and call.server:
            self._items.append(server_item(place, call.server, call.served))

    def _started(self, kind: str, told: Started, spot: Spot) -> None:
        """A call runs; most were told by the message that asked for it."""
        if told.identity is None:
            return
        if kind == "tool.user_requested":
            self._add(spot, "command", safe_name(told.tool) or OTHER)
        known = self._progress.keys.get(told.identity)
        if known is None:
            self._call(told, told.identity, (f"{spot.key}/{told.identity}", spot.session, spot.told))
        elif known in self._progress.waiting:
            session, at, _ = self._progress.waiting[known]
            self._server(told, (known, session, at))

    def _completed(self, _: str, told: Completed, spot: Spot) -> None:
        key = self._progress.keys.get(told.identity or "")
        if told.identity is None or key is None:
            return
        waiting = self._progress.waiting.get(key)
        failed = told.success is False
        self._calls.end(told.identity, spot.told, failed)
        code = told.error.get("code") if isinstance(told.error, dict) else None
        if failed and waiting is not None and code in _DENIED:
            self._items.append((key, waiting[0], spot.told, "tool-denied", waiting[2], None, None))

    def _broken(self, _: str, told: Broken, spot: Spot) -> None:
        self._add(spot, "abort", safe_name(told.reason))
        self._end(spot, "aborted")

    def _summed(self, kind: str, told: Summed, spot: Spot) -> None:
        """The context was replaced by a summary, or cut."""
        if kind == "session.truncation":
            self._add(spot, "compaction", "truncation", _count(told.messages))
        elif told.success is True:
            trigger = told.trigger if isinstance(told.trigger, str) else ""
            self._add(spot, "compaction", _TRIGGERS.get(trigger, safe_name(trigger)), _count(told.tokens))

    def _failed(self, _: str, told: Failed, spot: Spot) -> None:
        status = told.status
        name = f"http-{status}" if type(status) is int and status in _STATUSES else safe_name(told.kind) or OTHER
        self._add(spot, "api-error", name)
        self._end(spot, "failed")

    def _named(self, kind: str, told: Named, spot: Spot) -> None:
        """Somebody or something is used that has a name."""
        name = safe_name(told.agent if kind == "subagent.started" else told.name) or "default"
        if kind == "subagent.started":
            self._add(spot, "subagent", name)
        elif told.trigger == "context-load":
            self._add(spot, "injected", "skill")
        else:
            self._add(spot, "skill", name)

    def _told(self, kind: str, told: Told, spot: Spot) -> None:
        """What the program says of itself."""
        match kind:
            case "system.message":
                self._instructed(told, spot)
            case "system.notification":
                self._add(spot, "injected", "notification")
            case "session.permissions_changed":
                if told.mode_set:
                    self._add(spot, "approval", safe_name(told.mode_set))
            case _ if spot.agent:
                pass  # the model and the mode of a subagent are its own from the first on
            case "session.mode_changed":
                self._progress.mode = self._progress.mode or safe_name(told.mode_before)
                self._change("mode", told.mode_new, spot)
            case _:
                begins = kind == "session.start"
                model = told.selected if kind != "session.model_change" else told.model
                self._change("model-switch", model.replace("/", ":") if isinstance(model, str) else None, spot)
                if told.effort is not None and not begins:
                    self._change("effort", told.effort, spot)

    def _instructed(self, told: Told, spot: Spot) -> None:
        content = told.content
        name = "base" if told.role == "system" else safe_name(told.role)
        if isinstance(content, str) and content and self._progress.instructions.get(name) != len(content):
            self._progress.instructions[name] = len(content)
            secret = content.encode("utf-8", "surrogatepass")
            self._items.append((spot.key, spot.session, spot.told, "instructions", name, len(content), secret))

    def _change(self, kind: str, told: object, spot: Spot) -> None:
        """Something is so from here on; told where it is another than before."""
        field = "model" if kind == "model-switch" else kind
        name, before = safe_name(told) if isinstance(told, str) else "", getattr(self._progress, field)
        if name and name != before:
            setattr(self._progress, field, name)
            if before is not None:
                self._add(spot, kind, name)

    def _end(self, spot: Spot, name: str) -> None:
        """The turn has come so far; what ends in a subagent ends no turn."""
        turn = self._progress.turn
        if turn is not None and not spot.agent:
            key, began = turn
            took = spot.at - began if spot.at is not None and began is not None and spot.at >= began else None
            self._items.append((key, spot.session, spot.told, "turn", name, took, None))


def _count(told: object) -> int | None:
    return told if type(told) is int and 0 <= told < _LARGEST else None
