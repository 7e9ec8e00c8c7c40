"""Agents whose logs are written response by response, so that every token is known."""

from __future__ import annotations

import os
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec

from commands.bench import Bench, Json
from commands.copilot_agent import CopilotAgent
from commands.gemini_agent import GeminiAgent
from commands.opencode_agent import OpenCodeAgent
from commands.pi_agent import PiAgent
from loggen import amp, claude, codex


def _unborn() -> codex.Rollout:
    """Stands in until the agent is set up."""
    return codex.Rollout("", datetime.now(UTC))


class CodexAgent(msgspec.Struct):
    """One Codex session; a response that runs a command is counted after the command, or before it."""

    bench: Bench
    number: int
    parent: CodexAgent | None = None
    late: bool = False
    model: str = "gpt-5.2-codex"
    rollout: codex.Rollout = msgspec.field(default_factory=_unborn)
    total: codex.Usage = codex.ZERO
    serial: int = 0
    waiting: str | None = None
    ago: timedelta = timedelta()
    """How far its clock stands behind; each line moves it on by less than a second."""

    agent = "codex"

    def __post_init__(self) -> None:
        if self.rollout.thread:
            return  # it comes out of a pickle
        self.rollout = codex.Rollout(codex.uuid7(self.number, datetime.now(UTC)), datetime.now(UTC) - self.ago)
        meta: Json = {"cwd": str(Path.cwd())}
        if self.parent is not None:
            thread = self.parent.session
            meta |= {"parent_thread_id": thread}
            meta |= {"source": {"subagent": {"thread_spawn": {"parent_thread_id": thread, "depth": 1}}}}
        self.rollout.meta(**meta)
        self.turn()

    @property
    def session(self) -> str:
        return self.rollout.thread

    @property
    def environ(self) -> dict[str, str]:
        return {"CODEX_THREAD_ID": self.session}

    @property
    def log(self) -> Path:
        day = Path(os.environ["CODEX_HOME"], "sessions", "2026", "09", "01")
        return day / f"rollout-2026-09-01T10-00-00-{self.session}.jsonl"

    def turn(self, model: str | None = None) -> None:
        """A new turn, with another model perhaps."""
        self.model = model or self.model
        self.serial += 1
        self.rollout.turn(codex.uuid7(1000 + 100 * self.number + self.serial, datetime.now(UTC)), self.model)
        self.flush()

    def say(self) -> Counter[str]:
        """A whole response that calls nothing."""
        self.rollout.say()
        return self._count()

    def issue(self) -> Counter[str]:
        """A response that runs a command; where counts come late, ``returned`` writes it."""
        self.serial += 1
        self.waiting = f"call_{self.number}_{self.serial}"
        self.rollout.call(self.waiting)
        if not self.late:
            return self._count()
        self.flush()
        return self._truth(self._usage(ahead=1))

    def returned(self) -> None:
        """The command has come back: its output, and the count where it is late."""
        assert self.waiting is not None
        self.rollout.output(self.waiting)
        self.waiting = None
        if self.late:
            self._count()
        self.flush()

    def compact(self) -> None:
        """A local compaction."""
        self.rollout.put("compacted", {"message": "so far"})
        self.flush()

    def flush(self) -> None:
        """Write the log as far as it goes."""
        self.rollout.moment = max(self.rollout.moment - timedelta(seconds=0.7), datetime.now(UTC) - self.ago)
        self.log.parent.mkdir(parents=True, exist_ok=True)
        self.log.write_bytes(self.rollout.data())

    def _usage(self, ahead: int = 0) -> codex.Usage:
        n = 10 * self.number + self.serial + ahead
        return (1000 + 17 * n, 128 * (n % 5), n % 3, 100 + n, n % 11)

    def _count(self) -> Counter[str]:
        self.serial += 1
        usage = self._usage()
        self.total = codex.plus(self.total, usage)
        self.rollout.count(self.total, usage)
        self.flush()
        return self._truth(usage)

    @staticmethod
    def _truth(usage: codex.Usage) -> Counter[str]:
        fresh, cached, written, output, reasoning = usage
        return +Counter(
            input=fresh - cached - written,
            cache_read=cached,
            cache_write_unknown=written,
            output=output,
            reasoning=reasoning,
        )


class ClaudeAgent(msgspec.Struct):
    """One Claude Code session; its rows tell the usage before the command runs."""

    bench: Bench
    number: int
    model: str = claude.MODELS[0]
    serial: int = 0
    records: list[Json] = msgspec.field(default_factory=list)
    branch: str | None = None
    subagents: dict[str, list[Json]] = msgspec.field(default_factory=dict)

    agent = "claude"

    def __post_init__(self) -> None:
        if self.records:
            return  # it comes out of a pickle
        self.records.append(claude.queued(self.session, 0) | {"timestamp": now()})
        where = {"cwd": str(Path.cwd())} | ({} if self.branch is None else {"gitBranch": self.branch})
        self.records.append(claude.prompt(self.session, **where, timestamp=now()))
        self.flush()

    @property
    def session(self) -> str:
        return codex.uuid4(0xC0DE + self.number)

    @property
    def environ(self) -> dict[str, str]:
        return {"CLAUDE_CODE_SESSION_ID": self.session}

    @property
    def log(self) -> Path:
        return Path(os.environ["CLAUDE_CONFIG_DIR"], "projects", "-work", f"{self.session}.jsonl")

    def say(self) -> Counter[str]:
        """A whole response that calls nothing."""
        return self._answer([{"type": "text", "text": "done"}])

    def issue(self) -> Counter[str]:
        """A response that runs a command."""
        return self._answer([{"type": "tool_use", "id": f"toolu_{self.serial}", "name": "Bash", "input": {}}])

    def returned(self) -> None:
        """The command has come back."""

    def delegate(self, name: str) -> Counter[str]:
        """A response of a subagent with a log of its own."""
        records = self.subagents.setdefault(f"a{name}", [])
        more: Json = {"agentId": f"a{name}", "isSidechain": True}
        if not records:
            records.append(claude.prompt(self.session, cwd=str(Path.cwd()), timestamp=now(), **more))
        return self._answer([{"type": "text", "text": "seen"}], records, **more)

    def child(self, name: str) -> str:
        """The session id of a subagent."""
        return f"{self.session}/agent-a{name}"

    def flush(self) -> None:
        """Write the logs as far as they go."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        self.log.write_bytes(claude.encode(self.records))
        for name, records in self.subagents.items():
            path = self.log.with_suffix("") / "subagents" / f"agent-{name}.jsonl"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(claude.encode(records))

    def _answer(self, content: list[Json], records: list[Json] | None = None, **more: object) -> Counter[str]:
        self.serial += 1
        n = 10 * self.number + self.serial
        counts = claude.usage(
            7 + n, 300 + 3 * n, 40 * n, 50 + n, split=(100, 200 + 3 * n), more={"output_tokens_details": {}}
        )
        row = claude.answer(
            self.session,
            f"msg_{self.number}_{self.serial}",
            counts,
            model=self.model,
            content=content,
            requestId=f"req_{self.number}_{self.serial}",
            timestamp=now(),
            **more,
        )
        (self.records if records is None else records).append(row)
        self.flush()
        return +Counter(input=7 + n, cache_read=40 * n, cache_write_5m=100, cache_write_1h=200 + 3 * n, output=50 + n)


class AmpAgent(msgspec.Struct):
    """One Amp thread, rewritten with each response; one that runs a command is whole before it, or after it."""

    bench: Bench
    number: int
    late: bool = False
    model: str = amp.MODEL
    serial: int = 0
    messages: list[Json] = msgspec.field(default_factory=list)
    events: list[Json] = msgspec.field(default_factory=list)
    more: Json = msgspec.field(default_factory=dict)
    created: datetime = msgspec.field(default_factory=lambda: datetime.now(UTC))

    agent = "amp"

    def __post_init__(self) -> None:
        self.messages.append(amp.prompt(0, milliseconds()))
        self.flush()

    @property
    def session(self) -> str:
        return amp.name(0xA0 + self.number)

    @property
    def environ(self) -> dict[str, str]:
        return {"AMP_CURRENT_THREAD_ID": self.session}

    @property
    def log(self) -> Path:
        return Path(os.environ["AMP_DATA_DIR"], "threads", f"{self.session}.json")

    def say(self) -> Counter[str]:
        """A whole response that calls nothing."""
        return self._answer([])

    def issue(self) -> Counter[str]:
        """A response that runs a command; where it is late, ``returned`` completes it."""
        return self._answer([f"toolu_{self.number}_{self.serial}"])

    def returned(self) -> None:
        """The command has come back; a late response is whole now."""
        last = self.messages[-1]
        if last["state"]["type"] == "streaming":
            last |= {"state": {"type": "complete"}, "usage": self._usage()}
        self.messages.append(amp.prompt(len(self.messages), milliseconds()))
        self.flush()

    def delegate(self, child: AmpAgent) -> Counter[str]:
        """A response of a subagent, which the ledger of this thread has too."""
        child.more["mainThreadID"] = self.session
        truth = child.say()
        tokens = {"input": truth["input"], "output": truth["output"]}
        more: Json = {"operationType": "subagent", "subagentThreadID": child.session}
        self.events.append(amp.event(f"sub-{child.number}-{child.serial}", 0, tokens, milliseconds(), **more))
        self.flush()
        return truth

    def flush(self) -> None:
        """Write the document as it stands."""
        env = {"initial": {"trees": [{"displayName": "work", "uri": Path.cwd().as_uri()}]}}
        created = int(self.created.timestamp() * 1000)
        document = amp.thread(self.session, self.messages, self.events, created=created, env=env, **self.more)
        self.log.parent.mkdir(parents=True, exist_ok=True)
        draft = self.log.with_suffix(".json.amptmp")
        draft.write_bytes(amp.encode(document))
        draft.replace(self.log)

    def _parts(self) -> amp.Parts:
        n = 10 * self.number + self.serial
        return 9 + n, 700 + 3 * n, 50 + n, 80 + n

    def _usage(self) -> Json:
        return amp.usage(self._parts(), milliseconds(), self.model)

    def _answer(self, calls: list[str]) -> Counter[str]:
        self.serial += 1
        given, read, write, output = self._parts()
        number = len(self.messages)
        open_ = bool(calls) and self.late
        if open_:
            partial = amp.usage((given, read, write, 1), None, self.model)
            self.messages.append(amp.answer(number, partial, state="streaming", calls=calls))
        else:
            self.messages.append(amp.answer(number, self._usage(), calls=calls))
        if self.serial % 2 and not open_:
            tokens = {"input": given, "output": output}
            self.events.append(amp.event(f"e-{self.serial}", number, tokens, milliseconds(), model=self.model))
        self.flush()
        return Counter(input=given, cache_read=read, cache_write_unknown=write, output=output)


def milliseconds() -> int:
    """The present moment as Amp's numbers have it."""
    return int(datetime.now(UTC).timestamp() * 1000)


def now() -> str:
    """The present moment as logs write it."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


Agent = CodexAgent | ClaudeAgent | AmpAgent | CopilotAgent | GeminiAgent | OpenCodeAgent | PiAgent
