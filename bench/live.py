"""Logs of sessions under way: a hundred megabytes at the start, a response more before each command."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, Protocol

from loggen import claude, codex

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

SIZE: Final = 100_000_000
RESPONSES: Final = 10_000
_TEXT: Final = "the quick brown fox jumps over the lazy dog; " * (SIZE // RESPONSES // 45)


class Live(Protocol):
    """One session."""

    agent: str

    @property
    def total(self) -> int:
        """Tokens of all its responses."""
        ...

    @property
    def environ(self) -> dict[str, str]:
        """What its agent tells the commands it runs."""
        ...

    def respond(self) -> int:
        """Log a response that runs a command; its tokens."""
        ...


class _Log:
    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path

    def add(self, records: Iterable[dict[str, Any]]) -> None:
        with self._path.open("a") as log:
            log.writelines(json.dumps(record, separators=(",", ":")) + "\n" for record in records)


class LiveClaude:
    """A session of Claude Code, which logs the usage of a response before its command runs."""

    agent = "claude"

    def __init__(self, home: Path) -> None:
        self.session = codex.uuid4(0xBE9C4)
        self._total = 0
        self._number = 0
        self._now = datetime.now(UTC) - timedelta(hours=5)
        self._log = _Log(home / ".claude" / "projects" / "-srv-shop" / f"{self.session}.jsonl")
        self._log.add([claude.queued(self.session, 0) | {"timestamp": codex.stamp(self._now)}, self._result("go")])
        self._log.add(record for _ in range(RESPONSES) for record in (self._answer(), self._result(_TEXT)))

    @property
    def total(self) -> int:
        return self._total

    @property
    def environ(self) -> dict[str, str]:
        return {"CLAUDE_CODE_SESSION_ID": self.session}

    def respond(self) -> int:
        before, self._now = self._total, datetime.now(UTC)
        self._log.add((self._result("seen"), self._answer()))
        return self._total - before

    def _result(self, text: str) -> claude.Json:
        message = {"role": "user", "content": text}
        return claude.prompt(self.session, message=message, timestamp=codex.stamp(self._now))

    def _answer(self) -> claude.Json:
        self._number += 1
        self._now += timedelta(seconds=1)
        given, written, read, output = 3 + self._number % 7, 100 + self._number % 900, 20_000, 200 + self._number % 300
        self._total += given + written + read + output
        return claude.answer(
            self.session,
            f"msg_{self._number}",
            claude.usage(given, written, read, output, split=(0, written)),
            requestId=f"req_{self._number}",
            content=[{"type": "tool_use", "id": f"toolu_{self._number}", "name": "Bash", "input": {}}],
            stop_reason="tool_use",
            timestamp=codex.stamp(self._now),
        )


class LiveCodex:
    """A thread of Codex whose counter comes before its command runs."""

    agent = "codex"

    def __init__(self, home: Path) -> None:
        now = datetime.now(UTC) - timedelta(hours=5)
        self._rollout = codex.Rollout(codex.uuid7(0xBE9, now), now)
        self._counted = codex.ZERO
        self._number = 0
        day = home / ".codex" / "sessions" / "2026" / "01" / "01"
        self._log = _Log(day / f"rollout-2026-01-01T00-00-00-{self._rollout.thread}.jsonl")
        self._rollout.meta()
        self._rollout.turn(codex.uuid7(1, now), "gpt-5.2-codex")
        self._log.add(record for _ in range(RESPONSES) for record in self._answer(_TEXT))

    @property
    def environ(self) -> dict[str, str]:
        return {"CODEX_THREAD_ID": self._rollout.thread}

    @property
    def total(self) -> int:
        return self._counted[0] + self._counted[3]

    def respond(self) -> int:
        before, self._rollout.moment = self.total, datetime.now(UTC)
        self._log.add(self._answer("seen"))
        return self.total - before

    def _answer(self, text: str) -> list[dict[str, Any]]:
        """What the command before has printed, then the next response."""
        self._number += 1
        usage = (20_000 + self._number % 900, 19_968, 0, 200 + self._number % 300, self._number % 100)
        self._counted = codex.plus(self._counted, usage)
        rollout = self._rollout
        rollout.item("function_call_output", call_id=f"call_{self._number - 1}", output=text)
        rollout.call(f"call_{self._number}")
        rollout.count(self._counted, usage)
        lines, rollout.lines = rollout.lines, []
        return lines
