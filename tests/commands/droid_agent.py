"""Droid at work: a session whose document is rewritten with each answer, and the lines beside it."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from commands.bench import Json
from loggen import droid


def now() -> int:
    """The present moment in milliseconds."""
    return int(datetime.now(UTC).timestamp() * 1000)


class DroidAgent(msgspec.Struct):
    """One session; every answer rewrites its document."""

    number: int = 1
    total: droid.Parts = droid.ZERO
    records: list[Json] = []
    serial: int = 0
    model: str = droid.MODELS[0]
    more: Json = {}

    def __post_init__(self) -> None:
        self.records.append(droid.start(self.session, now(), cwd=str(Path.cwd())))
        self.flush()

    @property
    def session(self) -> str:
        return droid.name(self.number)

    @property
    def environ(self) -> dict[str, str]:
        """Droid names no session to the commands that it runs."""
        return {}

    @property
    def flags(self) -> tuple[str, ...]:
        return "--agent", "droid", "--session", self.session

    @property
    def log(self) -> Path:
        return Path.home() / ".factory" / "sessions" / "-work" / f"{self.session}.settings.json"

    def say(self) -> Counter[str]:
        """An answer."""
        self.serial += 1
        n = 10 * self.number + self.serial
        used: droid.Parts = (9 + n, 50 + n, 700 + 3 * n, 80 + n, n)
        self.total = droid.plus(self.total, used)
        self.records.append(droid.message("assistant", now()))
        self.flush()
        given, write, read, output, thinking = used
        return Counter(input=given, cache_read=read, cache_write_unknown=write, output=output, reasoning=thinking)

    def flush(self) -> None:
        """Write both files; the document in one move."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        beside = self.log.with_name(f"{self.session}.jsonl")
        beside.write_bytes(droid.lines(self.records))
        draft = self.log.with_suffix(".tmp")
        draft.write_bytes(droid.encode(droid.settings(self.total, now(), self.model, **self.more)))
        draft.replace(self.log)

    def tell(self, secret: str) -> None:
        """Lines and fields of the document that hold the secret wherever text or a name may stand."""
        used = droid.use(f"c{len(self.records)}", secret, command=secret, **{secret: secret})
        named = [droid.use(f"n{n}-{len(self.records)}", name, command=secret, subagent_type=secret, skill=secret)
                 for n, name in enumerate(("Execute", "Task", "Skill", f"{secret}___{secret}"))]  # fmt: skip
        more = {"modelId": "m", "reasoningEffort": secret, "interactionMode": secret, "openaiPhase": secret}
        text = {"type": "text", "text": secret}
        self.records += [
            droid.message("user", now(), text, userMessageSource=secret, **more),
            droid.message("assistant", now(), text, {"type": "thinking", "thinking": secret}, used, *named, **more),
            droid.message("user", now(), droid.result(f"c{len(self.records)}", content=secret, is_error=True)),
            droid.message("assistant", now(), **{**more, "reasoningEffort": "low"}),
            droid.message("assistant", now(), chatCompletionReasoningContent=secret, **more),
            droid.message(secret, now(), text, visibility=secret),
            droid.message("user", now(), {"type": secret, "text": secret}, text, hookEventName=secret),
            {**droid.compaction(now()), "summaryText": secret, "summaryKind": secret},
            droid.outcome(f"t{len(self.records)}", f"model_{secret}"),
            droid.outcome(f"u{len(self.records)}", secret),
            {"type": "todo_state", "todos": secret},
            {"type": "message", "message": secret},
            {"type": secret, "text": secret},
        ]
        self.more = {**self.more, "autonomyMode": secret, "reasoningEffort": secret, "sessionTitle": secret}
        self.more |= {"providerLock": secret, "tags": [{"name": secret}], "systemPrompt": secret}
        self.flush()
