"""Real repositories around one bare remote, and what is done in them: the ledger is looked at after every step.

Every commit writes a file of its own, so that whatever conflicts is the ledger's. Hooks run in process, as git would
run them.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from typing import TYPE_CHECKING, Final

from tallybook.ledger.file import OS_FILES
from tallybook.ledger.identity import survey

if TYPE_CHECKING:
    from pathlib import Path

    from commands.bench import Bench, Said

REF: Final = "refs/tallybook/ledger"
COPY: Final = "metrics/events"
GIT_CONFIG: Final = """\
[user]
name = Ada Example
email = ada@example.com
[init]
defaultBranch = main
templateDir =
[core]
hooksPath = /dev/null
fsync = none
[commit]
gpgSign = false
[gc]
auto = 0
[maintenance]
auto = false
[advice]
detachedHead = false
[protocol "file"]
allow = always
"""
_ID: Final = re.compile(rb'"id":"([^"]+)"')
_ONE_SIDE: Final = ({"1", "2"}, {"1", "3"})
"""Stages of a path in the index that one side has changed and the other one lacks."""


def ids(data: bytes) -> list[str]:
    """The events of a file, each line's own id."""
    return [found[1].decode() for line in data.splitlines() if (found := _ID.search(line))]


class Tree:
    """One work tree."""

    def __init__(self, clone: Clone, path: Path, branch: str | None) -> None:
        self.clone, self.path, self.branch = clone, path, branch

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run git, whatever comes of it."""
        environ = {**os.environ, "GIT_EDITOR": "true", "GIT_MERGE_AUTOEDIT": "no"}
        return subprocess.run(("git", *words), cwd=self.path, env=environ, capture_output=True, text=True, check=False)

    def git(self, *words: str) -> str:
        """Run git and be told if it fails."""
        done = self.run(*words)
        assert done.returncode == 0, (words, done.stdout, done.stderr)
        return done.stdout.strip()

    def tally(self, *words: str, code: int = 0) -> Said:
        """Run a command here that must end with ``code``."""
        said = self.clone.world.bench.tally(*words, cwd=self.path)
        assert said.code == code, (words, said)
        return said

    def lifecycle(self, *words: str) -> Said:
        """Run a command that writes events: from now on they are acknowledged."""
        before = self.clone.events()
        said = self.tally(*words)
        new = self.clone.events() - before
        assert new, words
        self.clone.acknowledged |= new
        self.clone.world.acknowledged |= new
        self.clone.world.written |= new
        return said

    def commit(self, *more: str, subject: str = "") -> None:
        """What ``git commit`` does, with the hook that publishes."""
        self.tally("hook", "pre-commit")
        name = subject or self.clone.world.name("Write")
        self.git("commit", "-q", "--allow-empty", "-m", name, *more)

    def write(self) -> None:
        """A file that no other commit has."""
        name = self.clone.world.name("file")
        (self.path / name).write_text(f"{name}\n")
        self.git("add", "--", name)

    def joined(self, *words: str, go_on: tuple[str, ...]) -> bool:
        """Run what joins two histories; whether git asked for the copy of a writer that one side does not have.

        That is the only question it may ask, and to keep the file answers it.
        """
        done = self.run(*words)
        asked = False
        for _ in range(99):
            open_paths = self._unmerged()
            if not open_paths and not (done.returncode and self._busy()):
                break
            for name, stages in open_paths.items():
                assert name.startswith(f"{COPY}/w-"), (words, name, done.stdout)
                assert stages in _ONE_SIDE, (words, name, stages, done.stdout)
                self.git("add", "--", name)
                asked = True
            nothing_left = not self.git("diff", "--cached", "--name-only", "HEAD")
            skip = nothing_left and go_on[0] in {"rebase", "cherry-pick", "revert"}
            done = self.run(*((go_on[0], "--skip") if skip else go_on))
        nothing = "nothing to commit" in done.stdout or "now empty" in done.stderr  # the change was there already
        assert done.returncode == 0 or nothing, (words, done.stdout, done.stderr)
        return asked

    def _unmerged(self) -> dict[str, set[str]]:
        found: dict[str, set[str]] = {}
        for line in self.git("ls-files", "-u", "-z").split("\0"):
            if line:
                facts, name = line.split("\t")
                found.setdefault(name, set()).add(facts.split(" ")[2])
        return found

    def _busy(self) -> bool:
        state = self.path / self.git("rev-parse", "--git-dir")
        names = ("rebase-merge", "CHERRY_PICK_HEAD", "REVERT_HEAD", "MERGE_HEAD")
        return any((state / name).exists() for name in names)

    @property
    def published(self) -> dict[str, bytes]:
        """The copies in the work tree."""
        return {path.name: path.read_bytes() for path in sorted((self.path / COPY).glob("*.ndjson"))}

    def head(self, revision: str = "HEAD") -> str:
        """A commit's id."""
        return self.git("rev-parse", revision)


class Clone:
    """A clone, the work trees that are linked to it, and the events that were acknowledged in it."""

    def __init__(self, world: World, path: Path, branches: list[str]) -> None:
        self.world, self.path = world, path
        self.branches = branches
        self.trees = [Tree(self, path, branches[0])]
        self.acknowledged: set[str] = set()

    @property
    def home(self) -> Path:
        return self.path / ".git" / "tallybook" / "events"

    @property
    def files(self) -> dict[str, bytes]:
        """Each writer's file."""
        return {path.name: path.read_bytes() for path in sorted(self.home.glob("*.ndjson"))}

    @property
    def writer(self) -> str | None:
        """Whom it writes as; None where that is open."""
        current = survey(OS_FILES, self.home, self.path / ".git").current
        return None if current is None else current.writer

    def events(self) -> set[str]:
        """All events in the home; no file may hold one twice, or a line that is not whole."""
        found: set[str] = set()
        for name, data in self.files.items():
            here = ids(data)
            assert len(set(here)) == len(here) == data.count(b"\n"), name
            assert data.endswith(b"\n"), name
            found.update(here)
        return found

    @property
    def free(self) -> list[str]:
        """Branches that are checked out nowhere."""
        taken = {tree.branch for tree in self.trees}
        return [branch for branch in self.branches if branch not in taken]


class World:
    """One remote and its clones."""

    def __init__(self, bench: Bench, place: Path) -> None:
        self.bench, self.place = bench, place
        self.clones: list[Clone] = []
        self.acknowledged: set[str] = set()
        self.written: set[str] = set()  # even if it was lost with a disk
        self.forked = False  # a backup was restored over events that others may have
        self.closed: set[str] = set()  # goals
        self.late = False  # an event was written for a goal that had been closed where nobody here could see it
        self.asked = 0  # how often git has asked for a copy that one side does not have
        self.number = 0

    def name(self, word: str) -> str:
        """A name that nothing else has."""
        self.number += 1
        return f"{word}-{self.number}"

    @property
    def trees(self) -> list[Tree]:
        return [tree for clone in self.clones for tree in clone.trees]

    @property
    def remote(self) -> Path:
        return self.place / "office.git"

    def on_remote(self) -> dict[str, bytes]:
        """The files of the ledger there."""
        names = self._asked("ls-tree", "--name-only", REF)
        return {} if names is None else {name: self._asked("cat-file", "blob", f"{REF}:{name}") or b""
                                         for name in names.decode().split()}  # fmt: skip

    def _asked(self, *words: str) -> bytes | None:
        done = subprocess.run(("git", *words), cwd=self.remote, capture_output=True, check=False)
        return None if done.returncode else done.stdout

    def everywhere(self) -> set[str]:
        """Events that stand in any home or on the remote."""
        found = {event for data in self.on_remote().values() for event in ids(data)}
        return found.union(*(clone.events() for clone in self.clones))

    def add(self, clone: Clone) -> None:
        self.clones.append(clone)


def template(bench: Bench, place: Path) -> None:
    """A remote whose repository publishes its ledger, and two clones of it; all may be copied to another place."""
    place.mkdir()
    first = World(bench, place)
    tree = Tree(Clone(first, place / "one", ["main"]), place, "main")
    tree.git("init", "-q", "--bare", "office.git")
    tree.git("clone", "-q", "office.git", "one")
    tree.path = place / "one"
    tree.write()
    tree.git("commit", "-q", "-m", "Begin")
    tree.tally("init", "--publish", COPY)
    tree.git("add", ".")
    tree.git("commit", "-q", "-m", "Publish the ledger")
    tree.git("push", "-q", "origin", "main")
    tree.git("remote", "set-url", "origin", "../office.git")
    shutil.rmtree(place / "one" / ".git" / "tallybook")
    shutil.copytree(place / "one", place / "two")


def world(bench: Bench, source: Path, place: Path) -> World:
    """A fresh world."""
    shutil.copytree(source, place)
    made = World(bench, place)
    for name in ("one", "two"):
        made.add(Clone(made, place / name, ["main"]))
    return made
