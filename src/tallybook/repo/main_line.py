"""The branch that work is merged into.

Standard library only.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final, NamedTuple

from tallybook.repo.git import Git, GitFault

if TYPE_CHECKING:
    from tallybook.repo.branch_refs import BranchRefs

_USUAL: Final = ("main", "master", "trunk")


class MainLine(NamedTuple):
    """One branch, here or on the remote or both."""

    name: str
    refs: tuple[str, ...] = ()
    """What names it; nothing in a repository without commits."""
    tips: frozenset[str] = frozenset()
    """The last commit of each, by its full id."""


def main_line(git: Git, named: str | None, refs: BranchRefs) -> MainLine | GitFault:
    """The main line that is named, else the one of the remote, else a branch that is usually called so, else HEAD.

    It has no tips where the repository has no commits.
    """
    if named is not None:
        return _read(git, named)
    first = () if refs.default is None else (refs.default,)
    for name in dict.fromkeys((*first, *_USUAL)):
        found = refs.of(name)
        if found:
            return MainLine(name, found, frozenset(refs.tips[ref] for ref in found))
    if isinstance(git.read("rev-parse", "--verify", "--quiet", "HEAD^{commit}"), GitFault):
        return MainLine("HEAD")
    return _read(git, "HEAD")


def _read(git: Git, name: str) -> MainLine | GitFault:
    found = git.read("rev-list", "--no-walk", name, "--")
    return found if isinstance(found, GitFault) else MainLine(name, (name,), frozenset(os.fsdecode(found).split()))
