"""Runs the real command in a repository with a made-up ledger, and bare Python beside it."""

from __future__ import annotations

import statistics
import subprocess
from typing import TYPE_CHECKING, NamedTuple

from bench.processes import environment, timed

if TYPE_CHECKING:
    from pathlib import Path


class Place(NamedTuple):
    """A repository with a home of its own."""

    repository: Path
    home: Path

    @property
    def events(self) -> Path:
        """Where its ledger is."""
        return self.repository / ".git" / "tallybook" / "events"

    def seconds(self, *arguments: str) -> float:
        """Wall time of one run of this Python."""
        return timed(arguments, self.repository, environment(self.home))[0]


def place_in(directory: Path) -> Place:
    """A new repository and a new home below ``directory``."""
    found = Place(directory / "repository", directory / "home")
    found.home.mkdir(parents=True)
    subprocess.run(["git", "init", "--quiet", found.repository], check=True)
    found.events.parent.mkdir()
    return found


def medians(place: Place, commands: dict[str, tuple[str, ...]], rounds: int) -> dict[str, float]:
    """The median of each command's seconds, all of them run in turns."""
    runs = [{name: place.seconds(*arguments) for name, arguments in commands.items()} for _ in range(rounds)]
    return {name: statistics.median(run[name] for run in runs) for name in commands}
