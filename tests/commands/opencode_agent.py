"""A session of OpenCode whose rows are written response by response, so that every token is known."""

from __future__ import annotations

import os
import time
from collections import Counter
from pathlib import Path

import msgspec

from commands.bench import Bench, Json
from loggen import opencode


class OpenCodeAgent(msgspec.Struct):
    """One session of OpenCode, a row of its database; a response that runs a command is told after the command."""

    bench: Bench
    number: int
    model: str = opencode.MODEL
    serial: int = 0
    told: Json = msgspec.field(default_factory=dict)
    messages: dict[str, Json] = msgspec.field(default_factory=dict)

    agent = "opencode"

    def __post_init__(self) -> None:
        self.told = opencode.session(self.session, _now(), directory=str(Path.cwd()))
        self.messages[opencode.message_id(1000 * self.number)] = opencode.prompt(_now())
        self.flush()

    @property
    def session(self) -> str:
        return opencode.session_id(0xA0 + self.number)

    @property
    def environ(self) -> dict[str, str]:
        return {"TALLYBOOK_SESSION": f"opencode:{self.session}"}

    @property
    def log(self) -> Path:
        return Path(os.environ["XDG_DATA_HOME"], "opencode", "opencode.db")

    def say(self) -> Counter[str]:
        """A whole response that calls nothing."""
        used = self.issue()
        self.returned()
        return used

    def issue(self) -> Counter[str]:
        """A response that runs a command: it tells nothing before that has come back."""
        self.serial += 1
        created, nothing = _now(), opencode.tokens((0, 0, 0, 0, 0), "none")
        self.messages[self._last] = opencode.answer(created, nothing, modelID=self.model)
        self.flush()
        given, read, write, output, reasoning = self._parts()
        sent = Counter(input=given, cache_read=read, cache_write_unknown=write)
        return sent + Counter(output=output + reasoning, reasoning=reasoning)

    def returned(self) -> None:
        """The command has come back; the response is whole now."""
        message = self.messages.get(self._last)
        if message is not None and "completed" not in message["time"]:
            message["time"]["completed"] = _now()
            message |= {"tokens": opencode.tokens(self._parts()), "finish": "stop"}
        self.flush()

    def delegate(self, child: OpenCodeAgent) -> Counter[str]:
        """A response of a subagent."""
        child.told["parentID"] = self.session
        return child.say()

    def tell(self, secret: str) -> None:
        """Put a text wherever one can stand."""
        other: Json = {
            "text": secret,
            "finish": secret,
            "mode": secret,
            "agent": secret,
            "variant": secret,
            secret: [secret],
        }
        other |= {"error": {"name": secret, "data": {"message": secret}}, "parentID": secret, "providerID": secret}
        created, used = _now(), opencode.tokens((1, 0, 0, 1, 0))
        wrong: tuple[Json, ...] = ({"tokens": secret}, {"tokens": {secret: secret, "input": secret}}, {"role": secret})
        for number, more in enumerate([{}, *wrong, {"role": "user", "content": secret, "system": secret}]):
            message = {**opencode.answer(created, used, completed=created), **other, **more}
            self.messages[f"msg_secret_{len(self.messages)}_{number}"] = message
        self._happen(secret)
        self.told |= {"title": secret, "version": secret, "share": {"url": secret}}
        database = opencode.Database(self.log)
        for kind in ("text", "tool", "step-finish"):
            part = {"type": kind, "text": secret, "state": {"input": {secret: secret}, "output": secret}}
            database.put_part(f"prt_{kind}_{len(self.messages)}", self._last, {**part, "tokens": {"note": secret}})
        database.commit()
        database.close()
        self.flush()

    def _happen(self, secret: str) -> None:
        """Put a secret wherever a name is looked for."""
        at, number = _now(), len(self.messages)
        fault = {"name": secret, "data": {"message": secret, "statusCode": secret}}
        database = opencode.Database(self.log)
        for nth, name in enumerate(("build", secret)):
            model = {"providerID": secret, "modelID": name, "variant": secret}
            asked = opencode.prompt(at + nth) | {"agent": name, "model": model}
            self.messages[f"msg_happen_{number}_{nth}"] = asked
            parts = [{"type": "file", "mime": secret, "filename": secret}, {"type": "subtask", "agent": secret}]
            told: list[Json] = [{"type": "text", "text": secret}, *parts]
            for place, part in enumerate(told):
                database.put_part(f"prt_{number}_{nth}_{place}", f"msg_happen_{number}_{nth}", part)
        answer = f"msg_happen_{number}_answer"
        more = {"parentID": f"msg_happen_{number}_1", "error": fault, "summary": secret}
        used = opencode.tokens((0, 0, 0, 0, 0), "none")
        self.messages[answer] = opencode.answer(at + 2, used, completed=at + 3) | more
        given = {"command": secret, "name": secret, "subagent_type": secret}
        state: Json = {"status": "error", "input": given, "error": secret, "metadata": {"exit": secret}}
        state["output"] = secret
        for place, tool in enumerate(("bash", "skill", "task", secret)):
            part = {"type": "tool", "tool": tool, "callID": f"c{place}", "state": state}
            database.put_part(f"prt_{number}_call_{place}", answer, part)
        database.put_part(f"prt_{number}_retry", answer, {"type": "retry", "attempt": secret, "error": fault})
        database.commit()
        database.close()

    def flush(self) -> None:
        """Write the rows as they stand."""
        database = opencode.Database(self.log)
        database.put_session(self.told, _now())
        for identity, message in self.messages.items():
            database.put_message(identity, self.session, message, _now())
        database.commit()
        database.close()

    @property
    def _last(self) -> str:
        return opencode.message_id(1000 * self.number + self.serial)

    def _parts(self) -> opencode.Parts:
        n = 10 * self.number + self.serial
        return 9 + n, 700 + 3 * n, 50 + n, 80 + n, n % 4


def _now() -> int:
    """The present moment in milliseconds since the epoch."""
    return time.time_ns() // 1_000_000
