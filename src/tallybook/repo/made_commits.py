"""Commits as they were made: what their messages say of a task, and which of them git made by itself.

Standard library only.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Final, NamedTuple

from tallybook.repo.git import Git, GitFault
from tallybook.repo.messages import BLANK
from tallybook.repo.trailers import TaskTrailers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

_FIELDS: Final = (
    "%H",
    "%P",
    "%ct",
    "%at",
    "%ae",
    *(f"%(trailers:key={key},valueonly,unfold)" for key in ("Task", "No-Task")),
    "%B",
)
_TASK: Final = "task"
_REVERT: Final = "This reverts commit"
"""What messages hold that the expressions find something in; most hold neither."""
_LINE: Final = re.compile(r"^[ \t]*Task[ \t]*:[ \t]*(\S+)[ \t]*$", re.MULTILINE | re.IGNORECASE)
_REVERTS: Final = re.compile(r"^[ \t]*This reverts commit ([0-9a-f]{40}|[0-9a-f]{64})\b", re.MULTILINE)
_REVERTS_PULL: Final = re.compile(
    r"^[ \t]*(?:This reverts merge request \S*!|Reverts [\w.-]+/[\w.-]+#)([1-9][0-9]{0,8})$", re.MULTILINE
)


class MadeCommit(NamedTuple):
    """One commit and what its message says."""

    id: str
    """In full."""
    parents: tuple[str, ...]
    at: int
    """When it was committed, in seconds since the epoch."""
    written_at: int
    """When its author made it; a rebase, an amend or a pick leaves that as it was."""
    author: str
    """The address."""
    said: TaskTrailers
    message: str

    @property
    def subject(self) -> str:
        """The first line."""
        return self.message.partition("\n")[0]

    @property
    def lines(self) -> tuple[str, ...]:
        """What stands behind ``Task:`` on any line: the message of a squash quotes those that it is made of."""
        if _TASK not in self.message.casefold():
            return ()
        return tuple(dict.fromkeys(_LINE.findall(self.message)))

    @property
    def named(self) -> tuple[str, ...]:
        """All that it names as its task, by trailers and on other lines."""
        return (*self.said.tasks, *self.lines)

    @property
    def is_merge(self) -> bool:
        """Whether it has several parents."""
        return len(self.parents) > 1

    @property
    def reverted(self) -> tuple[str, ...]:
        """The commits that it says to take back, in the words of git; a squash of reverts says several."""
        return tuple(dict.fromkeys(_REVERTS.findall(self.message))) if _REVERT in self.message else ()

    @property
    def reverted_pulls(self) -> frozenset[str]:
        """The numbers of pull requests that it says to take back, in the words of forges."""
        said = self.message.startswith("Revert ")
        return frozenset(_REVERTS_PULL.findall(self.message.replace("\r", ""))) if said else frozenset()


def made_commits(git: Git, *revisions: str) -> GitFault | list[MadeCommit]:
    """The commits of revisions, ranges or ``--branches`` and the like, each before its parents; one git call."""
    return begin_commits(git, *revisions)()


def begin_commits(git: Git, *revisions: str) -> Callable[[], GitFault | list[MadeCommit]]:
    """``made_commits`` beside the caller, as ``Git.begin`` tells."""
    reads = git.begin(
        *("-c", "trailer.separators=:", "-c", "log.showSignature=false", "log", "-z"),
        *("--topo-order", "--encoding=UTF-8", f"--format={'%x00'.join(_FIELDS)}", *revisions, "--"),
    )

    def commits() -> GitFault | list[MadeCommit]:
        found = reads()
        return found if isinstance(found, GitFault) else list(_commits(os.fsdecode(found)))

    return commits


def _commits(text: str) -> Iterator[MadeCommit]:
    nothing = TaskTrailers()
    fields = iter(text.split("\0"))
    for commit, parents, at, written_at, author, tasks, reasons, message in zip(*[fields] * len(_FIELDS), strict=False):
        said = TaskTrailers(_values(tasks), _values(reasons)) if tasks or reasons else nothing
        yield MadeCommit(commit, tuple(parents.split()), _time(at), _time(written_at), author, said, message)


def _time(told: str) -> int:
    """Git tells none of a commit that was made with a broken line for it, as by some old import."""
    return int(told) if told.isascii() and told.isdigit() else 0


def _values(told: str) -> tuple[str, ...]:
    """Of trailers: one each line; the last line has an end, too."""
    return tuple(value.strip(BLANK) for value in told.split("\n")[:-1])


def takes_back(git: Git, commit: MadeCommit, merges: Iterable[str] = ()) -> bool:
    """Whether a commit is what ``git revert`` makes of older ones: they are behind it, and no other file is touched.

    In which way the files are touched is not compared: conflicts are resolved by hand. ``merges`` are commits that it
    takes back by the number of their pull request.
    """
    older = (*commit.reverted, *merges)
    for one in older:
        if isinstance(git.read("merge-base", "--is-ancestor", one, commit.id), GitFault):
            return False
    here = _touched(git, commit.id)
    return bool(here and older) and here <= frozenset[bytes]().union(*(_touched(git, one) for one in older))


def _touched(git: Git, commit: str) -> frozenset[bytes]:
    """Paths that differ from the first parent."""
    found = git.read(
        "log", "-1", "-z", "--first-parent", "-m", "--no-renames", "--name-only", "--format=", commit, "--"
    )
    return frozenset() if isinstance(found, GitFault) else frozenset(filter(None, found.split(b"\0")))
