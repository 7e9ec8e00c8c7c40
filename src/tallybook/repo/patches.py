"""What commits change, by which a commit is known again after it was picked, rebased or made anew.

Standard library only.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from tallybook.repo.git import Git, GitFault

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tallybook.repo.main_line import MainLine

MOST_BRANCHES = 100
"""So many branches are compared as one change each."""


def patch_ids(git: Git, commits: Iterable[str]) -> GitFault | dict[str, str]:
    """Git's patch id of each commit that is no merge and changes something, by two calls."""
    names = "".join(f"{commit}\n" for commit in commits).encode()
    if not names:
        return {}
    patches = git.read("diff-tree", "--stdin", "--root", "-r", "-p", "--no-ext-diff", "--no-textconv", text=names)
    if isinstance(patches, GitFault):
        return patches
    return _ids(git, patches)


def _ids(git: Git, patches: bytes) -> GitFault | dict[str, str]:
    told = git.read("patch-id", "--stable", text=patches)
    if isinstance(told, GitFault):
        return told
    pairs = (line.split() for line in os.fsdecode(told).splitlines())
    return {pair[1]: pair[0] for pair in pairs if len(pair) == 2}  # noqa: PLR2004 - patch, commit


class Branch(NamedTuple):
    """A branch that is not on the main line, as one change: what a squash makes of it."""

    patch: str
    commits: frozenset[str]


def branches(git: Git, line: MainLine, merged: frozenset[str]) -> list[Branch]:
    """The branches here and on remotes that the main line lacks; the last ones that moved, as far as git can tell.

    ``merged`` are the commits that it has.
    """
    told = git.read("for-each-ref", "--sort=-committerdate", "--format=%(objectname)", "refs/heads", "refs/remotes")
    tips = [] if isinstance(told, GitFault) else list(dict.fromkeys(os.fsdecode(told).split()))
    found: dict[str, frozenset[str]] = {}
    patches: list[bytes] = []
    for tip in [tip for tip in tips if tip not in merged][:MOST_BRANCHES]:
        base = git.read("merge-base", tip, *line.refs)
        if isinstance(base, GitFault):
            continue
        fork = os.fsdecode(base).strip()
        patch = git.read("diff-tree", "-r", "-p", "--no-ext-diff", "--no-textconv", fork, tip)
        commits = git.read("rev-list", f"{fork}..{tip}", "--")
        if not isinstance(patch, GitFault) and not isinstance(commits, GitFault):
            found[tip] = frozenset(os.fsdecode(commits).split())
            patches.append(f"{tip}\n".encode() + patch)
    ids = _ids(git, b"".join(patches)) if patches else {}
    return [] if isinstance(ids, GitFault) else [Branch(patch, found[tip]) for tip, patch in ids.items()]


def user_email(git: Git) -> str | None:
    """The address under which commits are made here."""
    told = git.read("var", "GIT_AUTHOR_IDENT")
    if isinstance(told, GitFault):
        return None
    _, _, rest = os.fsdecode(told).partition("<")
    return rest.partition(">")[0] or None
