"""Droid's sessions made up step by step, and a small world of them whose true usage is known at every look."""

from __future__ import annotations

import json
import random
from collections import Counter
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

Json = dict[str, Any]
Parts = tuple[int, int, int, int, int]
"""Input, cache write, cache read, output, thinking."""

START: Final = 1_790_000_000_000
"""21 September 2026, in milliseconds since the epoch."""
MODELS: Final = ("claude-opus-4-5-20251101", "gpt-5.1-codex", "custom:local-0")
ZERO: Final[Parts] = (0, 0, 0, 0, 0)


def name(number: int) -> str:
    """The id of a session."""
    return f"{number:08x}-0000-4000-8000-{number:012x}"


def stamp(at: int) -> str:
    """A time as Droid writes it, of milliseconds since the epoch."""
    return datetime.fromtimestamp(at / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def usage(parts: Parts) -> Json:
    """A total."""
    names = ("inputTokens", "cacheCreationTokens", "cacheReadTokens", "outputTokens", "thinkingTokens")
    return dict(zip(names, parts, strict=True)) | {"factoryCredits": 12.5}


def settings(parts: Parts | None, locked: int | None = START, model: str = MODELS[0], **more: object) -> Json:
    """A document."""
    told: Json = {"model": model, "reasoningEffort": "high", "interactionMode": "auto", "autonomyMode": "auto-low"}
    if locked is not None:
        told |= {"providerLock": "anthropic", "providerLockTimestamp": stamp(locked)}
    if parts is not None:
        told |= {"tokenUsage": usage(parts), "inclusiveTokenUsage": usage((9, 9, 9, 9, 9))}
    return {**told, **more}


def start(session: str, at: int, **more: object) -> Json:
    """The first line of the file beside it."""
    told = {"type": "session_start", "id": session, "title": "Shelf", "owner": "ada", "cwd": "/srv/shop"}
    return {**told, "timestamp": stamp(at), **more}


def message(role: str, at: int | None, *blocks: Json, **more: object) -> Json:
    """A message; it tells no usage."""
    content = list(blocks) or [{"type": "text", "text": 'done {"tokenUsage":{"inputTokens":9}}'}]
    dated = {} if at is None else {"timestamp": stamp(at)}
    return {"type": "message", "id": f"m-{at}", **dated, "message": {"role": role, "content": content, **more}}


def use(call: str, name: object, /, **given: object) -> Json:
    """A block that calls a tool."""
    return {"type": "tool_use", "id": call, "name": name, "input": given}


def result(call: str, **more: object) -> Json:
    """A block with what a tool gave back."""
    return {"type": "tool_result", "tool_use_id": call, "content": "x", **more}


def outcome(turn: str, reason: str) -> Json:
    """How a turn ended."""
    return {"type": "agent_turn_outcome", "turnId": turn, "reason": reason, "resultKind": "text"}


def compaction(at: int) -> Json:
    """What a session begins with that goes on after a compaction."""
    return {"type": "compaction_state", "id": f"c-{at}", "timestamp": stamp(at), "summaryText": "so far"}


def encode(document: Json, rng: random.Random | None = None) -> bytes:
    """The bytes of a document; with ``rng``, keys in any order and blanks where JSON allows them."""
    if rng is None:
        return json.dumps(document, indent=2).encode()
    names = list(document)
    rng.shuffle(names)
    return json.dumps({one: document[one] for one in names}, indent=rng.choice([None, 2, "\t"])).encode()


def lines(records: list[Json]) -> bytes:
    """The bytes of a file of messages."""
    return b"".join(json.dumps(record, separators=(",", ":")).encode() + b"\n" for record in records)


def plus(first: Parts, second: Parts) -> Parts:
    """Part by part."""
    a, b, c, d, e = (one + other for one, other in zip(first, second, strict=True))
    return a, b, c, d, e


Happened = tuple[str, str, str]
"""Session, kind and name of something that happened."""


class Session(msgspec.Struct):
    """One session as it stands now."""

    id: str
    total: Parts
    own: Parts = ZERO
    """What it used itself, all in all."""
    records: list[Json] = []
    model: str = MODELS[0]
    written: int = 0
    compacted: bool = False
    sent: bool = False
    turn: str | None = None
    """The prompt whose turn is running."""


class World(msgspec.Struct):
    """Sessions that answer, compact, fork and send subagents as Droid's do."""

    rng: random.Random
    resumes: bool = False
    """Whether a session goes on that was compacted into another one."""
    sessions: list[Session] = []
    happened: dict[str, list[Happened]] = {}
    """By the id of the line that tells of it."""
    serial: int = 0

    def tick(self) -> int:
        """A moment of its own."""
        self.serial += 1
        return START + 60_000 * self.serial

    def step(self) -> None:
        """Something happens."""
        if not self.sessions or self.rng.random() < 0.1:
            self.open()
        session = self.rng.choice(self.sessions)
        match self.rng.randrange(11):
            case 0:
                session.compacted, at = True, self.tick()
                fresh = self.open(session.total, {"parent": session.id})
                self._add(fresh, compaction(at), ("compaction", ""))
            case 1:
                self.fork(session)
            case 2:
                self.open(more={"callingSessionId": session.id}).sent = True
            case 3:
                session.model = self.rng.choice(MODELS)
                session.written = self.tick()
            case 4:
                self.aside(session)
            case _ if self.resumes or not session.compacted:
                self.answer(session)

    def open(self, total: Parts = ZERO, more: Json | None = None) -> Session:
        """A new session; ``more`` adds to its first line."""
        at = self.tick()
        session = Session(name(self.serial), total, written=at)
        session.records = [start(session.id, at, **more or {})]
        self.sessions.append(session)
        return session

    def fork(self, session: Session) -> None:
        """A new session that begins with a copy of all lines, or of the first of them."""
        copies = json.loads(json.dumps(session.records[1 : self.rng.randrange(1, len(session.records) + 1)]))
        last = next((one["id"] for one in reversed(copies) if one["type"] == "message"), None)
        copies = copies if last else []
        more = {"forkedAtMessageId": last}
        if "callingSessionId" in session.records[0]:
            more["callingSessionId"] = session.records[0]["callingSessionId"]
        fork = self.open(more={**more, "parent": session.id})
        fork.sent = session.sent
        fork.records += copies

    def answer(self, session: Session) -> None:
        """A prompt and its answer, which may call a tool first."""
        line = message("user", self.tick(), {"type": "text", "text": "add a shelf"})
        pictures = self.rng.randrange(2)
        line["message"]["content"] += [{"type": "image", "source": {"data": "x"}}] * pictures
        session.turn = line["id"]
        asked = ("prompt", "agent" if session.sent else "typed")
        self._add(session, line, asked, ("turn", "open"), *[("image", "prompt")] * pictures)
        if self.rng.random() < 0.4:
            call = self.rng.choice(["call_0", f"toolu_{self.serial}"])
            line = message(
                "assistant", self.tick(), {"type": "thinking", "thinking": "x"}, use(call, "Execute", command="ls")
            )
            self._add(session, line, ("reasoning", ""), ("tool", "Execute"), ("shell", "ls"))
            failed = self.rng.random() < 0.3
            line = message("user", self.tick(), result(call, is_error=failed))
            self._add(session, line, *[("tool-error", "Execute")] * failed)
        if self.rng.random() < 0.8:
            self._add(session, message("assistant", self.tick()), ("message", ""))
            self._end(session, "completed")
        if self.rng.random() < 0.3:
            self.outcome(session)
        n = self.serial
        used: Parts = (3 + n, 500 + 7 * n, 10_000 + 31 * n, 100 + n, n % 50)
        session.total, session.own = plus(session.total, used), plus(session.own, used)
        session.written = self.tick()

    def outcome(self, session: Session) -> None:
        """How the turn ended is told in a line of its own."""
        reason = self.rng.choice(["completed", "cancelled", "model_rate_limited", "error"])
        told = {"cancelled": [("abort", reason)], "model_rate_limited": [("api-error", reason)]}.get(reason, [])
        line = outcome(f"turn-{self.tick()}", reason)
        self._add(session, line, *told)
        self._end(session, {"completed": "completed", "cancelled": "aborted"}.get(reason, "failed"))
        session.turn = None

    def aside(self, session: Session) -> None:
        """What the program puts in, or a command that the user runs."""
        if self.rng.random() < 0.5:
            line = message("user", self.tick(), {"type": "text", "text": "<system-reminder>x</system-reminder>"})
            self._add(session, line, ("injected", "reminder"))
        else:
            line = message("assistant", self.tick(), use("local", "Execute", command="ls"), visibility="user_only")
            self._add(session, line, ("command", "bash"))

    def _add(self, session: Session, line: Json, *things: tuple[str, str]) -> None:
        session.records.append(line)
        identity = line.get("id") or line["turnId"]
        self.happened[identity] = [(session.id, kind, name) for kind, name in things]

    def _end(self, session: Session, ended: str) -> None:
        if session.turn is not None:
            told = self.happened[session.turn]
            told[:] = [(one[0], "turn", ended) if one[1] == "turn" else one for one in told]

    def happenings(self, present: set[str]) -> Counter[Happened]:
        """All that happened and stands in the lines of these sessions, and the approval in their documents."""
        here = [one for one in self.sessions if one.id in present]
        told = {line.get("id") or line["turnId"] for one in here for line in one.records[1:]}
        found = Counter(thing for identity in told for thing in self.happened.get(identity, ()))
        return found + Counter((one.id, "approval", "auto-low") for one in here)

    def expected(self) -> dict[str, int]:
        """What each session used itself, without those that used nothing."""
        return {one.id: sum(one.own[:4]) for one in self.sessions if any(one.own)}
