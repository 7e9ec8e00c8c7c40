"""Gemini CLI, whose chat is written answer by answer, so that every token is known."""

from __future__ import annotations

import json
import os
from collections import Counter
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import msgspec

from commands.bench import Bench, Json
from loggen import gemini


def moment() -> int:
    """The present moment in milliseconds."""
    return int(datetime.now(UTC).timestamp() * 1000)


class GeminiAgent(msgspec.Struct):
    """One session of Gemini CLI; an answer is told before its command runs, and once more when that has come back."""

    bench: Bench
    number: int
    whole: bool = False
    """One document, as early versions wrote it."""
    above: GeminiAgent | None = None
    model: str = gemini.MODEL
    serial: int = 0
    started: int = 0
    lines: list[Json] = msgspec.field(default_factory=list)
    """All that was written; of a document the messages."""

    agent = "gemini"

    def __post_init__(self) -> None:
        if self.started:
            return  # it comes out of a pickle
        self.started = moment()
        self.lines.append(gemini.prompt(f"p{self.number}", moment()))
        self.flush()

    @property
    def session(self) -> str:
        return gemini.name(0xE0 + self.number)

    @property
    def environ(self) -> dict[str, str]:
        return {"GEMINI_SESSION_ID": self.session}

    @property
    def log(self) -> Path:
        chats = Path(os.environ["HOME"], ".gemini", "tmp", "work", "chats")
        if self.above is not None:
            return chats / self.above.session / f"{self.session}.jsonl"
        return chats / f"session-2026-11-26T10-00-{self.session[:8]}.json{'' if self.whole else 'l'}"

    def say(self) -> Counter[str]:
        """A whole answer that calls nothing."""
        return self._answer()

    def issue(self) -> Counter[str]:
        """An answer that runs a command."""
        return self._answer()

    def returned(self) -> None:
        """The command has come back."""
        last = {**self.lines[-1], "toolCalls": [gemini.call(f"call_{self.number}_{self.serial}", moment())]}
        if self.whole:
            self.lines[-1] = last
        else:
            self.lines.append(last)
        self.flush()

    def replay(self) -> None:
        """The history is written once more."""
        self.lines.append(gemini.patch(messages=[line for line in self.lines if "id" in line]))
        self.flush()

    def resume(self) -> None:
        """The session goes on in its file, with a bare history."""
        bare = [gemini.bare(line) for line in self.lines if "id" in line]
        patches = [gemini.patch(sessionId=self.session), gemini.patch(messages=bare)]
        self.lines += [self._head(moment()), *patches]
        self.flush()

    def flush(self) -> None:
        """Write the chat as it stands."""
        head = self._head(self.started)
        content = json.dumps({**head, "messages": self.lines}, indent=2).encode()
        self.log.parent.mkdir(parents=True, exist_ok=True)
        self.log.write_bytes(content if self.whole else gemini.encode([head, *self.lines]))

    def _head(self, at: int) -> Json:
        place = str(Path.cwd())
        more = {"projectHash": sha256(place.encode()).hexdigest(), "directories": [place]}
        return {**gemini.head(self.session, at, "main" if self.above is None else "subagent"), **more}

    def _answer(self) -> Counter[str]:
        self.serial += 1
        n = 10 * self.number + self.serial
        parts = (900 + 13 * n, 600 + 7 * n, 60 + n, n % 3, 5 * (n % 2))
        identity = gemini.name(1000 * self.number + self.serial)
        self.lines.append(gemini.answer(identity, moment(), gemini.usage(parts), self.model))
        self.flush()
        given, read, output, reasoning = gemini.vector(parts)
        return +Counter(input=given, cache_read=read, output=output, reasoning=reasoning)
