"""Runs the real command in a repository with a made-up ledger, and bare Python beside it."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from pathlib import Path

TALLY = ("-P", "-m", "tallybook")
BARE = ("-c", "pass")


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
        environ = {name: value for name, value in os.environ.items() if name.isupper() and "GIT" not in name}
        environ |= {"HOME": str(self.home), "XDG_DATA_HOME": str(self.home / "data"), "GIT_CONFIG_NOSYSTEM": "1"}
        environ.pop("TALLYBOOK_HOME", None)
        environ.pop("TALLYBOOK_LEDGER", None)
        command, begin = [sys.executable, *arguments], time.perf_counter()
        subprocess.run(
            command, cwd=self.repository, env=environ, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        return time.perf_counter() - begin


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
