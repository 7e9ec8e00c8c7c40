"""Fourteen ways to come to a commit, and what each must say of its task."""

from __future__ import annotations

import itertools
import shlex
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

import msgspec

from gitrepo import GitRepo

if TYPE_CHECKING:
    import subprocess

    Done = subprocess.CompletedProcess[str]

_numbers: Final = itertools.count()


class World(msgspec.Struct, frozen=True):
    """Where a commit is made."""

    repo: GitRepo
    earlier: str
    """A closed goal of the ledger, which commits of a branch name."""

    def stage(self) -> str:
        """A new file in the index; its name."""
        name = f"file {next(_numbers)}"
        self.repo.stage(name)
        return name

    def past(self, message: str = "") -> str:
        """A commit of a new file past all hooks; its id."""
        return self.repo.commit(f"file {next(_numbers)}", message=message)

    def aside(self, message: str = "") -> tuple[str, str]:
        """A commit on a branch of its own, and one of another file here; the branch and this branch."""
        here, side = self.repo.git("branch", "--show-current"), f"side-{next(_numbers)}"
        self.repo.git("checkout", "-q", "-b", side)
        self.past(message)
        self.repo.git("checkout", "-q", here)
        self.past()
        return side, here

    def commit(self, *options: str, **environ: str) -> Done:
        """``git commit``."""
        return self.repo.run("commit", "-q", *options, **environ)


class Kind(msgspec.Struct, frozen=True):
    """One of them."""

    name: str
    make: Callable[[World], Done]
    """The command of git that makes the commit, after all that it needs."""
    own: bool = False
    """Git makes it by itself: it is let through without a task, and says what it said before."""
    tells: Callable[[World], list[str]] = lambda _: []
    """The tasks that it names whatever is open; where there are none, a plain commit names the open one."""


def _editor(script: str) -> str:
    return f"sh -c {shlex.quote(script)} editor"


_SUBJECT: Final = _editor('{ echo "Add it"; cat "$1"; } >"$1.new"; mv "$1.new" "$1"')


def _message(world: World) -> Done:
    world.stage()
    return world.commit("-m", "Add it", "-m", "# no comment here\n\nReviewed-by: Ada")


def _file(world: World) -> Done:
    world.stage()
    return world.repo.run("commit", "-q", "-F", "-", text="Add it")


def _edited(world: World) -> Done:
    world.stage()
    return world.commit(GIT_EDITOR=_SUBJECT)


def _verbose(world: World) -> Done:
    world.stage()
    return world.commit("-v", "--cleanup=scissors", GIT_EDITOR=_SUBJECT)


def _template(world: World) -> Done:
    world.stage()
    template = world.repo.write("template.txt", "Why:\n\n# what for\n")
    return world.commit("-t", str(template), GIT_EDITOR=_editor('sed -i "1s/$/ it was missing/" "$1"'))


def _amend(world: World) -> Done:
    world.past()
    world.stage()
    return world.commit("--amend", "--no-edit")


def _reuse(world: World) -> Done:
    world.past(f"Add it\n\nTask: {world.earlier}")
    world.stage()
    return world.commit("-C", "HEAD")


def _fixup(world: World) -> Done:
    world.stage()
    return world.commit("--fixup", "HEAD")


def _partial(world: World) -> Done:
    wanted, _ = world.stage(), world.stage()
    done = world.commit("-m", "Add one of two", "--", wanted)
    world.repo.git("reset", "-q")
    return done


def _merge(world: World) -> Done:
    side, _ = world.aside()
    return world.repo.run("merge", "-q", "--no-ff", "-m", "Join", side)


def _squash(world: World) -> Done:
    side, _ = world.aside(f"Add it\n\nTask: {world.earlier}")
    world.repo.git("merge", "-q", "--squash", side)
    return world.commit("--no-edit")


def _revert(world: World) -> Done:
    world.past()
    return world.repo.run("revert", "--no-edit", "HEAD")


def _pick(world: World) -> Done:
    side, _ = world.aside(f"Add it\n\nTask: {world.earlier}")
    return world.repo.run("cherry-pick", side)


def _rebase(world: World) -> Done:
    side, here = world.aside(f"Add it\n\nTask: {world.earlier}")
    done = world.repo.run("rebase", "-q", here, side)
    world.repo.git("checkout", "-q", "-B", here, side)
    return done


def _earlier(world: World) -> list[str]:
    return [world.earlier]


KINDS: Final = (
    Kind("message", _message),
    Kind("file", _file),
    Kind("editor", _edited),
    Kind("verbose", _verbose),
    Kind("template", _template),
    Kind("amend", _amend),
    Kind("reuse", _reuse, tells=_earlier),
    Kind("fixup", _fixup),
    Kind("partial", _partial),
    Kind("merge", _merge, own=True),
    Kind("squash", _squash, tells=_earlier),
    Kind("revert", _revert, own=True),
    Kind("cherry-pick", _pick, own=True, tells=_earlier),
    Kind("rebase", _rebase, own=True, tells=_earlier),
)
