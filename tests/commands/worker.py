"""A made-up agent as a process of its own: it writes its log as it goes, and runs commands from its own shell tool.

Started as `codex` or `claude` (the name is all that tells an agent's process), with acts as JSON; what each response
used is left in a file, in order.
"""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
import time
from collections import Counter
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if __name__ == "__main__":
    # Under another name, Python does not find its own libraries.
    sys.path[:] = json.loads(sys.argv[2])

import msgspec

from commands.agents import Agent, ClaudeAgent, CodexAgent

if TYPE_CHECKING:
    from collections.abc import Sequence


HOLD: Final = 0.6
"""Seconds that an agent stays, so that it is seen."""


def worker(kind: str, number: int, truth: Path, *acts: Sequence[str]) -> list[str]:
    """The command line that starts one."""
    script = str(Path(__file__).resolve())
    more = [sys.executable, json.dumps(sys.path), kind, str(number), str(truth), json.dumps(acts)]
    return ["bash", "-c", 'exec -a "$0" "$@"', kind, sys.executable, script, *more]


def nameless(command: list[str]) -> list[str]:
    """The same worker as a process that nobody takes for an agent."""
    return [*command[:3], "helper", *command[4:]]


def keep(agent: Agent, place: Path) -> str:
    """Leave a session to be resumed by a process; the act that does it takes the path."""
    agent.bench = None  # type: ignore[assignment]
    place.write_bytes(pickle.dumps(agent))
    return str(place)


def used(truth: Path) -> list[Counter[str]]:
    """What each response of a worker used."""
    return [Counter(one) for one in json.loads(truth.read_text())]


def _begin(kind: str, number: int, acts: list[list[str]]) -> Agent:
    if acts[0][0] == "resume":
        agent: Agent = pickle.loads(Path(acts[0][1]).read_bytes())  # noqa: S301 - our own
        if isinstance(agent, CodexAgent):
            agent.ago = timedelta()
            agent.flush()
        return agent
    nobody: Any = None
    return CodexAgent(nobody, number) if kind == "codex" else ClaudeAgent(nobody, number)


def _register(session: str) -> None:
    """What Claude Code writes about each process of its own."""
    started = Path("/proc/self/stat").read_text().rpartition(")")[2].split()[19]
    place = Path(os.environ["CLAUDE_CONFIG_DIR"], "sessions")
    place.mkdir(parents=True, exist_ok=True)
    (place / f"{os.getpid()}.json").write_text(json.dumps({"sessionId": session, "procStart": started}))


class Worker(msgspec.Struct):
    """One agent that does its acts."""

    agent: Agent
    held: ExitStack
    used: list[Counter[str]] = msgspec.field(default_factory=list)
    said: str = ""
    """What the last command printed."""
    code: int = 0

    def say(self) -> None:
        self.used.append(self.agent.say())

    def show(self, session: str = "") -> None:
        if isinstance(self.agent, CodexAgent):
            self.held.enter_context(self.agent.log.open("a"))
        else:
            _register(session or self.agent.session)

    def delegate(self) -> None:
        if isinstance(self.agent, CodexAgent):
            child = CodexAgent(self.agent.bench, self.agent.number + 50, parent=self.agent)
            self.held.enter_context(child.log.open("a"))
            self.used.append(child.say())
        elif isinstance(self.agent, ClaudeAgent):
            self.used.append(self.agent.delegate("11"))

    def tally(self, *words: str) -> None:
        """Run a command as the agent's shell tool does."""
        self.used.append(self.agent.issue())
        command = [sys.argv[1], "-m", "tallybook", *words]
        environ = {**os.environ, **self.agent.environ}
        self.said = subprocess.run(command, env=environ, check=True, stdout=subprocess.PIPE, text=True).stdout
        self.agent.returned()

    def finish(self, *words: str) -> None:
        """Close the goal that the last command told of."""
        self.tally("finish-task", self.said.split()[0], *words)

    def hide(self) -> None:
        self.agent.log.unlink()

    def hold(self) -> None:
        time.sleep(HOLD)

    def exit(self, code: str) -> None:
        self.code = int(code)

    def resume(self, _: str) -> None:
        """It has been taken up before anything else."""


def main(kind: str, number: int, truth: Path, acts: list[list[str]]) -> int:
    """Do the acts; what was used stands in ``truth``."""
    with ExitStack() as held:
        one = Worker(_begin(kind, number, acts), held)
        for act, *words in acts:
            getattr(one, act)(*words)
        truth.write_text(json.dumps(one.used))
    return one.code


if __name__ == "__main__":
    sys.exit(main(sys.argv[3], int(sys.argv[4]), Path(sys.argv[5]), json.loads(sys.argv[6])))
