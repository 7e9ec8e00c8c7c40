"""Real repositories in a temporary directory; nothing of the machine's or the user's git reaches them."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from typing import TYPE_CHECKING

from tallybook.clock import SystemClock, SystemIds, goal_id, timestamp
from tallybook.domain.events import Body, GoalFinished, GoalStarted, NewEvent
from tallybook.ledger.store import Ledger, LedgerPlace
from tallybook.repo.git import Git, GitFault
from tallybook.repo.worktree import Repository, find_repository

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pytest

HOOKS = ("commit-msg", "prepare-commit-msg", "pre-commit")
HOOK = """\
#!/bin/sh
exec {python} -P -m tallybook.hooks.main {name} "$@"
"""


def closed_environ(home: Path) -> dict[str, str]:
    """All that a git of the tests sees."""
    environ = {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_CONFIG_SYSTEM": "/dev/null",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_EDITOR": "true",
        "GIT_SEQUENCE_EDITOR": "true",
        "GIT_MERGE_AUTOEDIT": "no",
        "TZ": "UTC",
    }
    for who in ("AUTHOR", "COMMITTER"):
        environ |= {f"GIT_{who}_NAME": "Ada Example", f"GIT_{who}_EMAIL": "ada@example.com"}
    return environ | {name: value for name, value in os.environ.items() if name.startswith(("COV", "PYTHONPATH"))}


class GitRepo:
    """One work tree and the environment in which git works on it."""

    def __init__(self, path: Path, environ: dict[str, str]) -> None:
        self.path = path
        self.environ = environ

    @classmethod
    def make(cls, path: Path, *options: str) -> GitRepo:
        """A new repository on branch main."""
        path.mkdir(parents=True, exist_ok=True)
        repo = cls(path, closed_environ(path.parent))
        repo.git("init", "-q", "-b", "main", *options)
        return repo

    def run(self, *arguments: str, text: str | None = None, **environ: str) -> subprocess.CompletedProcess[str]:
        """Run git, whatever comes of it; it never waits for a terminal."""
        return subprocess.run(
            ("git", *arguments),
            cwd=self.path,
            env=self.environ | environ,
            input=text or "",
            capture_output=True,
            text=True,
            errors="surrogateescape",
            timeout=60,
            check=False,
        )

    def git(self, *arguments: str, text: str | None = None, **environ: str) -> str:
        """Run git and be told if it fails; its stdout."""
        done = self.run(*arguments, text=text, **environ)
        assert done.returncode == 0, f"git {arguments}: {done.stdout}{done.stderr}"
        return done.stdout.rstrip("\n")

    def write(self, name: str, text: str = "x\n") -> Path:
        """Write a file of the work tree."""
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def commit(self, name: str, text: str = "x\n", message: str = "") -> str:
        """Commit one file past all hooks; the commit's id."""
        self.write(name, text)
        self.git("add", "--", name)
        self.git("-c", "core.hooksPath=/dev/null", "commit", "-q", "-m", message or f"Write {name}")
        return self.git("rev-parse", "HEAD")

    def stage(self, name: str, text: str = "x\n") -> None:
        """Write and add one file."""
        self.write(name, text)
        self.git("add", "--", name)

    def message(self, revision: str = "HEAD") -> str:
        """The whole message of a commit."""
        return self.git("log", "-1", "--format=%B", revision).rstrip("\n")

    def tasks(self, revision: str = "HEAD") -> list[str]:
        """The tasks of a commit, as git reads them."""
        return self.git("log", "-1", "--format=%(trailers:key=Task,valueonly)", revision).split()

    def hook_directory(self) -> Path:
        """Where git looks for hooks."""
        return self.path / self.git("rev-parse", "--git-path", "hooks")

    def add_hooks(self) -> None:
        """Have git run the hooks of this source tree."""
        directory = self.hook_directory()
        directory.mkdir(parents=True, exist_ok=True)
        for name in HOOKS:
            (directory / name).write_text(HOOK.format(python=shlex.quote(sys.executable), name=name))
            (directory / name).chmod(0o755)

    def repository(self) -> Repository:
        """This work tree as tallybook sees it."""
        found = find_repository(self.path, self.environ)
        assert isinstance(found, Repository)
        return found

    def start(self, title: str = "Add a parser", worktree: str | None = None) -> str:
        """Open a goal in this worktree; its id."""
        now = SystemClock().now()
        goal = goal_id(now, SystemIds())
        place = self.repository().worktree if worktree is None else worktree
        self.append(goal, GoalStarted(title=title, kind="product", started_at=timestamp(now), worktree=place))
        return goal

    def finish(self, goal: str) -> None:
        """Close a goal."""
        self.append(goal, GoalFinished(status="success", finished_at=timestamp(SystemClock().now())))

    def append(self, goal: str, body: Body) -> None:
        """Write one event to the ledger of the clone."""
        common = self.repository().common_dir
        ledger = Ledger(LedgerPlace(common / "tallybook" / "events", None, common), SystemClock(), SystemIds())
        assert isinstance(ledger.transact(ledger.read, lambda _: [NewEvent(goal, body)]), tuple)


def counted_calls(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    """A list that grows with every git command that tallybook runs from now on."""
    calls: list[tuple[str, ...]] = []
    read, begin = Git.read, Git.begin

    def counted(git: Git, *arguments: str, text: bytes | None = None) -> bytes | GitFault:
        calls.append(arguments)
        return read(git, *arguments, text=text)

    def begun(git: Git, *arguments: str) -> Callable[[], bytes | GitFault]:
        calls.append(arguments)
        return begin(git, *arguments)

    monkeypatch.setattr(Git, "read", counted)
    monkeypatch.setattr(Git, "begin", begun)
    return calls
