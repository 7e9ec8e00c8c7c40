"""Pi, whose log is written answer by answer, so that every token is known."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from commands.bench import Bench, Json
from loggen import pi


def moment() -> int:
    """The present moment in milliseconds."""
    return int(datetime.now(UTC).timestamp() * 1000)


class PiAgent(msgspec.Struct):
    """One session of Pi; an answer that runs a command is in the log before it."""

    bench: Bench
    number: int
    late: bool = False
    model: str = pi.MODELS[0]
    serial: int = 0
    lines: list[Json] = msgspec.field(default_factory=list)
    born: int = msgspec.field(default_factory=moment)

    agent = "pi"

    def __post_init__(self) -> None:
        if not self.lines:
            self.lines += [pi.head(self.session, self.born, cwd=str(Path.cwd())), self._prompt()]
            self.flush()

    @property
    def session(self) -> str:
        return pi.uuid7(self.number, self.born)

    @property
    def environ(self) -> dict[str, str]:
        return {"PI_SESSION_ID": self.session, "PI_CODING_AGENT": "true"}

    @property
    def log(self) -> Path:
        root = Path.home() / ".pi" / "agent" / "sessions" / "--work--"
        return Path(pi.path(self.session, self.born, str(root)))

    def say(self) -> Counter[str]:
        """A whole answer that calls nothing."""
        return self._answer(())

    def issue(self) -> Counter[str]:
        """An answer that runs a command."""
        return self._answer((f"toolu_{self.number}_{self.serial}",))

    def returned(self) -> None:
        """The command has come back."""
        message = {"role": "toolResult", "toolName": "bash", "content": [], "timestamp": moment()}
        self.lines.append(pi.entry("message", self._id(), moment(), message=message))
        self.flush()

    def fork(self, number: int) -> PiAgent:
        """A session that begins with a copy of this one."""
        fork = PiAgent(self.bench, number, model=self.model)
        fork.lines = [pi.head(fork.session, fork.born, str(self.log), cwd=str(Path.cwd())), *self.lines[1:]]
        fork.serial = self.serial
        fork.flush()
        return fork

    def tell(self, secret: str) -> None:
        """Entries that hold the secret wherever text may stand."""
        text = [{"type": "text", "text": secret}, {"type": "thinking", "thinking": secret}]
        call = {"type": "toolCall", "id": "c", "name": secret, "arguments": {"command": secret}}
        used = {**pi.usage((1, 1, 1, 1)), "note": secret, "cost": {"currency": secret}}
        given = {"command": secret, "agent": secret, "tasks": [{"agent": secret}]}
        named = ("bash", "task", f"mcp__{secret}__{secret}", f"mcp__{secret}")
        calls = [{"type": "toolCall", "id": f"c{n}", "name": name, "arguments": given} for n, name in enumerate(named)]
        signed = {"type": "text", "text": secret, "textSignature": json.dumps({"phase": secret})}
        message = {
            "content": [*text, call, *calls, signed],
            "errorStatus": secret,
            "errorMessage": secret,
            "diagnostics": [secret],
            "api": secret,
        }
        self.lines.append(pi.answer(self._id(), moment(), used, **message))
        for kind, told in (
            ("compaction", {"summary": secret, "details": secret}),
            ("branch_summary", {"summary": secret, "usage": used}),
            ("usage", {"note": secret, "model": "m", "usage": used}),
            ("custom", {"customType": secret, "data": secret}),
            ("label", {"label": secret}),
            ("session_info", {"name": secret}),
            ("session_init", {"systemPrompt": secret, "task": secret}),
            ("thinking_level_change", {"thinkingLevel": "high"}),
            ("thinking_level_change", {"thinkingLevel": secret}),
            ("model_change", {"provider": secret, "modelId": "m"}),
            ("mode_change", {"mode": secret}),
            ("compaction", {"method": secret, "tokensBefore": secret}),
            ("custom_message", {"customType": secret, "content": secret, "details": {"name": secret}}),
            ("custom_message", {"customType": "skill-prompt", "details": {"name": secret}}),
            ("message", {"message": {"role": "custom", "customType": secret, "content": text}}),
            ("message", {"message": {"role": "fileMention", "files": [{"path": secret, "content": secret}]}}),
            ("message", {"message": {"role": "user", "content": secret, "attribution": secret, "synthetic": secret}}),
            ("message", {"message": {"role": "toolResult", "toolCallId": "c", "isError": True, "content": text}}),
            ("message", {"message": {"role": "user", "content": text}}),
            ("message", {"message": {"role": "bashExecution", "command": secret, "output": secret}}),
            ("message", {"message": {"role": secret}}),
            ("message", {"message": secret}),
            ("surprise", {"text": secret}),
            (secret, {}),
        ):
            self.lines.append(pi.entry(kind, self._id(), moment(), **told))
        self.lines[0]["title"] = secret
        self.flush()

    def flush(self) -> None:
        """Write the log as far as it goes."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        self.log.write_bytes(pi.encode(self.lines))

    def _answer(self, calls: tuple[str, ...]) -> Counter[str]:
        self.serial += 1
        n = 10 * self.number + self.serial
        parts = (9 + n, 700 + 3 * n, 50 + n, 80 + n)
        used = pi.usage(parts, cacheWrite1h=20)
        told: Json = {"model": self.model, "calls": calls, "responseId": f"msg_{self.number:08d}{self.serial:08d}"}
        self.lines.append(pi.answer(self._id(), moment(), used, **told))
        self.flush()
        return Counter(
            input=parts[0], cache_read=parts[1], cache_write_5m=parts[2] - 20, cache_write_1h=20, output=parts[3]
        )

    def _prompt(self) -> Json:
        return pi.prompt(self._id(), moment())

    def _id(self) -> str:
        return f"{self.number:04x}{len(self.lines):04x}"
