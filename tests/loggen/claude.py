"""Claude Code logs made up from scratch: every count is chosen here, so the truth is known and not computed."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

import msgspec

if TYPE_CHECKING:
    import random

Json = dict[str, object]

START: Final = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)
MODELS: Final = ("claude-opus-4-5", "claude-haiku-4-5", "some-gateway/unheard-of-7b")


def stamp(seconds: float) -> str:
    """A timestamp as Claude Code writes it, so many seconds after ``START``."""
    return (START + timedelta(seconds=seconds)).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def usage(
    given: int,
    write: int | None,
    read: int,
    output: int,
    *,
    split: tuple[int, int] | None = None,
    more: Json | None = None,
) -> Json:
    """``message.usage``; ``split`` is the cache writes by time to live, 5 minutes and 1 hour."""
    counts: Json = {"input_tokens": given, "cache_read_input_tokens": read, "output_tokens": output}
    if write is not None:
        counts["cache_creation_input_tokens"] = write
    if split is not None:
        counts["cache_creation"] = {"ephemeral_5m_input_tokens": split[0], "ephemeral_1h_input_tokens": split[1]}
    return {**counts, "service_tier": "standard", **(more or {})}


def answer(session: str, message: str | None, counts: Json, **more: object) -> Json:
    """One assistant record; keys of the message are given as ``model``, ``content``, ``stop_reason`` and so on."""
    body: Json = {"type": "message", "role": "assistant", "model": MODELS[0], "stop_reason": "end_turn"}
    body["content"] = [{"type": "text", "text": "hello"}]
    body |= {key: more.pop(key) for key in ("model", "content", "stop_reason", "stop_details") if key in more}
    envelope: Json = {"parentUuid": None, "isSidechain": False, "sessionId": session, "version": "2.1.200"}
    body |= {"usage": counts} | ({"id": message} if message is not None else {})
    return {**envelope, "message": body, "type": "assistant", "uuid": str(uuid.uuid4()), "timestamp": stamp(10), **more}


def prompt(session: str, **more: object) -> Json:
    """One user record."""
    return {
        "parentUuid": None,
        "isSidechain": False,
        "cwd": "/home/dev/project",
        "sessionId": session,
        "type": "user",
        "message": {"role": "user", "content": "please"},
        "uuid": str(uuid.uuid4()),
        "timestamp": stamp(0),
        **more,
    }


def queued(session: str, seconds: float) -> Json:
    """The record that heads a session of ``claude -p``; never copied into a fork."""
    return {"type": "queue-operation", "operation": "enqueue", "timestamp": stamp(seconds), "sessionId": session}


def encode(records: Sequence[Json], *, spaced: bool = False, backwards: bool = False) -> bytes:
    """A log of these records; keys in another order and spaces change nothing in what it says."""
    separators = (", ", ": ") if spaced else (",", ":")
    lines = (json.dumps(turned(record) if backwards else record, separators=separators) for record in records)
    return "".join(line + "\n" for line in lines).encode()


def turned(value: object) -> object:
    """The value with all keys in reverse order."""
    if isinstance(value, dict):
        return {key: turned(value[key]) for key in reversed(value)}
    return [turned(item) for item in value] if isinstance(value, list) else value


class Truth(msgspec.Struct, frozen=True):
    """One answer that must be counted, and counted once."""

    session: str
    model: str
    tokens: tuple[int, ...]
    final: bool = True


class Corpus(msgspec.Struct, frozen=True):
    """Records by file, and what they add up to."""

    files: Mapping[str, Sequence[Json]]
    truth: Sequence[Truth]
    torn: bytes = b""
    """Stands without a newline at the end of each file."""

    def encoded(self, *, spaced: bool = False, backwards: bool = False) -> dict[str, bytes]:
        """The bytes of every file."""
        return {
            key: encode(records, spaced=spaced, backwards=backwards) + self.torn for key, records in self.files.items()
        }


class Maker:
    """Makes a corpus of a few sessions that fork, call agents, ask aside and are cut off."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._files: dict[str, list[Json]] = {}
        self._truth: list[Truth] = []
        self._clock = 0.0
        self._serial = 0

    def corpus(self) -> Corpus:
        """One to three sessions, and what happened in them."""
        sessions = [self._session() for _ in range(self._rng.randint(1, 3))]
        for session in sessions:
            for happening in self._rng.sample(
                (self._fork, self._agent_file, self._aside, self._inline, self._reused), k=self._rng.randint(0, 5)
            ):
                happening(session)
        torn = json.dumps(answer(sessions[0], "msg_torn", usage(9, 9, 9, 999))).encode()
        return Corpus(self._files, self._truth, torn[: self._rng.randrange(len(torn))])

    def _id(self, prefix: str) -> str:
        self._serial += 1
        return f"{prefix}{self._serial:06d}"

    def _uuid(self) -> str:
        return str(uuid.UUID(int=self._rng.getrandbits(128)))

    def _tick(self) -> str:
        self._clock += self._rng.uniform(0.002, 9)
        return stamp(self._clock)

    def _session(self) -> str:
        session = self._uuid() if self._rng.random() < 0.8 else self._id("session ")
        self._clock += 60
        records = self._files[f"{session}.jsonl"] = []
        if self._rng.random() < 0.7:
            records.append(queued(session, self._clock))
        records.append(prompt(session, uuid=self._uuid(), timestamp=self._tick()))
        for _ in range(self._rng.randint(0, 4)):
            records += self._answer(session)
            records += self._noise(session)
        return session

    def _counts(self, output: int) -> tuple[Json, tuple[int, ...]]:
        """Counts as logged, and the vector that they mean."""
        given, read, five, hour = (self._rng.randrange(5000) for _ in range(4))
        shape = self._rng.choice(("agreed", "absent", "partial", "excessive", "iteration", "unflat"))
        thinking = self._rng.randrange(output + 1)
        details: Json = {"output_tokens_details": {"thinking_tokens": thinking}}
        writes = {"agreed": (five, hour, 0), "unflat": (five, hour, 0), "iteration": (five, hour, 0)}.get(shape)
        match shape:
            case "agreed":
                counts = usage(given, five + hour, read, output, split=(five, hour), more=details)
            case "unflat":
                counts = usage(given, None, read, output, split=(five, hour), more=details)
            case "absent":
                counts, writes = usage(given, five, read, output, more=details), (0, 0, five)
            case "partial":
                counts = usage(given, five + hour + 7, read, output, split=(five, hour), more=details)
                writes = (five, hour, 7)
            case "excessive":
                counts = usage(given, five, read, output, split=(five, hour + 1), more=details)
                writes = (0, 0, five)
            case _:
                own = usage(given, five + hour, read, output, split=(five, hour), more={"type": "message"})
                counts = usage(
                    given, five + hour, read, output, split=(1, five + hour), more={"iterations": [own], **details}
                )
        return counts, (given, read, *(writes or ()), output, thinking)

    def _answer(self, session: str, thread: str = "", **more: object) -> list[Json]:
        """The rows of one answer: streamed, filled in afterwards, or cut off."""
        output = self._rng.randrange(10, 4000)
        counts, tokens = self._counts(output)
        style = self._rng.choice(("filled", "streamed", "streamed", "cut"))
        rows = 1 if style == "cut" else self._rng.choice((1, 1, 2, 2, 3, 5, self._rng.randint(4, 19)))
        model = self._rng.choice(MODELS)
        message = self._id("msg_")
        common: Json = {"requestId": self._id("req_"), "model": model, **more}
        found: list[Json] = []
        for number in range(rows):
            last = number == rows - 1
            placeholder = style == "cut" or (style == "streamed" and not last)
            row_counts = counts
            if placeholder:
                early = {key: count for key, count in counts.items() if key != "iterations"}
                row_counts = {**early, "output_tokens": 1, "output_tokens_details": None}
            content = [{"type": "tool_use", "id": self._id("toolu_"), "name": "Bash", "input": {"usage": {}}}]
            found.append(
                answer(
                    session,
                    message,
                    row_counts,
                    **common,
                    content=content,
                    stop_reason=None if placeholder else "tool_use",
                    uuid=self._uuid(),
                    timestamp=self._tick(),
                )
            )
        if style == "cut":
            # without its iterations a split of (1, total) is one too many: nothing of it is usable
            writes = (0, 0, tokens[2] + tokens[3]) if "iterations" in counts else tokens[2:5]
            tokens = (*tokens[:2], *writes, 1, 0)
        name = f"{session}/{thread}" if thread else session
        self._truth.append(Truth(name, model, tokens, final=style != "cut"))
        return found

    def _noise(self, session: str) -> list[Json]:
        """Records that look like usage and are none."""
        counted = answer(session, self._id("msg_"), usage(10**6, 0, 0, 10**6))
        candidates: list[Json] = [
            prompt(session, toolUseResult={"usage": counted["message"], "totalTokens": 10**6}, timestamp=self._tick()),
            {**prompt(session, timestamp=self._tick()), "type": "progress", "data": {"message": counted}},
            answer(session, self._uuid(), usage(0, 0, 0, 0), model="<synthetic>", timestamp=self._tick()),
            {"type": "cost-state", "sessionId": session, "modelUsage": {"claude-opus-4-5": {"inputTokens": 10**6}}},
            {"type": "summary", "summary": '{"type":"assistant","usage":{"output_tokens":5}}', "leafUuid": "x"},
        ]
        return self._rng.sample(candidates, k=self._rng.randint(0, 3))

    def _fork(self, session: str) -> None:
        """A new session begins with a copy of the old one."""
        fork = self._uuid()
        how = self._rng.choice(("branch", "request", "queue"))
        copies: list[Json] = []
        for record in self._files[f"{session}.jsonl"]:
            if "uuid" in record:
                copy = {**record, "sessionId": fork}
                if how == "branch":
                    copy["forkedFrom"] = {"sessionId": session, "messageUuid": record["uuid"]}
                elif record["type"] == "assistant" and how == "request":
                    copy["requestSessionId"] = session
                copies.append(copy)
        self._clock += 60
        head = [queued(fork, self._clock)] if how == "queue" else []
        self._files[f"{fork}.jsonl"] = [*head, *copies, *self._answer(fork)]

    def _main_rows(self, session: str) -> list[Json]:
        rows = (row for row in self._files[f"{session}.jsonl"] if row["type"] == "assistant" and "requestId" in row)
        return [row for row in rows if not row["isSidechain"]]

    def _agent_file(self, session: str) -> None:
        agent = f"a{self._rng.getrandbits(60):015x}"
        more = {"agentId": agent, "isSidechain": True}
        records = [prompt(session, timestamp=self._tick(), **more)]
        for _ in range(self._rng.randint(1, 3)):
            records += self._answer(session, f"agent-{agent}", **more)
        beside = self._rng.random() < 0.3
        place = f"agent-{agent}.jsonl" if beside else f"{session}/subagents/agent-{agent}.jsonl"
        copied = [row for row in self._main_rows(session) if self._rng.random() < 0.2]
        self._files[place] = [{**row, **more} for row in copied] + records

    def _aside(self, session: str) -> None:
        """``/btw``: the parent's messages once more, under new request ids and with other counts."""
        agent = f"aaside_question-{self._rng.getrandbits(60):015x}"
        more = {"agentId": agent, "isSidechain": True}
        request = self._id("req_")
        replay = [
            {**row, **more, "uuid": self._uuid(), "requestId": request, "timestamp": self._tick()}
            for row in self._main_rows(session)
        ]
        self._files[f"{session}/subagents/agent-{agent}.jsonl"] = replay + self._answer(
            session, f"agent-{agent}", **more
        )

    def _inline(self, session: str) -> None:
        """Up to 1.0: a sidechain stands in the main file and begins with a record that has no parent."""
        root = self._uuid()
        records = [prompt(session, uuid=root, isSidechain=True, timestamp=self._tick())]
        for row in self._answer(session, f"agent-{root}", isSidechain=True):
            records.append({**row, "parentUuid": records[-1]["uuid"]})
        self._files[f"{session}.jsonl"] += records

    def _reused(self, session: str) -> None:
        """A gateway that gives no request ids and uses a message id again in another session."""
        for number in range(2):
            other = f"{session} {number}"
            counts = usage(number, 5, 6, 77)
            row = answer(other, "msg_bdrk_1 " + session, counts, uuid=self._uuid(), timestamp=self._tick())
            self._files[f"{other}.jsonl"] = [prompt(other, timestamp=self._tick()), row]
            self._truth.append(Truth(other, MODELS[0], (number, 6, 0, 0, 5, 77, 0)))
