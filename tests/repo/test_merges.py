"""What merges have brought, in histories of any shape."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given

from repo.histories import behind, histories
from tallybook.repo.merges import Merges

if TYPE_CHECKING:
    from tallybook.repo.made_commits import MadeCommit


@given(histories())
def test_brought_is_what_the_first_parent_lacks(commits: list[MadeCommit]) -> None:
    """Criss-cross merges, merges of several branches and histories without a common beginning as well."""
    graph = Merges(commits)
    for commit in commits:
        lacking = behind(commits, [commit.id]) - behind(commits, commit.parents[:1])
        assert graph.brought(commit) == lacking
