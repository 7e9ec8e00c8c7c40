"""Which commits are on a branch, in histories of any shape and in a repository."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from gitrepo import GitRepo, counted_calls
from repo.histories import behind, histories
from tallybook.repo.branch_reach import BranchReach
from tallybook.repo.git import Git, GitFault
from tallybook.repo.made_commits import made_commits

if TYPE_CHECKING:
    import pytest

    from tallybook.repo.made_commits import MadeCommit


class Told(Git):
    """A repository of which nothing is known but its branches, which stand in place of the environment."""

    def read(self, *arguments: str, text: bytes | None = None) -> bytes | GitFault:
        del arguments, text
        return os.fsencode("".join(f"{tip} {ref}\n" for ref, tip in self.environ.items()))


@given(histories(), st.data())
def test_a_branch_reaches_all_that_is_behind_its_tips(commits: list[MadeCommit], data: st.DataObject) -> None:
    """Here and on the remote together; one that is gone reaches nothing that could be told."""
    names = st.sampled_from([commit.id for commit in commits])
    refs = st.sampled_from(["refs/heads/a", "refs/remotes/origin/a", "refs/heads/b", "refs/heads/a\u2028b"])
    tips = data.draw(st.dictionaries(refs, names))
    reach = BranchReach(Told(Path(), tips), commits)
    for branch in ("a", "b", "a\u2028b", "c"):
        own = [tip for ref, tip in tips.items() if ref in {f"refs/heads/{branch}", f"refs/remotes/origin/{branch}"}]
        found = reach.of(branch)
        # Parents that were not read are named by their children all the same.
        known = None if found is None else found & {commit.id for commit in commits}
        assert known == (behind(commits, own) if own else None)


def test_one_call_of_git_for_all_branches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many branches are asked for, and however often."""
    repo = GitRepo.make(tmp_path / "repo")
    first = repo.commit("a")
    repo.git("branch", "side")
    second = repo.commit("b")
    git = repo.repository().git
    commits = made_commits(git, "--branches")
    assert not isinstance(commits, GitFault)
    reach, calls = BranchReach(git, commits), counted_calls(monkeypatch)
    main = repo.git("branch", "--show-current").strip()
    for _ in range(3):
        assert reach.of("side") == frozenset({first})
        assert reach.of(main) == frozenset({first, second})
        assert reach.of("gone") is None
    assert len(calls) == 1
