"""What commits change, by which a commit is known again after it was picked, rebased or made anew.

Standard library only.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from tallybook.repo.git import Git, GitFault

if TYPE_CHECKING:
    from collections.abc import Iterable


def patch_ids(git: Git, commits: Iterable[str]) -> GitFault | dict[str, str]:
    """Git's patch id of each commit that is no merge and changes something, by two calls."""
    names = "".join(f"{commit}\n" for commit in commits).encode()
    if not names:
        return {}
    patches = git.read("diff-tree", "--stdin", "--root", "-r", "-p", "--no-ext-diff", "--no-textconv", text=names)
    if isinstance(patches, GitFault):
        return patches
    told = git.read("patch-id", "--stable", text=patches)
    if isinstance(told, GitFault):
        return told
    pairs = (line.split() for line in os.fsdecode(told).splitlines())
    return {pair[1]: pair[0] for pair in pairs if len(pair) == 2}  # noqa: PLR2004 - patch, commit


def user_email(git: Git) -> str | None:
    """The address under which commits are made here."""
    told = git.read("var", "GIT_AUTHOR_IDENT")
    if isinstance(told, GitFault):
        return None
    _, _, rest = os.fsdecode(told).partition("<")
    return rest.partition(">")[0] or None
