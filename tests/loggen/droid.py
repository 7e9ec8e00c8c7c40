"""Droid's sessions made up step by step, and a small world of them whose true usage is known at every look."""

from __future__ import annotations

import json
import random
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
    told: Json = {"model": model, "reasoningEffort": "high", "interactionMode": "auto", "assistantActiveTimeMs": 5}
    if locked is not None:
        told |= {"providerLock": "anthropic", "providerLockTimestamp": stamp(locked)}
    if parts is not None:
        told |= {"tokenUsage": usage(parts), "inclusiveTokenUsage": usage((9, 9, 9, 9, 9))}
    return {**told, **more}


def start(session: str, at: int, **more: object) -> Json:
    """The first line of the file beside it."""
    told = {"type": "session_start", "id": session, "title": "Shelf", "owner": "ada", "cwd": "/srv/shop"}
    return {**told, "timestamp": stamp(at), **more}


def message(role: str, at: int | None) -> Json:
    """A message; it tells no usage."""
    content = [{"type": "text", "text": 'done {"tokenUsage":{"inputTokens":9}}'}]
    dated = {} if at is None else {"timestamp": stamp(at)}
    return {"type": "message", "id": f"m-{at}", **dated, "message": {"role": role, "content": content}}


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


class World(msgspec.Struct):
    """Sessions that answer, compact, fork and send subagents as Droid's do."""

    rng: random.Random
    resumes: bool = False
    """Whether a session goes on that was compacted into another one."""
    sessions: list[Session] = []
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
        match self.rng.randrange(10):
            case 0:
                session.compacted, at = True, self.tick()
                self.open(session.total, [{"parent": session.id}, compaction(at)])
            case 1:
                self.open(more=[{"parent": session.id, "forkedAtMessageId": "m"}])
            case 2:
                self.open(more=[{"callingSessionId": session.id}])
            case 3:
                session.model = self.rng.choice(MODELS)
                session.written = self.tick()
            case _ if self.resumes or not session.compacted:
                self.answer(session)

    def open(self, total: Parts = ZERO, more: list[Json] | None = None) -> Session:
        """A new session; ``more`` adds to its first line, and follows it."""
        at = self.tick()
        head, *others = more or [{}]
        session = Session(name(self.serial), total, written=at)
        session.records = [start(session.id, at, **head), *others]
        self.sessions.append(session)
        return session

    def answer(self, session: Session) -> None:
        """A prompt and its answer."""
        session.records += [message("user", self.tick()), message("assistant", self.tick())]
        n = self.serial
        used: Parts = (3 + n, 500 + 7 * n, 10_000 + 31 * n, 100 + n, n % 50)
        session.total, session.own = plus(session.total, used), plus(session.own, used)
        session.written = self.tick()

    def expected(self) -> dict[str, int]:
        """What each session used itself, without those that used nothing."""
        return {one.id: sum(one.own[:4]) for one in self.sessions if any(one.own)}
