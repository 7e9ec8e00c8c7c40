"""Which repository and worktree a directory belongs to, and what is checked out there.

Standard library only. Finding it costs one git call; branch and commit come with a look at the work tree, or cost one
more.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from tallybook.repo.git import Git, GitFault

if TYPE_CHECKING:
    from collections.abc import Mapping

_NEXT = "--tallybook-next"
"""``git rev-parse`` repeats an option that it does not know: a line between paths that may hold line ends."""


REMEDIES: Final = {
    "dubious-ownership": "if you trust its owner: git config --global --add safe.directory DIRECTORY",
    "bare": "run it in a work tree: git worktree add DIRECTORY",
    "inside-git-dir": "run it in the work tree",
    "no-git": "install git 2.22 or later and put it on PATH",
    "timeout": "is the disk slow, or the repository on a network? run git status by hand",
}
"""What helps where there is no work tree, by the reason."""


class NoRepository(NamedTuple):
    """There is no work tree here, and why."""

    reason: str
    """A code of ``GitFault``, ``bare`` or ``inside-git-dir``."""
    message: str


class Checkout(NamedTuple):
    """What HEAD stands for; None where it is detached, unborn, or git failed."""

    branch: str | None
    head: str | None


class SinceGoal(NamedTuple):
    """What the last finish of a goal left behind; all None where no goal was ever finished."""

    finished_at: str | None = None
    """ISO 8601 with a zone."""
    head: str | None = None
    fingerprint: str | None = None


class StartedWork(NamedTuple):
    """What there is that belongs to no goal yet."""

    changed: bool
    """Uncommitted changes, and not just those that the last finish left."""
    commits: int
    """Own commits since the last finish that name no task; counted up to 1,000."""
    fingerprint: str | None
    """16 hex digits for the uncommitted changes; None where there are none."""

    @property
    def any(self) -> bool:
        """Whether work has been started."""
        return self.changed or self.commits > 0


class Uncertain(NamedTuple):
    """Git failed, so nothing is known."""

    reason: str


class Repository:
    """One worktree of one clone."""

    __slots__ = ("_checkout", "common_dir", "git", "git_dir", "toplevel", "worktree")

    def __init__(self, toplevel: Path, git_dir: Path, common_dir: Path, environ: Mapping[str, str]) -> None:
        self.toplevel = toplevel
        self.git_dir = git_dir
        self.common_dir = common_dir
        self.worktree = worktree_name(git_dir, common_dir)
        self.git = Git(toplevel, environ)
        self._checkout: Checkout | None = None

    def branch(self) -> str | None:
        """Short name of the branch that is checked out, an unborn one too."""
        return self._look().branch

    def head(self) -> str | None:
        """Full id of the commit that is checked out."""
        return self._look().head

    def saw(self, branch: str, head: str | None) -> None:
        """Take over what another look at HEAD has told."""
        if self._checkout is None:
            self._checkout = Checkout(branch, head)

    def _look(self) -> Checkout:
        if self._checkout is None:
            self._checkout = _checkout(self.git)
        return self._checkout


def find_repository(cwd: Path, environ: Mapping[str, str]) -> Repository | NoRepository:
    """The worktree around ``cwd``, as git itself sees it with this environment."""
    found = Git(cwd, environ).read(
        *("rev-parse", "--is-bare-repository", _NEXT, "--absolute-git-dir", _NEXT),
        *("--git-common-dir", _NEXT, "--show-toplevel"),
    )
    if isinstance(found, GitFault):
        return _none(found)
    parts = os.fsdecode(found.removesuffix(b"\n")).split(f"\n{_NEXT}\n")
    if len(parts) != 4:  # noqa: PLR2004 - as many as were asked for
        return NoRepository("git-failed", "git rev-parse gave an answer that can't be read")
    _, git_dir, common_dir, toplevel = (Path(cwd, part) for part in parts)
    return Repository(toplevel, git_dir.resolve(), common_dir.resolve(), environ)


def started_work(repository: Repository, since: SinceGoal, publish: str | None = None) -> StartedWork | Uncertain:
    """Look at the work tree; ``publish`` is the directory of the published ledger, which is nobody's work."""
    from tallybook.repo import changes  # noqa: PLC0415 - the hooks never ask

    status = changes.status_of(repository.git, publish)
    if isinstance(status, GitFault):
        return Uncertain(status.message)
    if status.branch is not None:
        repository.saw(status.branch, status.head)
    fingerprint = changes.fingerprint_of(repository.toplevel, status.entries)
    commits: int | GitFault = 0
    if since.finished_at is not None and repository.head() not in {None, since.head}:
        commits = changes.commits_without_task(repository.git, since.finished_at, since.head)
    if isinstance(commits, GitFault):
        return Uncertain(commits.message)
    return StartedWork(fingerprint not in {None, since.fingerprint}, commits, fingerprint)


def worktree_name(git_dir: Path, common_dir: Path) -> str:
    """Opaque name of a worktree; the same after the clone was moved, another one in each linked worktree."""
    place = os.path.relpath(git_dir, common_dir)
    return "wt-" + hashlib.sha256(os.fsencode(place)).hexdigest()[:10]


def _none(fault: GitFault) -> NoRepository:
    if fault.code != "no-work-tree":
        return NoRepository(fault.code, fault.message)
    if fault.output.startswith(b"true\n"):
        return NoRepository("bare", "this is a bare repository: it has no work tree")
    return NoRepository("inside-git-dir", "this is the inside of a git directory, not a work tree")


def _checkout(git: Git) -> Checkout:
    found = git.read("rev-parse", "HEAD", "--symbolic-full-name", "HEAD")
    if isinstance(found, GitFault):
        unborn = git.read("symbolic-ref", "-q", "HEAD")
        return Checkout(None if isinstance(unborn, GitFault) else _short(os.fsdecode(unborn)), None)
    head, _, name = os.fsdecode(found).rstrip("\n").partition("\n")
    return Checkout(_short(name), head)


def _short(name: str) -> str | None:
    name = name.rstrip("\n")
    return name.removeprefix("refs/heads/") if name.startswith("refs/") else None
