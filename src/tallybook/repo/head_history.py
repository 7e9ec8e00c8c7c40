"""Which branch was checked out at an earlier time, as far as git remembers.

Standard library only.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Final, NamedTuple

from tallybook.repo.git import Git, GitFault

if TYPE_CHECKING:
    from collections.abc import Iterator

_ENTRY: Final = re.compile(r"^[^\n]*@\{([0-9]+)\}\0(?:checkout: moving from (\S+) to \S+)?", re.MULTILINE)
_DETACHED: Final = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_HERE: Final = "refs/heads/"


class HeadHistory(NamedTuple):
    """What HEAD of one worktree stood for."""

    since: int | None
    """The first moment that is remembered, in seconds since the epoch; None where there is none."""
    left: tuple[tuple[int, str], ...]
    """When it moved on, and from what, the oldest first."""
    now: str | None
    """The branch that is checked out; None where HEAD is detached."""

    def between(self, first: int, last: int) -> str | None:
        """The branch that was checked out all that time, seconds since the epoch; None where none was, or several."""
        if self.since is None or first < self.since:
            return None
        before, after = (next((name for at, name in self.left if at > second), self.now) for second in (first, last))
        return before if before == after and before and not _DETACHED.fullmatch(before) else None


def head_history(git: Git) -> HeadHistory:
    """Of the worktree that git runs in; nothing is remembered of a clone that has several, for it was any of them."""
    trees = git.read("worktree", "list", "--porcelain")
    told = git.read("log", "--walk-reflogs", "--date=unix", "--encoding=UTF-8", "--format=%gd%x00%gs", "HEAD", "--")
    head = git.read("symbolic-ref", "--quiet", "HEAD")
    if isinstance(trees, GitFault) or isinstance(told, GitFault) or trees.count(b"\nHEAD ") > 1:
        return HeadHistory(None, (), None)
    entries = list(_entries(os.fsdecode(told)))
    now = None if isinstance(head, GitFault) else os.fsdecode(head).strip().removeprefix(_HERE)
    left = sorted((at, name) for at, name in entries if name)
    return HeadHistory(min((at for at, _ in entries), default=None), tuple(left), now)


def _entries(told: str) -> Iterator[tuple[int, str]]:
    """When HEAD changed, and the branch that it moved on from, empty where it stayed on it."""
    for found in _ENTRY.finditer(told):
        yield int(found[1]), found[2] or ""
