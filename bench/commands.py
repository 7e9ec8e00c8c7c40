"""The commands of a task's life beside ten thousand logs, in a session whose log of 100 MB grows between them."""

from __future__ import annotations

import json
import statistics
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bench import corpus
from bench.live import LiveClaude, LiveCodex
from bench.processes import BARE, TALLY, environment, timed
from bench.table import Row, skipped, times_bare

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bench.live import Live

ROUNDS: Final = 15
MOST: Final = 15
NAMES: Final = ("start-task", "mark", "finish-task")


def rows() -> list[Row]:
    """The median of each command, for each agent."""
    why = corpus.missing()
    if why is not None:
        return [skipped("P6", f"tally {name}", why, f"≤ {MOST} x") for name in NAMES]
    with tempfile.TemporaryDirectory() as directory:
        home = Path(directory)
        total = corpus.make(home)
        found: list[Row] = []
        for agent in (LiveClaude, LiveCodex):
            live: Live = agent(home)
            total += live.total
            world = World(home, live)
            found.extend(world.measured())
            total += world.grown
            check(f"all tokens beside {live.agent}", world.everything(), total)
        return found


class World:
    """A repository in which one live session works on goals."""

    def __init__(self, home: Path, live: Live) -> None:
        self.live = live
        self.grown = 0
        """Tokens that the session has used since it is watched."""
        self._repo = home / f"shop-{live.agent}"
        self._environ = environment(home, **live.environ)
        self._repo.mkdir()
        for command in (("init", "--quiet"), ("commit", "--quiet", "--allow-empty", "--message", "Begin")):
            git = ("git", "-c", "user.name=Ada", "-c", "user.email=ada@example.org", *command)
            subprocess.run(git, check=True, env=self._environ, cwd=self._repo)
        self._tally("sessions")  # the logs are read here for the first time

    def measured(self) -> Iterator[Row]:
        """Rounds of start, mark and finish, with bare Python in turns."""
        runs = [self._round() for _ in range(ROUNDS)]
        bare, *medians = (statistics.median(times) for times in zip(*runs, strict=True))
        for name, seconds in zip(NAMES, medians, strict=True):
            what = f"tally {name}, {self.live.agent}, 100 MB live, 10,000 logs beside"
            yield times_bare(("P6", what), seconds, bare, MOST)

    def everything(self) -> int:
        """All tokens of the history, as the program tells them."""
        state = json.loads(self._tally("show", "--json")[1])
        inside = sum(goal["tokens"]["total"] for goal in state["goals"])
        return int(inside + state["remainder"]["tokens"]["total"] + state["unattributed"]["tokens"]["total"])

    def _round(self) -> tuple[float, ...]:
        """Seconds of bare Python and of each command; the goal must have what was used within it."""
        bare, _ = timed(BARE, self._repo, self._environ)
        self._respond()
        start, goal = self._tally("start-task", "--title", "Add a shelf", "--kind", "product", "--quiet")
        within = self._respond()
        mark, _ = self._tally("mark", "build", "--goal", goal.strip())
        within += self._respond()
        finish, said = self._tally("finish-task", goal.strip(), "--status", "success", "--json")
        found = json.loads(said)["goal"]
        check("tokens of a goal", found["tokens"]["total"], within)
        check("quality of a goal", found["quality"], "exact")
        return bare, start, mark, finish

    def _respond(self) -> int:
        tokens = self.live.respond()
        self.grown += tokens
        return tokens

    def _tally(self, *arguments: str) -> tuple[float, str]:
        return timed((*TALLY, *arguments), self._repo, self._environ)


def check(what: str, found: object, truth: object) -> None:
    """Fail where the program is wrong: then its speed does not count."""
    if found != truth:
        message = f"{what}: {found}, and the truth is {truth}"
        raise AssertionError(message)
