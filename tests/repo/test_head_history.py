"""Which branch was checked out when."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gitrepo import GitRepo
from tallybook.repo.head_history import head_history

if TYPE_CHECKING:
    from pathlib import Path


def moved(repo: GitRepo, at: int, *words: str) -> None:
    repo.git(*words, GIT_COMMITTER_DATE=f"@{at} +0000")


def test_what_was_checked_out_all_the_time(tmp_path: Path) -> None:
    """By what HEAD was moved on from: branches that are gone as well, never a commit or a tag."""
    repo = GitRepo.make(tmp_path / "repo")
    assert head_history(repo.repository().git).between(0, 1) is None
    moved(repo, 1000, "commit", "-q", "--allow-empty", "-m", "first")
    moved(repo, 1100, "tag", "v1")
    moved(repo, 2000, "checkout", "-q", "-b", "feature/a")
    moved(repo, 2500, "commit", "-q", "--allow-empty", "-m", "checkout: moving from x to y")
    moved(repo, 3000, "checkout", "-q", "v1")
    moved(repo, 4000, "checkout", "-q", "main")
    moved(repo, 4500, "branch", "-D", "feature/a")
    told = {
        (first, last): head_history(repo.repository().git).between(first, last)
        for first, last in ((500, 1500), (1000, 1999), (1500, 2500), (2000, 2999), (3000, 3500), (4000, 9999))
    }
    assert told == {
        (500, 1500): None,
        (1000, 1999): "main",
        (1500, 2500): None,
        (2000, 2999): "feature/a",
        (3000, 3500): None,
        (4000, 9999): "main",
    }
    moved(repo, 5000, "checkout", "-q", "--detach")
    history = head_history(repo.repository().git)
    assert (history.between(4000, 4999), history.between(5000, 6000)) == ("main", None)


def test_a_clone_with_several_worktrees_remembers_nothing(tmp_path: Path) -> None:
    """A session was in any of them."""
    repo = GitRepo.make(tmp_path / "repo")
    moved(repo, 1000, "commit", "-q", "--allow-empty", "-m", "first")
    assert head_history(repo.repository().git).between(1000, 2000) == "main"
    repo.git("worktree", "add", "-q", "-b", "side", str(tmp_path / "side"))
    assert head_history(repo.repository().git).between(1000, 2000) is None
