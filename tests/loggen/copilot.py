"""Copilot CLI's logs made up call by call, as builds of different months write them, with the usage that is true."""

from __future__ import annotations

import json
import random
from collections import Counter
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

import msgspec

Json = dict[str, Any]
START: Final = 1_790_000_000_000
"""21 September 2026, in milliseconds since the epoch."""
MODELS: Final = ("gpt-5.1", "claude-sonnet-4.5")


class Parts(NamedTuple):
    """What one response used, in parts that do not overlap."""

    input: int
    read: int
    write: int
    output: int
    reasoning: int

    def plus(self, other: Parts) -> Parts:
        return Parts(*map(sum, zip(self, other, strict=True)))


ZERO: Final = Parts(0, 0, 0, 0, 0)


class Build(NamedTuple):
    """What a build writes."""

    version: str
    continues: bool
    """Its counters go on from the last shutdown."""
    outputs: bool
    """Messages tell their output."""
    receipts: bool
    agents: bool
    """Counters are told by subagent too."""
    lumps: bool
    """Telemetry has all calls of a subagent in one span."""


BUILDS: Final = {
    "early": Build("1.0.60", continues=False, outputs=True, receipts=False, agents=False, lumps=True),
    "middle": Build("1.0.80", continues=True, outputs=True, receipts=False, agents=False, lumps=True),
    "quiet": Build("1.0.92", continues=True, outputs=False, receipts=False, agents=True, lumps=False),
    "receipts": Build("1.0.102", continues=True, outputs=False, receipts=True, agents=True, lumps=False),
}


def name(number: int) -> str:
    """An id."""
    return f"{number:08x}-c0b1-4000-8000-{number:012x}"


def stamp(at: int) -> str:
    """A time as events have it, of milliseconds since the epoch."""
    return datetime.fromtimestamp(at / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def event(number: int, kind: str, data: Json, at: int, agent: str | None = None) -> Json:
    """One event."""
    told = {"type": kind, "data": data, "id": name(number), "timestamp": stamp(at), "parentId": None}
    return told if agent is None else {**told, "agentId": agent}


def start(session: str, at: int, version: str, model: str = MODELS[0], cwd: str = "/srv/shop") -> Json:
    """The data of a start."""
    told = {"sessionId": session, "version": 1, "producer": "copilot-agent", "copilotVersion": version}
    context = {"cwd": cwd, "gitRoot": cwd, "branch": "main"}
    return {**told, "startTime": stamp(at), "selectedModel": model, "context": context, "alreadyInUse": False}


def resume(at: int, build: Build, model: str = MODELS[0]) -> Json:
    """The data of a resume; builds whose counters go on tell of limits too."""
    told: Json = {"resumeTime": stamp(at), "eventCount": 9, "selectedModel": model, "alreadyInUse": False}
    return {**told, "sessionLimits": None} if build.continues else told


def counts(parts: Parts) -> Json:
    """Counters: input has the caches within."""
    return {
        "inputTokens": parts.input + parts.read + parts.write,
        "outputTokens": parts.output,
        "cacheReadTokens": parts.read,
        "cacheWriteTokens": parts.write,
        "reasoningTokens": parts.reasoning,
    }


def message(call: str | None, model: str | None, output: int | None, calls: tuple[str, ...] = ()) -> Json:
    """The data of a message of the model."""
    requests = [{"toolCallId": one, "name": "bash", "arguments": {"command": "ls"}} for one in calls]
    told: Json = {"messageId": f"m-{call}", "content": 'done {"outputTokens": 9}', "toolRequests": requests}
    told |= {"interactionId": f"turn-{call}"}
    told |= {} if call is None else {"apiCallId": call}
    told |= {} if model is None else {"model": model}
    return told if output is None else {**told, "outputTokens": output}


def receipt(source: str, sequence: int, call: str, model: str, parts: Parts) -> Json:
    """The data of a receipt."""
    accounting = {"sourceSessionId": source, "sequence": sequence, "usageId": call}
    usage = {"model": model, **counts(parts), "apiCallId": call, "accounting": accounting, "cost": 0.0}
    return {"usage": {**usage, "reasoningEffort": "medium", "maxPromptTokens": 128_000}}


def metrics(sums: dict[str, Parts], requests: dict[str, int]) -> Json:
    """Counters by model."""
    return {
        model: {"requests": {"count": requests[model], "cost": 0}, "usage": counts(parts)}
        for model, parts in sums.items()
    }


def span(trace: str, number: int, session: str, call: str, model: str, parts: Parts, at: int) -> Json:
    """One chat span."""
    told: Json = {"gen_ai.operation.name": "chat", "gen_ai.conversation.id": session, "gen_ai.request.model": model}
    told |= {"gen_ai.response.model": model, "gen_ai.response.id": call}
    told |= {"gen_ai.usage.input_tokens": parts.input + parts.read + parts.write}
    told |= {"gen_ai.usage.output_tokens": parts.output, "gen_ai.usage.reasoning.output_tokens": parts.reasoning}
    told |= {"gen_ai.usage.cache_read.input_tokens": parts.read} if parts.read else {}
    told |= {"gen_ai.usage.cache_creation.input_tokens": parts.write} if parts.write else {}
    return piece(trace, number, f"chat {model}", told, at)


def piece(trace: str, number: int, title: str, attributes: Json, at: int) -> Json:
    """One piece of telemetry."""
    ended = [at // 1000, at % 1000 * 1_000_000]
    told: Json = {"type": "span", "traceId": trace, "spanId": f"{number:016x}", "name": title, "kind": 2}
    scope = {"name": "github.copilot", "version": "1.0.80"}
    return {**told, "startTime": ended, "endTime": ended, "attributes": attributes, "instrumentationScope": scope}


def encode(lines: list[Json], *, spaced: bool = False, backwards: bool = False) -> bytes:
    """The bytes of a file."""

    def turned(value: Any) -> Any:  # noqa: ANN401 - any JSON
        if isinstance(value, dict):
            items = reversed(list(value.items())) if backwards else value.items()
            return {key: turned(one) for key, one in items}
        return [turned(one) for one in value] if isinstance(value, list) else value

    separators = (" , ", " : ") if spaced else (",", ":")
    return b"".join(json.dumps(turned(line), separators=separators).encode() + b"\n" for line in lines)


class Call(NamedTuple):
    """One response as it was served."""

    model: str
    parts: Parts
    agent: str | None = None


class Process(msgspec.Struct, eq=False):
    """One process at work on a session."""

    build: Build
    base: list[Call]
    """What its counters began with."""
    traced: bool = False
    closed: bool = False
    calls: list[Call] = msgspec.field(default_factory=list)
    compactions: list[Call] = msgspec.field(default_factory=list)

    def told(self) -> list[tuple[Call, bool]]:
        """Each response as far as the logs can tell of it, and whether they tell all."""
        whole = self.build.receipts or self.traced or self.closed
        found = [(call, True) for call in self.compactions]
        for call in self.calls:
            output = call.parts.output if self.build.outputs else 0
            told = call if whole else call._replace(parts=Parts(0, 0, 0, output, 0))
            found.append((told, whole))
        return found


class Session(msgspec.Struct, eq=False):
    """One session and its file."""

    id: str
    born: int
    events: list[Json] = msgspec.field(default_factory=list)
    processes: list[Process] = msgspec.field(default_factory=list)
    """Its own ones."""
    last: list[Call] = msgspec.field(default_factory=list)
    """What the counters stood at when a process ended last."""
    check: list[Call] | None = None
    """What they stood at in a checkpoint since."""
    since: list[Call] = msgspec.field(default_factory=list)
    """Receipts since either."""
    sequence: int = 0

    @property
    def process(self) -> Process:
        return self.processes[-1]


class Deed(msgspec.Struct, eq=False):
    """One thing that has happened in a session, or in one of its subagents."""

    home: str
    kind: str
    name: str = ""


class World(msgspec.Struct):
    """Sessions that answer, delegate, compact, end, die, go on and fork as Copilot CLI's do."""

    rng: random.Random
    sessions: list[Session] = msgspec.field(default_factory=list)
    spans: list[Json] = msgspec.field(default_factory=list)
    deeds: dict[str, list[Deed]] = msgspec.field(default_factory=dict)
    """What each event tells to have happened."""
    serial: int = 0

    def tick(self) -> int:
        """A moment of its own, in milliseconds since the epoch."""
        self.serial += 1
        return START + 1000 * self.serial

    def step(self) -> None:
        """Something happens."""
        session = self.rng.choice(self.sessions) if self.sessions and self.rng.random() < 0.95 else self.start()
        if not session.processes or session.process.closed:
            self.begin(session)
        match self.rng.randrange(12):
            case 0 | 1:
                self.end(session)
            case 2:
                self.begin(session)
            case 3:
                self.compact(session)
            case 4 | 5:
                self.delegate(session)
            case 6 if len(self.sessions) < 6:
                self.fork(session)
            case 7:
                self.noise(session)
            case 8 if session.process.build.receipts:
                self.checkpoint(session)
            case _:
                self.answer(session)

    def start(self) -> Session:
        """A new session."""
        at = self.tick()
        session = Session(name(0xABC00 + self.serial), at)
        build = self._build()
        session.events.append(event(self.serial, "session.start", start(session.id, at, build.version), at + 40))
        session.processes.append(Process(build, [], traced=self.rng.random() < 0.3))
        self.sessions.append(session)
        return session

    def begin(self, session: Session) -> None:
        """Another process goes on; the one before has ended or been killed."""
        build, at = self._build(), self.tick()
        session.events.append(event(self.serial, "session.resume", resume(at, build), at))
        base = list(session.last) if build.continues else []
        if build.receipts:
            base = [*(session.last if session.check is None else session.check), *session.since]
        session.processes.append(Process(build, base, traced=self.rng.random() < 0.3))

    def end(self, session: Session) -> None:
        """The process ends and tells its counters."""
        process, at = session.process, self.tick()
        counted = process.base + process.calls
        data: Json = {"shutdownType": "routine", "totalApiDurationMs": 5, "sessionStartTime": session.born}
        data |= {"modelMetrics": self._metrics(counted), "codeChanges": {"linesAdded": 0}}
        if process.build.agents:
            agents = {call.agent for call in counted}
            told = {
                agent or "main": {"modelMetrics": self._metrics([call for call in counted if call.agent == agent])}
                for agent in sorted(agents, key=str)
            }
            data |= {"agentMetrics": told}
        if process.build.receipts:
            data |= {"usageAccountingWatermarks": {session.id: session.sequence}}
            data |= {"accountingSnapshot": {"modelMetrics": self._metrics(counted)}}
        session.events.append(event(self.serial, "session.shutdown", data, at))
        session.last, session.check, session.since, process.closed = counted, None, [], True

    def checkpoint(self, session: Session) -> None:
        """The counters are told while the process goes on."""
        counted = session.process.base + session.process.calls
        data = {"totalNanoAiu": 5, "accountingSnapshot": {"modelMetrics": self._metrics(counted)}}
        data |= {"usageAccountingWatermarks": {session.id: session.sequence}}
        self._say(session, "session.usage_checkpoint", data)
        session.check, session.since = counted, []

    def answer(self, session: Session, agent: str | None = None, *, traced: bool = True) -> tuple[str, Call]:
        """A whole response."""
        at, process = self.tick(), session.process
        call, used = f"call-{self.serial}", self._call(agent)
        process.calls.append(used)
        if process.build.receipts:
            session.sequence += 1
            source = session.id if agent is None else f"{agent}-inner"
            data = receipt(source, session.sequence, call, used.model, used.parts)
            session.events.append(event(50_000 + self.serial, "session.usage_record", data, at, agent))
            session.since.append(used)
        output = used.parts.output if process.build.outputs else None
        model = None if process.build.version == "1.0.20" else used.model
        told = message(call, model, output, (f"tool-{self.serial}",))
        session.events.append(event(self.serial, "assistant.message", told, at + 5, agent))
        self._done(session, ("message", ""), ("tool", "bash"), ("shell", "ls"))
        if process.traced and traced:
            trace = f"{self.serial:032x}"
            self.spans.append(span(trace, self.serial, session.id, call, used.model, used.parts, at + 3))
            summary: Json = {"gen_ai.operation.name": "invoke_agent", "gen_ai.conversation.id": session.id}
            summary |= {"gen_ai.usage.input_tokens": 9, "gen_ai.usage.output_tokens": used.parts.output}
            self.spans.append(piece(trace, 70_000 + self.serial, "invoke_agent", summary, at + 4))
        self.run(session, f"tool-{self.serial}", agent)
        return call, used

    def run(self, session: Session, call: str, agent: str | None) -> None:
        """The tool that an answer has called runs, comes to its end, fails; or is never heard of again."""
        going = self.rng.randrange(4)
        if going:
            self._say(session, "tool.execution_start", {"toolCallId": call, "toolName": "bash", "arguments": {}}, agent)
        if going > 1:
            error = {"error": {"message": "no", "code": "denied"}}
            told = {"toolCallId": call, "success": going == 2, **({} if going == 2 else error)}
            self._say(session, "tool.execution_complete", told, agent)
            if going > 2:
                self._done(session, ("tool-error", "bash"), ("tool-denied", "bash"))

    def delegate(self, session: Session) -> None:
        """A subagent answers twice; early telemetry has both answers in one piece."""
        process = session.process
        agent = name(0xA000 + self.serial)
        self._say(session, "subagent.started", {"toolCallId": f"tool-{self.serial}", "agentName": "explore"}, agent)
        self._done(session, ("subagent", "explore"))
        lumps = process.build.lumps
        calls = [self.answer(session, agent, traced=not lumps) for _ in range(2)]
        if process.traced and lumps:
            for model in sorted({used.model for _, used in calls}):
                called = [(call, used.parts) for call, used in calls if used.model == model]
                whole = called[0][1] if len(called) == 1 else called[0][1].plus(called[1][1])
                trace, at = f"{self.serial:031x}{model[0]}", self.tick()
                self.spans.append(span(trace, self.serial, session.id, called[-1][0], model, whole, at))
        self._say(session, "subagent.completed", {"toolCallId": "t", "totalTokens": 5}, agent)

    def compact(self, session: Session) -> None:
        """The conversation is summed up."""
        used = self._call(None)
        session.process.compactions.append(used)
        told = {key: count for key, count in counts(used.parts).items() if key != "reasoningTokens"}
        data = {"success": True, "summaryContent": "so far", "compactionTokensUsed": {**told, "model": used.model}}
        self._say(session, "session.compaction_complete", data)
        self._done(session, ("compaction", ""))
        session.process.compactions[-1] = used._replace(parts=used.parts._replace(reasoning=0))

    def fork(self, session: Session) -> None:
        """A new session with all events of this one under their ids; its head alone is new."""
        at = self.tick()
        fork = Session(name(0xABC00 + self.serial), at, sequence=session.sequence)
        head = session.events[0]
        told = {**head["data"], "sessionId": fork.id, "startTime": stamp(at)}
        fork.events = [{**head, "timestamp": stamp(at), "data": told}, *session.events[1:]]
        fork.last, fork.check, fork.since = list(session.last), session.check, list(session.since)
        self.sessions.append(fork)
        self.begin(fork)
        while not fork.process.build.continues:  # builds that can fork all do
            fork.events.pop()
            fork.processes.pop()
            self.begin(fork)

    def noise(self, session: Session) -> None:
        """Lines that tell no usage."""
        self._say(session, "user.message", {"content": 'sell {"type":"session.shutdown"} more'})
        self._done(session, ("prompt", "typed"), ("turn", ""))
        self._say(session, "skill.invoked", {"name": "tidy", "content": "sell"})
        self._done(session, ("skill", "tidy"))
        self._say(session, "session.error", {"errorType": "rate_limit", "message": "no"})
        self._done(session, ("api-error", "rate_limit"))
        self._say(session, "session.compaction_complete", {"success": False, "error": "no"})
        self._say(session, "session.usage_checkpoint", {"totalNanoAiu": 5})
        self.spans.append({"type": "metric", "name": "gen_ai.client.token.usage", "dataPoints": [{"value": 7}]})

    def files(self, **surface: bool) -> dict[str, bytes]:
        """Every file by its path."""
        found = {
            f"/home/.copilot/session-state/{session.id}/events.jsonl": encode(session.events, **surface)
            for session in self.sessions
        }
        return {**found, "/home/.copilot/otel/all.jsonl": encode(self.spans, **surface)} if self.spans else found

    def expected(self) -> dict[tuple[str, str], Parts]:
        """What can be known of each session (its subagents within) and model."""
        found: dict[tuple[str, str], Parts] = {}
        for session in self.sessions:
            for process in session.processes:
                for call, _ in process.told():
                    key = (session.id, call.model)
                    found[key] = found.get(key, ZERO).plus(call.parts)
        return {key: parts for key, parts in found.items() if parts != ZERO}

    def incomplete(self) -> set[str]:
        """Sessions of which something is not told."""
        return {
            session.id
            for session in self.sessions
            if any(not whole for process in session.processes for _, whole in process.told())
        }

    def happened(self, there: list[Session]) -> list[Deed]:
        """What these sessions tell to have happened, each once."""
        found = [deed for session in there for one in session.events for deed in self.deeds.get(one["id"], ())]
        return list({id(deed): deed for deed in found}.values())

    def _done(self, session: Session, *told: tuple[str, str]) -> None:
        """The last event tells of these."""
        self.deeds[session.events[-1]["id"]] = [Deed(session.id, *one) for one in told]

    def _build(self) -> Build:
        return BUILDS[self.rng.choice(list(BUILDS))]

    def _call(self, agent: str | None) -> Call:
        n = self.serial
        return Call(self.rng.choice(MODELS), Parts(40 + n, 900 + 7 * n, n % 3 * 50, 100 + n, n % 5), agent)

    def _say(self, session: Session, kind: str, data: Json, agent: str | None = None) -> None:
        at = self.tick()
        session.events.append(event(self.serial, kind, data, at, agent))

    @staticmethod
    def _metrics(calls: list[Call]) -> Json:
        sums: dict[str, Parts] = {}
        for call in calls:
            sums[call.model] = sums.get(call.model, ZERO).plus(call.parts)
        return metrics(sums, Counter(call.model for call in calls))
