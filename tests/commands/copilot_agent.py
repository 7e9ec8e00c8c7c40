"""Copilot CLI at work: a session whose events are written response by response."""

from __future__ import annotations

import os
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from commands.bench import Bench, Json
from loggen import copilot


class CopilotAgent(msgspec.Struct):
    """One session; its build tells each response by a receipt, or its output by a message and the rest at the end."""

    bench: Bench
    number: int
    build: str = "receipts"
    model: str = copilot.MODELS[0]
    serial: int = 0
    events: list[Json] = msgspec.field(default_factory=list)
    counted: list[copilot.Call] = msgspec.field(default_factory=list)
    """What the counters stand at."""

    agent = "copilot"

    def __post_init__(self) -> None:
        if self.events:
            return  # it comes out of a pickle
        version = copilot.BUILDS[self.build].version
        self.put("session.start", copilot.start(self.session, moment(), version, self.model, cwd=str(Path.cwd())))
        self.flush()

    @property
    def session(self) -> str:
        return copilot.name(0xC0B1 + self.number)

    @property
    def environ(self) -> dict[str, str]:
        return {"COPILOT_AGENT_SESSION_ID": self.session}

    @property
    def log(self) -> Path:
        return Path(os.environ["COPILOT_HOME"], "session-state", self.session, "events.jsonl")

    def say(self) -> Counter[str]:
        """A whole response that calls nothing."""
        return self._answer(())

    def issue(self) -> Counter[str]:
        """A response that runs a command."""
        return self._answer((f"tool-{self.number}-{self.serial}",))

    def returned(self) -> None:
        """The command has come back."""
        self.put("tool.execution_complete", {"toolCallId": "t", "success": True, "result": {"content": "done"}})
        self.flush()

    def delegate(self, name: str) -> Counter[str]:
        """A response of a subagent."""
        return self._answer((), agent=name)

    def child(self, name: str) -> str:
        """The session id of a subagent."""
        return f"{self.session}/{name}"

    def end(self) -> None:
        """The process ends and tells its counters."""
        sums: dict[str, copilot.Parts] = {}
        for call in self.counted:
            sums[call.model] = sums.get(call.model, copilot.ZERO).plus(call.parts)
        metrics = copilot.metrics(sums, Counter(call.model for call in self.counted))
        self.put("session.shutdown", {"shutdownType": "routine", "modelMetrics": metrics})
        self.flush()

    def resume(self) -> None:
        """Another process goes on."""
        build = copilot.BUILDS[self.build]
        self.counted = self.counted if build.continues else []
        self.put("session.resume", copilot.resume(moment(), build, self.model))
        self.flush()

    def tell(self, secret: str) -> None:
        """Put a secret wherever text can stand."""
        call = {"toolCallId": "t", "name": secret, "arguments": {secret: secret}, "intentionSummary": secret}
        told: Json = {"content": secret, "reasoningText": secret, "toolRequests": [call], "messageId": secret}
        told |= {"transformedContent": secret, "summaryContent": secret, "result": {"content": secret}}
        told |= {"error": {"message": secret}, "codeChanges": {"filesModified": [secret]}, "errorReason": secret}
        kinds = ("user.message", "system.message", "assistant.message", "assistant.reasoning", "tool.execution_start")
        for kind in (*kinds, "tool.execution_complete", "session.error", "session.compaction_complete", "hook.end"):
            self.put(kind, told)
        self._happen(secret)
        self.put("session.shutdown", {**told, "modelMetrics": {}})
        self.put(secret, {secret: secret})
        attributes = {"gen_ai.operation.name": "execute_tool", "gen_ai.input.messages": secret, secret: secret}
        piece = {"type": "span", "traceId": "a", "name": secret, "attributes": attributes}
        self.events.append({**piece, "events": [{"name": secret, "attributes": {secret: secret}}]})

    def _happen(self, secret: str) -> None:
        """Put a secret wherever a name is looked for."""
        call = {"name": secret, "arguments": {"command": secret}, "mcpServerName": secret, "mcpToolName": secret}
        calls = [{**call, "toolCallId": f"c{self.serial}-{n}", "name": name} for n, name in enumerate(("bash", secret))]
        self.put(
            "assistant.message", {"content": secret, "phase": secret, "reasoningText": secret, "toolRequests": calls}
        )
        failed = {"success": False, "error": {"code": secret, "message": secret}}
        self.put("tool.execution_complete", {"toolCallId": f"c{self.serial - 1}-0", **failed})
        self.put("tool.user_requested", {"toolCallId": f"u{self.serial}", "toolName": secret, "arguments": secret})
        for source in (None, secret, f"agent-{secret}"):
            attached = [{"type": secret, "mimeType": secret, "path": secret, "displayName": secret}]
            told: Json = {"content": secret, "agentMode": secret, "source": source, "attachments": attached}
            self.put("user.message", {**told, "agentMode": "plan"})
            self.put("user.message", told)
        named = {"name": secret, "agentName": secret, "trigger": secret, "path": secret}
        for kind in ("skill.invoked", "subagent.started", "abort", "session.error", "session.compaction_complete"):
            self.put(kind, {**named, "success": True, "reason": secret, "errorType": secret, "statusCode": secret})
        state = {"mode": secret, "newMode": secret, "previousMode": "plan", "role": secret, "content": secret}
        for effort in ("low", secret):
            change = {"newModel": self.model, "reasoningEffort": effort}  # models are told as they are logged
            self.put("session.model_change", {**state, **change})
        for kind in ("session.mode_changed", "session.permissions_changed", "system.message", "system.notification"):
            self.put(kind, state)

    def put(self, kind: str, data: Json, agent: str | None = None) -> None:
        """Add an event."""
        self.serial += 1
        self.events.append(copilot.event(10_000 * self.number + self.serial, kind, data, moment(), agent))

    def flush(self) -> None:
        """Write the log as far as it goes."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        self.log.write_bytes(copilot.encode(self.events))

    def _answer(self, calls: tuple[str, ...], agent: str | None = None) -> Counter[str]:
        n = 10 * self.number + self.serial
        call, parts = f"call-{self.number}-{self.serial}", copilot.Parts(8 + n, 900 + 3 * n, 20 + n, 70 + n, n % 7)
        build = copilot.BUILDS[self.build]
        self.counted.append(copilot.Call(self.model, parts, agent))
        if build.receipts:
            source = self.session if agent is None else f"{agent}-inner"
            data = copilot.receipt(source, self.serial, call, self.model, parts)
            self.put("session.usage_record", data, agent)
        output = parts.output if build.outputs else None
        self.put("assistant.message", copilot.message(call, self.model, output, calls), agent)
        self.flush()
        told = Counter(input=parts.input, cache_read=parts.read, cache_write_unknown=parts.write, output=parts.output)
        return +(told + Counter(reasoning=parts.reasoning))


def moment() -> int:
    """Now, in milliseconds since the epoch."""
    return int(datetime.now(UTC).timestamp() * 1000)
