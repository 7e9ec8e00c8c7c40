"""Histories of commits of any shape."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import strategies as st

from tallybook.repo.made_commits import MadeCommit
from tallybook.repo.trailers import TaskTrailers

if TYPE_CHECKING:
    from collections.abc import Sequence


def made(name: int, parents: Sequence[int]) -> MadeCommit:
    return MadeCommit(str(name), tuple(map(str, parents)), name, name, "", TaskTrailers(), "")


@st.composite
def histories(draw: st.DrawFn) -> list[MadeCommit]:
    """Commits, each before its parents; some parents are not there, as in a shallow clone."""
    commits = []
    for name in range(draw(st.integers(1, 14))):
        older = st.integers(-1, name - 1)
        commits.append(made(name, draw(st.lists(older, max_size=3, unique=True))))
    return commits[::-1]


def behind(commits: Sequence[MadeCommit], names: Sequence[str]) -> set[str]:
    """These and all that is older, found in the plainest way."""
    found: set[str] = set()
    waiting = list(names)
    parents = {commit.id: commit.parents for commit in commits}
    while waiting:
        name = waiting.pop()
        if name in parents and name not in found:
            found.add(name)
            waiting += parents[name]
    return found
