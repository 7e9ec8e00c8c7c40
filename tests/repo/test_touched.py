"""Which files a task's commits changed, as git itself tells."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from gitrepo import GitRepo, counted_calls
from tallybook.repo.git import GitFault
from tallybook.repo.touched import files_by_task

if TYPE_CHECKING:
    from pathlib import Path

EARLY = {"GIT_COMMITTER_DATE": "2026-01-01T00:00:00Z", "GIT_AUTHOR_DATE": "2026-01-01T00:00:00Z"}
SINCE = 1_767_312_000
"""The day after."""


@pytest.fixture
def repo(tmp_path: Path) -> GitRepo:
    return GitRepo.make(tmp_path / "repo")


def touched(repo: GitRepo, since: int = 0, publish: str | None = None) -> dict[str, frozenset[str]]:
    """What git tells; it must be able to."""
    found = files_by_task(repo.repository(), since, publish)
    assert isinstance(found, dict)
    return found


def commit(repo: GitRepo, message: str, *names: str, **environ: str) -> None:
    """One commit that changes these files, or none."""
    for name in names:
        repo.write(name, f"{message}\n")
    repo.git("add", "--all")
    repo.git("commit", "-q", "--allow-empty", "-m", message, **environ)


def test_an_unborn_branch(repo: GitRepo) -> None:
    assert touched(repo) == {}


def test_files_of_a_task(repo: GitRepo) -> None:
    """From all its commits; a commit of two tasks counts for both, one without a trailer for none."""
    commit(repo, "a\n\nTask: g1", "one", "sub/two")
    commit(repo, "b\n\ntask: g1\nTask: g2", "one", "three")
    commit(repo, "c\n\nNo-Task: why not", "four")
    commit(repo, "d\n\nTask: g3")
    commit(repo, "e, see Task: g4 above", "five")
    assert touched(repo) == {"g1": {"one", "sub/two", "three"}, "g2": {"one", "three"}}


@pytest.mark.parametrize("name", ["line\nend", "\nfirst", "é\udcff", "a b", "\x01g9\x02x", "tab\t", '"quoted"'])
def test_odd_names(repo: GitRepo, name: str) -> None:
    commit(repo, "a\n\nTask: g1", name)
    commit(repo, "b\n\nTask: g2", name, "plain")
    assert touched(repo) == {"g1": {name}, "g2": {name, "plain"}}


def test_a_file_that_moved(repo: GitRepo) -> None:
    """Both names were touched, whatever git is set up to show."""
    commit(repo, "a\n\nTask: g1", "old")
    repo.git("config", "diff.renames", "copies")
    repo.git("mv", "old", "new")
    commit(repo, "b\n\nTask: g2")
    assert touched(repo) == {"g1": {"old"}, "g2": {"old", "new"}}


def test_other_branches_and_merges(repo: GitRepo) -> None:
    """Commits of any branch count, those that merge do not, nor does what only a stash holds."""
    commit(repo, "a\n\nTask: g1", "one")
    repo.git("switch", "-q", "-c", "side")
    commit(repo, "b\n\nTask: g2", "two")
    repo.git("switch", "-q", "main")
    commit(repo, "c\n\nTask: g3", "three")
    repo.git("merge", "-q", "--no-ff", "-m", "m\n\nTask: g4", "side")
    repo.git("switch", "-q", "-c", "far", "side")
    commit(repo, "d\n\nTask: g5", "four")
    repo.git("switch", "-q", "--detach", "main")
    repo.write("five")
    repo.git("stash", "-u", "-m", "s\n\nTask: g6")
    assert touched(repo) == {"g1": {"one"}, "g2": {"two"}, "g3": {"three"}, "g5": {"four"}}


def test_early_commits_and_the_published_ledger(repo: GitRepo) -> None:
    commit(repo, "a\n\nTask: g1", "one", **EARLY)
    commit(repo, "b\n\nTask: g2", "metrics/events/w-1.ndjson", "metrics/report.md")
    assert touched(repo, SINCE) == {"g2": {"metrics/events/w-1.ndjson", "metrics/report.md"}}
    assert touched(repo, publish="metrics/events") == {"g1": {"one"}, "g2": {"metrics/report.md"}}


def test_one_call_from_a_directory_within(repo: GitRepo, monkeypatch: pytest.MonkeyPatch) -> None:
    """All of the work tree is looked at, and git is called once, apart from finding it and its head."""
    commit(repo, "a\n\nTask: g1", "one", "sub/two")
    inner = GitRepo(repo.path / "sub", repo.environ)
    calls = counted_calls(monkeypatch)
    assert touched(inner) == {"g1": {"one", "sub/two"}}
    assert [call for call in calls if "log" in call and "rev-parse" not in call] == calls[-1:]


def test_git_that_fails(repo: GitRepo) -> None:
    commit(repo, "a\n\nTask: g1", "one")
    found = repo.repository()
    assert found.head() is not None
    (repo.path / ".git" / "HEAD").write_text("ref: refs/heads/nowhere\n")
    assert isinstance(files_by_task(found, 0, None), GitFault)
