"""What happens in a thread besides responses, as items whose keys every copy of a line keeps.

A key is the id of a call where there is one. Else it is the turn and the place in it: of two copies the one that
holds fewer things has the same first ones. Of a thing that is told in several ways only one way is heard, or all
of them lead to the same key.
"""

from __future__ import annotations

import re
from hashlib import blake2b
from typing import TYPE_CHECKING, Final

import msgspec

from tallybook.agents.calls import Calls, Waiting, server_item
from tallybook.agents.codex import records
from tallybook.agents.codex.owner import Owner
from tallybook.agents.lines import on_demand
from tallybook.agents.names import OTHER, safe_name

if TYPE_CHECKING:
    from tallybook.agents.calls import Place
    from tallybook.agents.port import ItemRow

_SHELLS: Final = frozenset({"container.exec", "exec_command", "local_shell", "shell", "shell_command", "unified_exec"})
_SPAWNS: Final = "spawn_agent"
_LOOKED_INTO: Final = _SHELLS | {_SPAWNS}
_SERVED: Final = frozenset({"image_generation_call", "web_search_call"})
_PUT_IN: Final = frozenset({
    "collaboration_mode",
    "environment_context",
    "permissions instructions",
    "skill",
    "subagent_notification",
    "turn_aborted",
    "user_instructions",
    "user_shell_command",
})  # fmt: skip
_TAG: Final = r"<([a-z_]{1,40}(?: instructions)?)>(?:\s{0,8}<name>([^<]{1,80})</name>)?"
_AGENTS: Final = "# AGENTS.md instructions"
_MILLISECOND: Final = 1000
_LONGEST: Final = 2**40
_KEY_SIZE: Final = 8


class _Shell(msgspec.Struct, gc=False):
    command: str | list[str] | None = None
    cmd: str | list[str] | None = None
    agent_type: object = None
    type: object = None


_arguments: Final = on_demand(str)
_shell: Final = on_demand(_Shell)
_content: Final = on_demand(list[records.Content])


class Progress(msgspec.Struct, array_like=True):
    """What a later run of lines must know."""

    owner: Owner = msgspec.field(default_factory=Owner)
    turn: str = ""
    """The turn that is going on: its id, or what stands for one in logs of before February 2026."""
    named: bool = False
    """Whether that is an id."""
    counted: dict[str, int] = msgspec.field(default_factory=dict)
    """How often each thing without an id was told in this turn."""
    waiting: Waiting = msgspec.field(default_factory=dict)
    model: str | None = None
    approval: str | None = None
    sandbox: str | None = None
    instructions: int | None = None
    """Their length."""


class Doings:
    """The items of one run of lines."""

    def __init__(self, progress: Progress) -> None:
        self.progress = progress
        self.items: list[ItemRow] = []
        self._calls = Calls(progress.waiting, self.items)
        self.result = self._calls.result
        """A tool has given its result."""

    def finish(self) -> tuple[ItemRow, ...]:
        """All items of these lines."""
        return self._calls.finish()

    def _add(self, kind: str, name: str, at: int | None, key: str | None = None) -> None:
        """An item of the running turn; without a key its place in the turn is one."""
        progress = self.progress
        if key is None:
            counted = progress.counted
            number = counted[kind] = counted.get(kind, 0) + 1
            key = f"{progress.turn}:{number}"
        owner = progress.owner
        session = owner.session if owner.copying else owner.thread
        self.items.append((key, session, at, kind, name, None, None))

    def _place(self, kind: str, turn: str | None = None) -> str:
        counted = self.progress.counted
        number = counted[kind] = counted.get(kind, 0) + 1
        return f"{turn or self.progress.turn}:{number}"

    def enter(self, turn: str, *, named: bool = True) -> None:
        """A turn goes on, or begins."""
        if turn != self.progress.turn:
            self.progress.turn, self.progress.named = turn, named
            self.progress.counted.clear()

    def thread(self, thread: str, raw: records.SessionMeta, at: int | None) -> None:
        """The head of a thread, its own or a copied one.

        Turns without ids are told apart by the last head of a file, or by the thread that it says it was forked from:
        that is where the lines behind it were written first.
        """
        self.enter((raw.forked_from_id if raw.history_base is None else None) or thread, named=False)
        base = raw.base_instructions
        for name, text in (("base", base.get("text") if isinstance(base, dict) else base), ("user", raw.instructions)):
            if isinstance(text, str) and text:
                self._instructions(f"{thread}:{name}", name, text, at)
        if isinstance(raw.instructions, str):
            self.progress.instructions = len(raw.instructions)

    def _instructions(self, key: str, name: str, text: str, at: int | None) -> None:
        secret = text.encode("utf-8", "surrogatepass")
        self.items.append((key, self.progress.owner.session, at, "instructions", name, len(text), secret))

    def turn_started(self, turn: str | None, at: int | None) -> None:
        """A turn begins; it is open until its end is told."""
        if turn:
            self.enter(turn)
            self._add("turn", "open", at, turn)

    def turn_ended(self, ended: records.TurnEnded, name: str, at: int | None) -> None:
        """A turn has come to an end, finished or not."""
        turn = ended.turn_id or self.progress.turn
        session = self.progress.owner.session
        status = "failed" if name == "completed" and ended.error is not None else name
        self.items.append((turn, session, at, "turn", status, _microseconds(ended.duration_ms), None))
        first = _microseconds(ended.time_to_first_token_ms)
        if first is not None:
            self.items.append((turn, session, at, "first-token", "", first, None))
        if name == "aborted":
            self._add("abort", safe_name(ended.reason), at, turn)

    def context(self, context: records.TurnContext, at: int | None) -> None:
        """What a turn runs with; told where it is another than before."""
        progress = self.progress
        if context.turn_id:
            self.enter(context.turn_id)
        for kind, name in (("approval", _policy(context.approval_policy)), ("sandbox", _sandbox(context))):
            if name and name != getattr(progress, kind):
                setattr(progress, kind, name)
                self._add(kind, name, at)
        if context.model and context.model != progress.model:
            if progress.model is not None:
                self._add("model-switch", safe_name(context.model.replace("/", ":")), at)
            progress.model = context.model
        text = context.user_instructions
        if isinstance(text, str) and text and len(text) != progress.instructions:
            progress.instructions = len(text)
            self._instructions(self._place("instructions"), "user", text, at)

    def prompt(self, asked: records.Asked, at: int | None) -> None:
        """A person asks for something (legacy history). Without ids this begins a turn."""
        progress = self.progress
        if not progress.named:
            size = len(asked.message) if isinstance(asked.message, str) else 0
            chained = f"{progress.turn}\0{size}".encode("utf-8", "surrogatepass")
            self.enter(blake2b(chained, digest_size=_KEY_SIZE).hexdigest(), named=False)
            self._add("turn", "open", at, progress.turn)
        self._add("prompt", "typed", at)
        for pictures in (asked.images, asked.local_images):
            for _ in pictures if isinstance(pictures, list) else ():
                self._add("image", "prompt", at)

    def completed(self, done: records.ItemCompleted, at: int | None) -> None:
        """An item of a paginated history; those that other lines tell of too are left to these."""
        if done.turn_id:
            self.enter(done.turn_id)
        item = done.item
        match item.type:
            case "UserMessage":
                self._add("prompt", "typed", at)
                for part in item.content or ():
                    if part.type in {"image", "local_image"}:
                        self._add("image", "prompt", at)
            case "McpToolCall" if isinstance(item.id, str):
                self.items.append(server_item((item.id, self.progress.owner.session, at), item.server, item.tool))
            case "EnteredReviewMode":
                self.review(at)
            case _:
                pass

    def message(self, said: records.Said, at: int | None) -> None:
        """A message of the model by its phase, or one that the program put in."""
        if said.role == "assistant":
            self._add("message", safe_name(said.phase), at)
        elif said.role == "developer":
            self._add("injected", "developer", at)
        elif said.role == "user" and bytes(said.content).startswith(b"["):
            for part in _content(said.content):
                if isinstance(part.text, str):
                    self._injected(part.text, at)

    def _injected(self, text: str, at: int | None) -> None:
        if text.startswith(_AGENTS):
            self._add("injected", "user_instructions", at)
        elif (tag := re.match(_TAG, text)) and tag[1] in _PUT_IN:
            self._add("injected", safe_name(tag[1].replace(" ", "-")), at)
            if tag[1] == "skill":
                self._add("skill", safe_name(tag[2]) or OTHER, at)

    def reasoning(self, at: int | None) -> None:
        """The model has thought."""
        self._add("reasoning", "", at)

    def call(self, kind: str, call: records.ToolCall, at: int | None) -> None:
        """A tool is called, or the provider has searched or drawn."""
        if kind in _SERVED:
            self._served(kind, call, at)
            return
        owner = self.progress.owner
        session = owner.session if owner.copying else owner.thread
        key = call.call_id or (call.id if isinstance(call.id, str) else None) or self._place("call")
        name = call.name if isinstance(call.name, str) else kind.removesuffix("_call")
        space = call.namespace if isinstance(call.namespace, str) else ""
        given = bytes(call.arguments) or bytes(call.input) or bytes(call.action)
        place = (key, session, at)
        self._calls.call(place, safe_name(f"{space}.{name}" if space else name) or OTHER, given)
        if name in _LOOKED_INTO:
            self._looked_into(place, name, call)
        if space.startswith("mcp__"):
            self.items.append(server_item(place, space.removeprefix("mcp__").removesuffix("__"), name))
        else:
            self._calls.server(place, name)

    def _looked_into(self, place: Place, name: str, call: records.ToolCall) -> None:
        try:
            given = _shell(_arguments(call.arguments)) if bytes(call.arguments) else _shell(call.action)
        except (msgspec.MsgspecError, ValueError, RecursionError):
            return
        if name == _SPAWNS:
            self.items.append((*place, "subagent", safe_name(given.agent_type) or "default", None, None))
            return
        command = given.command if given.command is not None else given.cmd
        if command:
            self._calls.command(place, command)

    def _served(self, kind: str, call: records.ToolCall, at: int | None) -> None:
        if kind == "image_generation_call":
            self._add("image", "generated", at)
            return
        try:
            action = _shell(call.action).type if bytes(call.action).startswith(b"{") else None
        except msgspec.MsgspecError:
            action = OTHER
        self._add("web", safe_name(action) or "search", at)

    def server_call(self, call: records.ServerCall, at: int | None) -> None:
        """A call of an MCP server's tool has come to its end (legacy history)."""
        if call.call_id and call.invocation:
            place = (call.call_id, self.progress.owner.session, at)
            self.items.append(server_item(place, call.invocation.server, call.invocation.tool))

    def compacted(self, at: int | None) -> None:
        """The history was replaced by a summary: by the model's window, or by a person in a turn of its own."""
        trigger = "auto" if self.progress.counted.get("prompt") else "manual"
        self._add("compaction", trigger if self.progress.named else "", at)

    def rolled_back(self, turns: object, at: int | None) -> None:
        """Turns were taken out of the context."""
        amount = turns if type(turns) is int and 0 <= turns < _LONGEST else None
        self.items.append((self._place("rollback"), self.progress.owner.session, at, "rollback", "", amount, None))

    def review(self, at: int | None) -> None:
        """A review begins."""
        self._add("review", "", at, self.progress.turn)

    def undone(self, at: int | None) -> None:
        """What a turn has changed was undone."""
        self._add("undo", "", at)

    def failed(self, failure: records.Failure, at: int | None) -> None:
        """The service has failed."""
        info = failure.codex_error_info
        name = next(iter(info), None) if isinstance(info, dict) else info
        self._add("api-error", safe_name(name), at)


def _microseconds(milliseconds: object) -> int | None:
    if type(milliseconds) is not int or not 0 <= milliseconds < _LONGEST:
        return None
    return milliseconds * _MILLISECOND


def _policy(told: object) -> str:
    if isinstance(told, dict):
        return safe_name(next(iter(told), None))
    return safe_name(told)


def _sandbox(context: records.TurnContext) -> str:
    """Its kind and its flags; never the directories that it names."""
    told = context.sandbox_policy
    if not isinstance(told, dict):
        return safe_name(told)
    flags = {
        "network": told.get("network_access") is True or told.get("network_access") == "enabled",
        "no-tmpdir": told.get("exclude_tmpdir_env_var") is True,
        "no-tmp": told.get("exclude_slash_tmp") is True,
    }
    return "+".join([safe_name(told.get("type", told.get("mode"))), *(flag for flag, on in flags.items() if on)])
