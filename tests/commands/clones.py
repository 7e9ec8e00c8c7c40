"""Clones of one bare remote that the commands are run in."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from commands.bench import Bench, Json, Said

REF = "refs/tallybook/ledger"


def git(*words: str, cwd: Path, **environ: str) -> str:
    """Run git."""
    done = subprocess.run(["git", *words], cwd=cwd, env={**os.environ, **environ}, capture_output=True, check=True)
    return done.stdout.decode().strip()


class Clone:
    """One clone of the remote, and the commands that are run in it."""

    def __init__(self, bench: Bench, path: Path) -> None:
        self.bench, self.path = bench, path

    def tally(self, *words: str) -> Said:
        return self.bench.tally(*words, cwd=self.path)

    def ok(self, *words: str) -> Said:
        said = self.tally(*words)
        assert said.code == 0, said
        return said

    def start(self, title: str) -> str:
        """Open a goal with a stage: two events."""
        goal = self.begin(title)
        self.ok("mark", "plan", "--goal", goal)
        return goal

    def begin(self, title: str) -> str:
        """Open a goal: one event."""
        return self.ok("start-task", "--title", title, "--kind", "product", "--untracked", "--quiet").out.strip()

    def sync(self, *words: str) -> Json:
        return self.ok("sync", "--json", *words).json

    def goals(self) -> dict[str, str]:
        return {goal["id"]: goal["status"] for goal in self.ok("show", "--json").json["goals"]}

    @property
    def home(self) -> Path:
        return self.path / git("rev-parse", "--git-common-dir", cwd=self.path) / "tallybook" / "events"

    @property
    def files(self) -> dict[str, bytes]:
        return {path.stem: path.read_bytes() for path in sorted(self.home.glob("*.ndjson"))}

    @property
    def alone(self) -> int:
        return int(self.ok("show", "--json").json["workflow"]["unpublished_events"])


def tip(remote: Path, ref: str = REF) -> str | None:
    """The commit that the remote has."""
    done = subprocess.run(["git", "rev-parse", "-q", "--verify", ref], cwd=remote, capture_output=True, check=False)
    return done.stdout.decode().strip() or None


def put(remote: Path, files: dict[str, bytes], *, more: str = "") -> None:
    """Let the remote have these files, whatever it had."""
    lines = more
    for name, data in files.items():
        blob = subprocess.run(
            ["git", "hash-object", "-w", "--stdin"], cwd=remote, input=data, capture_output=True, check=True
        )
        lines += f"100644 blob {blob.stdout.decode().strip()}\t{name}\n"
    tree = subprocess.run(
        ["git", "mktree", "--missing"], cwd=remote, input=lines.encode(), capture_output=True, check=True
    )
    commit = git("commit-tree", tree.stdout.decode().strip(), "-m", "x", cwd=remote)
    git("update-ref", REF, commit, cwd=remote)
