"""The branch that work is merged into.

Standard library only.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final, NamedTuple

from tallybook.repo.git import Git, GitFault

if TYPE_CHECKING:
    from collections.abc import Sequence

_USUAL: Final = ("main", "master", "trunk")
_HERE: Final = "refs/heads/"
_THERE: Final = "refs/remotes/origin/"


class MainLine(NamedTuple):
    """One branch, here or on the remote or both."""

    name: str
    refs: tuple[str, ...] = ()
    """What names it; nothing in a repository without commits."""
    tips: frozenset[str] = frozenset()
    """The last commit of each, by its full id."""


def main_line(git: Git, named: str | None) -> MainLine | GitFault:
    """The main line that is named, else the one of the remote, else a branch that is usually called so, else HEAD.

    It has no tips where the repository has no commits.
    """
    if named is not None:
        return _read(git, named, [named])
    head = git.read("symbolic-ref", "--quiet", f"{_THERE}HEAD")
    first = () if isinstance(head, GitFault) else (os.fsdecode(head).strip().removeprefix(_THERE),)
    for name in dict.fromkeys((*first, *_USUAL)):
        refs = _refs(git, name)
        if refs:
            return _read(git, name, refs)
    if isinstance(git.read("rev-parse", "--verify", "--quiet", "HEAD^{commit}"), GitFault):
        return MainLine("HEAD")
    return _read(git, "HEAD", ["HEAD"])


def _refs(git: Git, name: str) -> list[str]:
    """The branch of this very name, here and on the remote."""
    told = git.read("for-each-ref", "--format=%(refname)", "--", _HERE + name, _THERE + name)
    refs = [] if isinstance(told, GitFault) else os.fsdecode(told).split("\n")
    return [ref for ref in refs if ref in {_HERE + name, _THERE + name}]


def _read(git: Git, name: str, revisions: Sequence[str]) -> MainLine | GitFault:
    found = git.read("rev-list", "--no-walk", *revisions, "--")
    return (
        found
        if isinstance(found, GitFault)
        else MainLine(name, tuple(revisions), frozenset(os.fsdecode(found).split()))
    )
