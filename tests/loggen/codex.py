"""Codex rollouts made up line by line, and a small world of sessions whose true usage is known."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

Usage = tuple[int, int, int, int, int]
"""Input, cached, written to the cache, output, reasoning."""

ZERO: Usage = (0, 0, 0, 0, 0)
ROOT = "/home/ada/.codex"
START = datetime(2026, 9, 1, 8, 0, 0, tzinfo=UTC)


def uuid7(number: int, moment: datetime = START) -> str:
    """A UUIDv7 made at ``moment``."""
    ticks = f"{int(moment.timestamp() * 1000):012x}"
    return f"{ticks[:8]}-{ticks[8:]}-7{number % 0xFFF:03x}-8000-{number:012x}"


def uuid4(number: int) -> str:
    """A UUID that tells no time."""
    return f"{number:08x}-0000-4000-8000-{number:012x}"


def plus(left: Usage, right: Usage) -> Usage:
    return (left[0] + right[0], left[1] + right[1], left[2] + right[2], left[3] + right[3], left[4] + right[4])


def counts(usage: Usage, total: int | None = None) -> dict[str, int]:
    """The counts as Codex writes them."""
    return {
        "input_tokens": usage[0],
        "cached_input_tokens": usage[1],
        "cache_write_input_tokens": usage[2],
        "output_tokens": usage[3],
        "reasoning_output_tokens": usage[4],
        "total_tokens": usage[0] + usage[3] if total is None else total,
    }


class Rollout(msgspec.Struct):
    """One file, line by line."""

    thread: str
    moment: datetime = START
    paginated: bool = False
    lines: list[dict[str, Any]] = msgspec.field(default_factory=list)

    @property
    def key(self) -> str:
        return f"{ROOT}:rollout-2026-09-01T10-00-00-{self.thread}"

    def put(self, kind: str, payload: dict[str, Any]) -> None:
        line: dict[str, Any] = {"timestamp": stamp(self.moment)}
        if self.paginated:
            line["ordinal"] = len(self.lines)
        self.lines.append({**line, "type": kind, "payload": payload})
        self.moment += timedelta(milliseconds=700)

    def event(self, kind: str, **payload: Any) -> None:  # noqa: ANN401 - JSON
        self.put("event_msg", {"type": kind, **payload})

    def item(self, kind: str, **payload: Any) -> None:  # noqa: ANN401 - JSON
        self.put("response_item", {"type": kind, **payload})

    def meta(self, **more: Any) -> None:  # noqa: ANN401 - JSON
        self.put(
            "session_meta",
            {"id": self.thread, "timestamp": stamp(self.moment), "cwd": "/srv/shop", "source": "cli", **more},
        )

    def turn(self, turn: str | None, model: str | None, message: str = "add a shelf") -> None:
        if turn is not None:
            self.event("task_started", turn_id=turn, model_context_window=258400)
        if model is not None:
            self.put("turn_context", {"turn_id": turn, "cwd": "/srv/shop", "model": model, "effort": "high"})
        self.event("user_message", message=message, images=[])

    def call(self, call: str) -> None:
        self.item("function_call", name="exec_command", arguments='{"cmd":"ls"}', call_id=call)

    def output(self, call: str) -> None:
        self.item("function_call_output", call_id=call, output='{"type":"token_count","usage":{"input_tokens":9}}')

    def say(self) -> None:
        self.item("message", role="assistant", content=[{"type": "output_text", "text": "done"}])

    def count(self, total: Usage, last: Usage | None, total_tokens: int | None = None) -> None:
        info = {"total_token_usage": counts(total), "model_context_window": 258400}
        if last is not None:
            info["last_token_usage"] = counts(last, total_tokens)
        self.event("token_count", info=info, rate_limits={"primary": {"used_percent": 2.5, "window_minutes": 300}})

    def limits(self) -> None:
        self.event("token_count", info=None, rate_limits={"primary": {"used_percent": 2.5}})

    def record(self, response: str, usage: Usage, turn: str | None = None) -> None:
        self.put(
            "token_usage_record",
            {
                "thread_id": self.thread,
                "turn_id": turn,
                "response_id": response,
                "usage": counts(usage),
                "turn_token_usage": counts(usage),
                "thread_token_usage": counts(plus(usage, (5000, 0, 0, 9, 0))),
            },
        )

    def settings(self, thread: str | None, model: str, tier: str | None = None) -> None:
        told = {} if thread is None else {"thread_id": thread}
        self.event("thread_settings_applied", **told, thread_settings={"model": model, "service_tier": tier})

    def copy(self, lines: list[dict[str, Any]]) -> None:
        """Take over an ancestor's lines, written anew now."""
        for line in lines:
            self.put(line["type"], line["payload"])
            self.moment -= timedelta(milliseconds=695)

    def data(self) -> bytes:
        return b"".join(json.dumps(line, separators=(",", ":")).encode() + b"\n" for line in self.lines)


def stamp(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def is_count(line: dict[str, Any]) -> bool:
    return bool(line["payload"].get("type") == "token_count")


class Truth(msgspec.Struct, frozen=True):
    """One response as it was served."""

    session: str
    model: str
    usage: Usage
    calls: tuple[str, ...] = ()


Happening = tuple[str, str, str]
"""Thread, kind, and a name of its own."""


class Session(msgspec.Struct):
    """One session of the world: its file, its counter, and what a reader can know from the file."""

    rollout: Rollout
    total: Usage = ZERO
    turn: str | None = None
    model: str = "unknown"
    lineage: tuple[str, ...] = ()
    truths: list[Truth] = msgspec.field(default_factory=list)
    copied: list[Truth] = msgspec.field(default_factory=list)
    """Responses of ancestors that stand in this file too."""
    recorded: set[Truth] = msgspec.field(default_factory=set)
    """Responses that records alone tell."""
    happened: list[Happening] = msgspec.field(default_factory=list)
    """What the thread itself has done, in its order."""
    inherited: list[Happening] = msgspec.field(default_factory=list)
    """What ancestors have done and stands in this file too."""

    def does(self, kind: str, name: object) -> None:
        """Remember what happened; the name is another for everything."""
        self.happened.append((self.rollout.thread, kind, str(name)))


class World(msgspec.Struct):
    """Sessions that answer, fork and spawn as Codex of one time does."""

    era: str
    """``2025``: no turn ids, every count twice; ``legacy``: turn ids, copies; ``paginated``: references, ordinals."""
    sessions: list[Session] = msgspec.field(default_factory=list)
    number: int = 0
    moment: datetime = START

    def tick(self) -> int:
        self.number += 1
        self.moment += timedelta(minutes=1)
        return self.number

    def start(self, **meta: Any) -> Session:  # noqa: ANN401 - JSON
        number = self.tick()
        thread = uuid4(number) if self.era == "2025" else uuid7(number, self.moment)
        rollout = Rollout(thread, self.moment, paginated=self.era == "paginated")
        session = Session(rollout)
        self.sessions.append(session)
        rollout.meta(**meta)
        return session

    def begin_turn(self, session: Session, model: str | None) -> None:
        number = self.tick()
        session.rollout.moment = max(session.rollout.moment, self.moment)
        session.turn = None if self.era == "2025" else uuid7(number, self.moment)
        session.model = model or session.model
        session.rollout.turn(session.turn, model, "add " + "x" * number)
        session.does("prompt", number)
        session.does("turn", number)

    def respond(self, session: Session, calls: int, *, recorded: bool = False, counted: bool = True) -> None:
        """One response: tool calls, a record of it, its count, a repetition of the count."""
        number = self.tick()
        rollout = session.rollout
        rollout.moment = max(rollout.moment, self.moment)
        ids = tuple(f"call_{number}_{nth}" for nth in range(calls))
        usage = (1000 + 17 * number, 128 * (number % 5), number % 3, 100 + number, number % 11)
        truth = Truth(rollout.thread, session.model, usage, ids)
        for call in ids:
            rollout.call(call)
            session.does("tool", call)
            session.does("shell", call)
        if not calls:
            rollout.say()
            session.does("message", number)
        late = self.era != "2025"
        if recorded:
            rollout.record(f"resp_{number}", usage, session.turn)
        if late:
            for call in ids:
                rollout.output(call)
        if counted:
            session.total = plus(session.total, usage)
            rollout.count(session.total, usage)
        else:
            session.recorded.add(truth)
        if not late:
            for call in ids:
                rollout.output(call)
            rollout.count(session.total, usage)
        session.truths.append(truth)

    def noise(self, session: Session, kind: int) -> None:
        """Counts that are no usage."""
        rollout = session.rollout
        if kind == 0:
            rollout.limits()
        elif kind == 1 and session.total != ZERO:
            rollout.count(session.total, ZERO, total_tokens=6859)
        elif kind == 2:
            session.total = ZERO
            rollout.count(ZERO, ZERO, total_tokens=258400)
        elif kind == 3:
            session.total = ZERO  # an old Codex resumed the session

    def fork(self, parent: Session, *, fresh: bool = False, spawned: bool = False) -> Session:
        """A new session that goes on from ``parent``, or a subagent of it."""
        thread = parent.rollout.thread
        meta: dict[str, Any] = {}
        if spawned:
            meta["source"] = {"subagent": {"thread_spawn": {"parent_thread_id": thread, "depth": 1}}}
            meta["parent_thread_id"] = thread
        if fresh:
            return self.start(**meta)
        meta["forked_from_id"] = thread
        if self.era == "paginated":
            child = self._paginated(parent, meta, spawned=spawned)
        else:
            child = self.start(**meta)
            child.rollout.copy([line for line in parent.rollout.lines if not (spawned and is_record(line))])
            child.copied = [
                truth for truth in parent.copied + parent.truths if not (spawned and truth in parent.recorded)
            ]
            child.recorded = set() if spawned else set(parent.recorded)
            child.inherited = parent.inherited + parent.happened
        child.lineage = (thread, *parent.lineage)
        child.total = parent.total
        child.model = "unknown" if "history_base" in child.rollout.lines[0]["payload"] else parent.model
        if self.era == "legacy":
            child.rollout.settings(child.rollout.thread, child.model)
        return child

    def _paginated(self, parent: Session, meta: dict[str, Any], *, spawned: bool) -> Session:
        lines = parent.rollout.lines
        if not spawned:
            base = {"thread_id": parent.rollout.thread, "end_ordinal_exclusive": len(lines)}
            return self.start(**meta, history_base=base)
        kept = [line for line in lines if not (is_record(line) or is_count(line))]
        child = self.start(**meta, subagent_history_start_ordinal=len(kept) + 1)
        child.rollout.copy(kept)
        child.inherited = parent.inherited + parent.happened
        return child

    def files(self) -> dict[str, bytes]:
        return {session.rollout.key: session.rollout.data() for session in self.sessions}

    def expected(self, present: set[str]) -> Counter[Usage]:
        """The usage that the files ``present`` tell, each response once."""
        held = [session for session in self.sessions if session.rollout.key in present]
        return Counter({truth.usage: 1 for session in held for truth in session.truths + session.copied})

    def happenings(self, present: set[str]) -> set[Happening]:
        """What happened, as far as the files ``present`` tell."""
        held = [session for session in self.sessions if session.rollout.key in present]
        return {one for session in held for one in session.happened + session.inherited}


def is_record(line: dict[str, Any]) -> bool:
    return bool(line["type"] == "token_usage_record")
