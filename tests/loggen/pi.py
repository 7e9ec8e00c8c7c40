"""Pi's sessions made up entry by entry, and a small world of them whose true usage is known."""

from __future__ import annotations

import json
import random
import uuid
from collections import Counter
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

Json = dict[str, Any]
Parts = tuple[int, int, int, int]
"""Input, cache read, cache write, output."""

START: Final = 1_780_000_000_000
"""28 May 2026, in milliseconds since the epoch."""
MODELS: Final = ("claude-sonnet-4-5", "gpt-5.1", "qwen3-coder")
ROOT: Final = "/home/ada/.pi/agent/sessions/--srv-shop--"


def stamp(at: int) -> str:
    """A time as Pi writes it, of milliseconds since the epoch."""
    return datetime.fromtimestamp(at / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def uuid7(number: int, at: int) -> str:
    """The id of a session that was born then."""
    return str(uuid.UUID(f"{at:012x}7{number % 4096:03x}8{number:015x}"))


def path(session: str, at: int, root: str = ROOT) -> str:
    """Where the session's file lies."""
    return f"{root}/{stamp(at).replace(':', '-').replace('.', '-')}_{session}.jsonl"


def head(session: str, at: int, parent: str | None = None, **more: object) -> Json:
    """The first line of a file."""
    told: Json = {"type": "session", "version": 3, "id": session, "timestamp": stamp(at), "cwd": "/srv/shop", **more}
    return told if parent is None else {**told, "parentSession": parent}


def usage(parts: Parts, **more: object) -> Json:
    """The usage of an answer."""
    given, read, write, output = parts
    cost = {"input": 0.1, "output": 0.2, "cacheRead": 0.0, "cacheWrite": 0.0, "total": 0.3}
    total = sum(parts)
    told = {"input": given, "output": output, "cacheRead": read, "cacheWrite": write, "totalTokens": total}
    return {**told, "cost": cost, **more}


def entry(kind: str, identity: str | None, at: int, **more: object) -> Json:
    """A line behind the first; before version 2 it has no id."""
    named = {} if identity is None else {"id": identity, "parentId": None}
    return {"type": kind, **named, "timestamp": stamp(at), **more}


def prompt(identity: str | None, at: int) -> Json:
    """A message of the user."""
    message = {"role": "user", "content": [{"type": "text", "text": 'add "usage":{"input":5}'}], "timestamp": at}
    return entry("message", identity, at, message=message)


def answer(identity: str | None, at: int, used: Json | None, **more: object) -> Json:
    """A message of the model; ``calls`` are ids of its tool calls."""
    calls = more.pop("calls", ())
    assert isinstance(calls, tuple | list)
    blocks = [{"type": "toolCall", "id": call, "name": "bash", "arguments": {"command": "ls"}} for call in calls]
    message: Json = {
        "role": "assistant",
        "content": [{"type": "text", "text": 'done {"usage":{"input":9}}'}, *blocks],
        "api": "anthropic-messages",
        "provider": "anthropic",
        "model": MODELS[0],
        "stopReason": "toolUse" if calls else "stop",
        "timestamp": at - 40,
        **more,
    }
    return entry("message", identity, at, message=message if used is None else {**message, "usage": used})


def encode(lines: list[Json], rng: random.Random | None = None) -> bytes:
    """The bytes of a file; with ``rng``, keys in any order and blanks where JSON allows them."""
    if rng is None:
        return b"".join(json.dumps(line, separators=(",", ":")).encode() + b"\n" for line in lines)
    return b"".join(_shuffled(line, rng) + b"\n" for line in lines)


def _shuffled(line: Json, rng: random.Random) -> bytes:
    gaps = rng.choice([(",", ":"), (", ", ": "), (" ,", " :\t")])
    return json.dumps(_reordered(line, rng), separators=gaps, ensure_ascii=rng.random() < 0.5).encode()


def _reordered(value: object, rng: random.Random) -> object:
    if isinstance(value, list):
        return [_reordered(one, rng) for one in value]
    if not isinstance(value, dict):
        return value
    names = list(value)
    rng.shuffle(names)
    return {name: _reordered(value[name], rng) for name in names}


def result(identity: str | None, at: int, call: str, *, failed: bool) -> Json:
    """What a tool gave back."""
    told = {"role": "toolResult", "toolCallId": call, "toolName": "bash", "content": [], "isError": failed}
    return entry("message", identity, at, message={**told, "timestamp": at})


TALK: Final = frozenset({"message", "compaction", "branch_summary", "custom_message", "reset_boundary"})
"""Entries that are parts of a conversation."""


class Session(msgspec.Struct):
    """One file as it stands now."""

    id: str
    path: str
    born: int
    lines: list[Json]
    parent: str | None = None
    leaf: int = 0
    """How many of its lines the next entry follows."""
    turn: str | None = None
    """The prompt whose turn is running."""


Served = tuple[str, Parts, str]
"""Session, tokens and model of one answer."""
Happened = tuple[str, str, str]
"""Session, kind and name of something that happened."""


class World(msgspec.Struct):
    """Sessions that answer, branch, fork, compact and fail as Pi's do."""

    rng: random.Random
    tells: bool = True
    """Whether the provider tells ids of its answers."""
    repeats: bool = False
    """Whether it gives the same few ids again and again."""
    sessions: list[Session] = []
    served: list[Served] = []
    happened: dict[str, list[Happened]] = {}
    """By the id of the entry that tells of it."""
    serial: int = 0

    def tick(self) -> int:
        """A moment of its own."""
        self.serial += 1
        return START + 1000 * self.serial

    def step(self) -> None:
        """Something happens."""
        if not self.sessions or self.rng.random() < 0.1:
            self.open()
        session = self.rng.choice(self.sessions)
        match self.rng.randrange(12):
            case 10:
                self.change(session)
            case 11:
                self.put_in(session)
            case 0:
                self.fork(session, whole=True)
            case 1:
                self.fork(session, whole=False)
            case 2:  # the user goes back to an earlier entry; the lines of the other branch stay
                session.leaf = self.rng.randrange(1, len(session.lines) + 1)
            case 3:
                self.compact(session)
            case 4:
                self.fail(session)
            case 5:
                self.aside(session)
            case _:
                self.answer(session)

    def open(self, parent: Session | None = None, lines: tuple[Json, ...] = ()) -> Session:
        """A new session, which may begin with copies."""
        at = self.tick()
        name = uuid7(self.serial, at)
        first = head(name, at, parent.path if parent else None)
        session = Session(name, path(name, at), at, [first, *lines], parent.id if parent else None)
        session.leaf = len(session.lines)
        self.sessions.append(session)
        return session

    def answer(self, session: Session) -> None:
        """A prompt and its answer."""
        line = prompt(self._id(), self.tick())
        if self.rng.random() < 0.2:
            line["message"]["content"].append({"type": "image", "data": "x", "mimeType": "image/png"})
        pictures = [("image", "prompt")] * (len(line["message"]["content"]) - 1)
        session.turn = line["id"]
        self._add(session, line, ("prompt", "typed"), ("turn", "open"), *pictures)
        model, at = self.rng.choice(MODELS), self.tick()
        told: Json = {"responseId": self._response()} if self.tells else {}
        calls = (self.rng.choice(["call_0", f"call_{self.serial}"]),) if self.rng.random() < 0.3 else ()
        switch = [("model-switch", model)] if self._model_of(session) not in {None, model} else []
        used = [("tool", "bash"), ("shell", "ls")] * len(calls)
        line = answer(self._id(), at, usage(self._serve(session, model)), model=model, calls=calls, **told)
        self._add(session, line, ("message", ""), *used, *switch)
        if not calls:
            self._end(session, "completed")
        elif self.rng.random() < 0.8:
            failed = self.rng.random() < 0.3
            line = result(self._id(), self.tick(), calls[0], failed=failed)
            self._add(session, line, *[("tool-error", "bash")] * failed)

    def change(self, session: Session) -> None:
        """Another model, or another level of thinking."""
        if self.rng.random() < 0.5:
            model = self.rng.choice(MODELS)
            switch = [("model-switch", model)] if self._model_of(session) not in {None, model} else []
            line = entry("model_change", self._id(), self.tick(), provider="anthropic", modelId=model)
            self._add(session, line, *switch)
            return
        level = self.rng.choice(["low", "high"])
        levels = [line["thinkingLevel"] for line in session.lines if line["type"] == "thinking_level_change"]
        changed = [("effort", level)] if levels and levels[-1] != level else []
        self._add(session, entry("thinking_level_change", self._id(), self.tick(), thinkingLevel=level), *changed)

    def put_in(self, session: Session) -> None:
        """What an extension says, or a command that the user runs."""
        if self.rng.random() < 0.5:
            told: Json = {"customType": "notes", "content": "x", "display": True}
            self._add(session, entry("custom_message", self._id(), self.tick(), **told), ("injected", "notes"))
            return
        message = {"role": "bashExecution", "command": "ls", "output": "x", "exitCode": 0, "timestamp": self.tick()}
        line = entry("message", self._id(), self.tick(), message=message)
        self._add(session, line, ("command", "bash"), ("injected", "command-output"))

    def fork(self, session: Session, *, whole: bool) -> None:
        """All of another session, or the branch that one stands on, copied into a new one."""
        lines = session.lines[1:] if whole else session.lines[1 : session.leaf]
        self.open(session, tuple(json.loads(json.dumps(lines))))

    def compact(self, session: Session) -> None:
        """A compaction, whose own usage later versions log; how long the context was is no usage."""
        told: Json = {"summary": "so far", "tokensBefore": 90_000, "firstKeptEntryId": "00000000"}
        if self.rng.random() < 0.5:
            told["usage"] = usage(self._serve(session, self._model_of(session) or "unknown"))
        self._add(session, entry("compaction", self._id(), self.tick(), **told), ("compaction", ""))

    def fail(self, session: Session) -> None:
        """An answer that never came."""
        stop = self.rng.choice(["error", "aborted"])
        told = ("api-error", "other") if stop == "error" else ("abort", "interrupted")
        switch = [("model-switch", MODELS[0])] if self._model_of(session) not in {None, MODELS[0]} else []
        line = answer(self._id(), self.tick(), usage((0, 0, 0, 0)), stopReason=stop)
        self._add(session, line, ("message", ""), told, *switch)
        self._end(session, "failed" if stop == "error" else "aborted")

    def aside(self, session: Session) -> None:
        """A call that is no part of the conversation."""
        kind, model = self.rng.choice(["usage", "model_usage"]), self.rng.choice(MODELS)
        used = usage(self._serve(session, model))
        told: Json = {"provider": "openai", "model": model, "usage": used, "stopReason": "stop", "purpose": "title"}
        self._add(session, entry(kind, self._id(), self.tick(), **told))

    def files(self) -> dict[str, bytes]:
        """Every file by its path."""
        return {session.path: encode(session.lines) for session in self.sessions}

    def expected(self) -> Counter[Served]:
        """All that was served."""
        return Counter(self.served)

    def happenings(self, present: set[str]) -> Counter[Happened]:
        """All that happened and stands in these files."""
        here = [one for one in self.sessions if one.path in present]
        told = {line["id"] for one in here for line in one.lines[1:]}
        return Counter(thing for name in told for thing in self.happened.get(name, ()))

    def _add(self, session: Session, line: Json, *things: tuple[str, str]) -> None:
        line["parentId"] = session.lines[session.leaf - 1].get("id") if session.leaf > 1 else None
        talk = [one for one in session.lines[1:] if one["type"] in TALK]
        if line["type"] in TALK and talk and self._said_before(session, line) is not talk[-1]:
            things = (*things, ("rollback", "branch"))
        self.happened[line["id"]] = [(session.id, kind, name) for kind, name in things]
        session.lines.append(line)
        session.leaf = len(session.lines)

    def _said_before(self, session: Session, line: Json) -> Json | None:
        """The part of the conversation that an entry follows."""
        known = {one["id"]: one for one in session.lines[1:]}
        here = known.get(line["parentId"])
        while here is not None and here["type"] not in TALK:
            here = known.get(here["parentId"])
        return here

    def _end(self, session: Session, name: str) -> None:
        """The running turn has come to an end; one that has failed may be tried again."""
        if session.turn is not None:
            told = self.happened[session.turn]
            told[:] = [(one[0], "turn", name) if one[1] == "turn" else one for one in told]
            session.turn = session.turn if name == "failed" else None

    def _serve(self, session: Session, model: str) -> Parts:
        self.serial += 1
        n = self.serial
        parts = (3 + n, 10_000 + 31 * n, 500 + 7 * n, 100 + n)
        self.served.append((session.id, parts, model))
        return parts

    def _model_of(self, session: Session) -> str | None:
        """The model that an answer or the user has named last."""
        named = [line.get("modelId") or line.get("message", {}).get("model") for line in session.lines]
        return next((model for model in reversed(named) if model), None)

    def _response(self) -> str:
        return f"chatcmpl-{self.rng.randrange(3)}" if self.repeats else f"msg_{self.serial:024x}"

    def _id(self) -> str:
        return f"{self.rng.getrandbits(32):08x}"
