"""Which commits are on a branch, found among commits that were read already: one call of git for all branches.

Standard library only.
"""

from __future__ import annotations

import os
from functools import cached_property
from typing import TYPE_CHECKING, Final

from tallybook.repo.git import Git, GitFault

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from tallybook.repo.made_commits import MadeCommit

_PLACES: Final = ("refs/heads/", "refs/remotes/origin/")


def behind(commits: Sequence[MadeCommit], tips: Iterable[str]) -> frozenset[str]:
    """Those commits and all that is older, among commits of which each stands before its parents."""
    found = set(tips)
    for commit in commits:
        if commit.id in found:
            found.update(commit.parents)
    return frozenset(found)


class BranchReach:
    """The branches of a repository, here and on the remote, and their commits."""

    def __init__(self, git: Git, commits: Sequence[MadeCommit]) -> None:
        """Each commit stands before its parents."""
        self._git = git
        self._commits = commits
        self._known: dict[str, frozenset[str] | None] = {}

    def of(self, branch: str) -> frozenset[str] | None:
        """The commits of a branch; None where it is gone."""
        if branch not in self._known:
            tips = {self._tips[ref] for ref in (place + branch for place in _PLACES) if ref in self._tips}
            self._known[branch] = behind(self._commits, tips) if tips else None
        return self._known[branch]

    @cached_property
    def _tips(self) -> Mapping[str, str]:
        told = self._git.read("for-each-ref", "--format=%(objectname) %(refname)", *_PLACES)
        lines = [] if isinstance(told, GitFault) else os.fsdecode(told).split("\n")
        return {name: tip for tip, _, name in (line.partition(" ") for line in lines)}
