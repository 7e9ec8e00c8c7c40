"""Which branches there are, here and on the remote, told by one call of git.

Standard library only.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final, NamedTuple

from tallybook.repo.git import Git, GitFault

if TYPE_CHECKING:
    from collections.abc import Mapping

HERE: Final = "refs/heads/"
THERE: Final = "refs/remotes/origin/"


class BranchRefs(NamedTuple):
    """The branches of a repository."""

    tips: Mapping[str, str]
    """The last commit of each, by its full name as git has it."""
    default: str | None
    """Which one the remote says to be its main branch, if it is known."""

    def of(self, branch: str) -> tuple[str, ...]:
        """The full names of a branch, here and on the remote; nothing where it is gone."""
        return tuple(ref for ref in (HERE + branch, THERE + branch) if ref in self.tips)


def branch_refs(git: Git) -> BranchRefs:
    """As they are now; none where git can't tell."""
    told = git.read("for-each-ref", "--format=%(objectname) %(refname)%00%(symref)", HERE, THERE)
    lines = [] if isinstance(told, GitFault) else os.fsdecode(told).split("\n")[:-1]
    tips, default = {}, None
    for line in lines:
        named, _, target = line.partition("\0")
        tip, _, name = named.partition(" ")
        tips[name] = tip
        if name == f"{THERE}HEAD" and target.startswith(THERE):
            default = target.removeprefix(THERE)
    return BranchRefs(tips, default)
