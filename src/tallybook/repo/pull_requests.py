"""Which pull requests commits came with, by what forges write into the commits that they make.

Standard library only.
"""

from __future__ import annotations

import re
from collections import defaultdict
from typing import TYPE_CHECKING, Final

from tallybook.repo.main_line import merged_by

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tallybook.repo.git import Git
    from tallybook.repo.made_commits import MadeCommit

_SQUASH: Final = re.compile(r"\(([#!])([1-9][0-9]{0,8})\)$")
_MERGE: Final = re.compile(
    r"^(?:Merge pull request #|Merged in .*\(pull request #|See merge request .*!)([1-9][0-9]{0,8})\b", re.MULTILINE
)
_NAMED: Final = re.compile(
    r"(?:(?:^|/)(?:pull|pulls|pull-requests|merge_requests)/|^(?:pr)?[#:!]?)([1-9][0-9]{0,8})/?$"
)


def pulls_of(git: Git, commits: Iterable[MadeCommit]) -> Mapping[str, frozenset[str]]:
    """The numbers of the pull requests of each commit that came with one.

    A squash says it in its subject; a merge in its message, and what it brought came with it.
    """
    found: dict[str, set[str]] = defaultdict(set)
    for commit in commits:
        squash = _SQUASH.search(commit.subject)
        merge = _MERGE.search(commit.message) if commit.is_merge else None
        if squash is not None:
            found[commit.id].add(squash[2])
        elif merge is not None:
            for brought in merged_by(git, commit.id):
                found[brought].add(merge[1])
    return {commit: frozenset(numbers) for commit, numbers in found.items()}


def pull_number(text: str) -> str | None:
    """The number in what somebody calls a pull request: ``12``, ``#12``, ``pr:12``, ``!12`` or its address."""
    found = _NAMED.search(text.strip())
    return None if found is None else found[1]
