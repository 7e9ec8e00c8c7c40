"""Which commits are on a branch, in histories of any shape and in a repository."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from repo.histories import behind, histories
from tallybook.repo.branch_reach import BranchReach
from tallybook.repo.branch_refs import BranchRefs

if TYPE_CHECKING:
    from tallybook.repo.made_commits import MadeCommit


@given(histories(), st.data())
def test_a_branch_reaches_all_that_is_behind_its_tips(commits: list[MadeCommit], data: st.DataObject) -> None:
    """Here and on the remote together; one that is gone reaches nothing that could be told."""
    names = st.sampled_from([commit.id for commit in commits])
    refs = st.sampled_from(["refs/heads/a", "refs/remotes/origin/a", "refs/heads/b", "refs/heads/a\u2028b"])
    tips = data.draw(st.dictionaries(refs, names))
    reach = BranchReach(BranchRefs(tips, None), commits)
    for branch in ("a", "b", "a\u2028b", "c"):
        own = [tip for ref, tip in tips.items() if ref in {f"refs/heads/{branch}", f"refs/remotes/origin/{branch}"}]
        found = reach.of(branch)
        # Parents that were not read are named by their children all the same.
        known = None if found is None else found & {commit.id for commit in commits}
        assert known == (behind(commits, own) if own else None)
