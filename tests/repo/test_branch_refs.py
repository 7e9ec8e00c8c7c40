"""Which branches a repository has, told by git itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gitrepo import GitRepo, counted_calls
from tallybook.repo.branch_refs import BranchRefs, branch_refs

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

LOCAL = "refs/heads/"
REMOTE = "refs/remotes/origin/"


def test_one_call_of_git_tells_all_branches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Here and on the remote, whatever their names; tags and other remotes are none."""
    repo = GitRepo.make(tmp_path / "repo")
    first = repo.commit("a")
    main = repo.git("branch", "--show-current").strip()
    second = repo.commit("b")
    for name, commit in ((f"{LOCAL}a/b", first), (f"{LOCAL}a\u2028c", first), (f"{REMOTE}{main}", first)):
        repo.git("update-ref", name, commit)
    repo.git("update-ref", "refs/remotes/other/x", first)
    repo.git("tag", "x", first)
    git, calls = repo.repository().git, counted_calls(monkeypatch)
    refs = branch_refs(git)
    assert len(calls) == 1
    assert refs.tips == {
        f"{LOCAL}{main}": second,
        f"{LOCAL}a/b": first,
        f"{LOCAL}a\u2028c": first,
        f"{REMOTE}{main}": first,
    }
    assert refs.default is None
    assert refs.of(main) == (LOCAL + main, REMOTE + main)
    assert refs.of("a/b") == (f"{LOCAL}a/b",)
    assert refs.of("a") == refs.of("x") == ()


def test_the_remote_tells_its_main_branch(tmp_path: Path) -> None:
    """As far as it names a branch that is there."""
    repo = GitRepo.make(tmp_path / "repo")
    first = repo.commit("a")
    repo.git("update-ref", f"{REMOTE}next", first)
    repo.git("symbolic-ref", f"{REMOTE}HEAD", f"{REMOTE}next")
    assert branch_refs(repo.repository().git).default == "next"
    repo.git("symbolic-ref", f"{REMOTE}HEAD", f"{REMOTE}gone")
    assert branch_refs(repo.repository().git).default is None


def test_no_branches_where_git_tells_none(tmp_path: Path) -> None:
    """A repository without commits, and one that is gone."""
    repo = GitRepo.make(tmp_path / "repo")
    git = repo.repository().git
    assert branch_refs(git) == BranchRefs({}, None)
    assert branch_refs(git._replace(directory=tmp_path / "gone")) == BranchRefs({}, None)
