"""Which commits are on a branch, found among commits that were read already.

Standard library only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tallybook.repo.branch_refs import BranchRefs
    from tallybook.repo.made_commits import MadeCommit


def behind(commits: Sequence[MadeCommit], tips: Iterable[str]) -> frozenset[str]:
    """Those commits and all that is older, among commits of which each stands before its parents."""
    found = set(tips)
    for commit in commits:
        if commit.id in found:
            found.update(commit.parents)
    return frozenset(found)


class BranchReach:
    """The branches of a repository, here and on the remote, and their commits."""

    def __init__(self, refs: BranchRefs, commits: Sequence[MadeCommit]) -> None:
        """Each commit stands before its parents."""
        self._refs = refs
        self._commits = commits
        self._known: dict[str, frozenset[str] | None] = {}

    def of(self, branch: str) -> frozenset[str] | None:
        """The commits of a branch; None where it is gone."""
        if branch not in self._known:
            tips = {self._refs.tips[ref] for ref in self._refs.of(branch)}
            self._known[branch] = behind(self._commits, tips) if tips else None
        return self._known[branch]
