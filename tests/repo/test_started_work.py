"""Started work: what is uncommitted, and which commits name no task."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from gitrepo import GitRepo, counted_calls
from tallybook.repo import changes
from tallybook.repo.git import Git, GitFault
from tallybook.repo.worktree import SinceGoal, StartedWork, Uncertain, started_work

if TYPE_CHECKING:
    from pathlib import Path

HOUR_AGO = (datetime.now(UTC) - timedelta(hours=1)).isoformat()


@pytest.fixture
def repo(tmp_path: Path) -> GitRepo:
    repo = GitRepo.make(tmp_path / "repo")
    repo.commit("first")
    return repo


def work(repo: GitRepo, since: SinceGoal | None = None, publish: str | None = None) -> StartedWork:
    """The work in a worktree; git must be able to tell."""
    found = started_work(repo.repository(), since or SinceGoal(), publish)
    assert isinstance(found, StartedWork)
    return found


def test_clean(repo: GitRepo) -> None:
    assert work(repo) == StartedWork(changed=False, commits=0, fingerprint=None)
    assert not work(repo).any


@pytest.mark.parametrize("name", ["first", "new", "sub/new", "line\nend", "é\udcff"])
def test_changes(repo: GitRepo, name: str) -> None:
    repo.write(name, "changed\n")
    found = work(repo)
    assert (found.changed, found.any, found.commits) == (True, True, 0)
    assert found.fingerprint is not None
    assert len(found.fingerprint) == 16
    assert not work(repo, SinceGoal(fingerprint=found.fingerprint)).changed
    repo.git("add", "--all")
    assert work(repo, SinceGoal(fingerprint=found.fingerprint)).changed


def test_more_changes_in_a_file_that_was_changed_already(repo: GitRepo) -> None:
    repo.write("first", "one\n")
    left = SinceGoal(fingerprint=work(repo).fingerprint)
    repo.write("first", "two\n")
    assert work(repo, left).changed
    repo.write("first", "one\n")
    assert not work(repo, left).changed
    (repo.path / "first").unlink()
    gone = work(repo)
    (repo.path / "first").symlink_to("x")
    assert len({gone.fingerprint, work(repo).fingerprint, left.fingerprint}) == 3
    (repo.path / "first").unlink()
    repo.write("first", "x" * (1 << 21))
    assert work(repo, left).changed


def test_another_file_in_a_new_directory(repo: GitRepo) -> None:
    repo.write(".gitignore", "*.o\n")
    repo.write("new/one", "one\n")
    left = SinceGoal(fingerprint=work(repo).fingerprint)
    repo.write("new/one.o", "ignored\n")
    assert not work(repo, left).changed
    repo.write("new/two", "two\n")
    assert work(repo, left).changed


def test_a_commit_in_the_second_of_the_finish(repo: GitRepo) -> None:
    """It counts where the head is known that the finish left, and is in doubt where it is not."""
    head = repo.git("rev-parse", "HEAD").strip()
    repo.commit("second")
    now = datetime.fromtimestamp(int(repo.git("log", "-1", "--format=%ct")), UTC).isoformat()
    assert work(repo, SinceGoal(now, head)).commits == 1
    assert work(repo, SinceGoal(now)).commits == 0


def test_contents_of_the_first_files_alone_are_looked_at(repo: GitRepo, monkeypatch: pytest.MonkeyPatch) -> None:
    repo.write("first", "one\n")
    monkeypatch.setattr(changes, "_MOST_FILES", 0)
    left = SinceGoal(fingerprint=work(repo).fingerprint)
    repo.write("first", "two\n")
    assert not work(repo, left).changed


def test_moved_file_and_conflict(repo: GitRepo) -> None:
    repo.git("mv", "first", "second")
    assert work(repo).changed
    repo.git("reset", "-q", "--hard")
    repo.git("checkout", "-q", "-b", "side")
    repo.commit("first", "side\n")
    repo.git("checkout", "-q", "main")
    repo.commit("first", "main\n")
    repo.run("merge", "side")
    left = SinceGoal(fingerprint=work(repo).fingerprint)
    repo.write("first", "both\n")
    assert work(repo, left).changed


def test_published_ledger_is_nobodys_work(repo: GitRepo) -> None:
    place = "metr[i]cs/events"
    repo.write(f"{place}/w-1.ndjson")
    assert work(repo).changed
    assert not work(repo, publish=place).changed
    nested = GitRepo(repo.path / "deep", repo.environ)
    nested.path.mkdir()
    assert not work(nested, publish=place).changed
    repo.write("metr[i]cs/notes")
    assert work(repo, publish=place).changed
    (repo.path / "metr[i]cs" / "notes").unlink()
    repo.git("add", "--all")
    assert not work(repo, publish=place).changed
    repo.write("metrics/events/x")
    assert work(nested, publish=place).changed


def test_commits_that_name_no_task(repo: GitRepo, tmp_path: Path) -> None:
    since = SinceGoal(HOUR_AGO)
    assert work(repo).commits == 0
    repo.commit("a", message="Add a\n\ntask: g1")
    repo.commit("b", message="Add b\n\nNo-Task: because")
    assert work(repo, since).commits == 1
    repo.git("checkout", "-q", "-b", "side")
    repo.commit("c")
    repo.git("checkout", "-q", "main")
    repo.git("merge", "-q", "--no-ff", "-m", "Join", "side")
    assert work(repo, since) == StartedWork(changed=False, commits=2, fingerprint=None)
    head = repo.git("rev-parse", "HEAD")
    repo.commit("d")
    assert work(repo, SinceGoal(HOUR_AGO, head)).commits == 1
    assert work(repo, SinceGoal(HOUR_AGO, "0" * 39 + "1")).commits == 3
    assert work(repo, SinceGoal(HOUR_AGO, "--all")).commits == 3
    assert work(repo, SinceGoal((datetime.now(UTC) + timedelta(hours=1)).isoformat())).commits == 0
    GitRepo.make(tmp_path / "far", "--bare")
    repo.git("remote", "add", "origin", str(tmp_path / "far"))
    repo.git("push", "-q", "origin", "main")
    assert work(repo, since).commits == 0


def test_unborn_branch(tmp_path: Path) -> None:
    repo = GitRepo.make(tmp_path / "repo")
    assert work(repo, SinceGoal(HOUR_AGO)).commits == 0
    repo.write("a")
    assert work(repo, SinceGoal(HOUR_AGO)).changed


def test_git_that_fails(repo: GitRepo, monkeypatch: pytest.MonkeyPatch) -> None:
    found = repo.repository()
    (repo.path / ".git" / "index").write_bytes(b"broken")
    assert isinstance(started_work(found, SinceGoal()), Uncertain)
    (repo.path / ".git" / "index").unlink()
    read = Git.read

    def broken(git: Git, *arguments: str) -> bytes | GitFault:
        return GitFault("git-failed", "no log") if "log" in arguments else read(git, *arguments)

    monkeypatch.setattr(Git, "read", broken)
    assert started_work(found, SinceGoal(HOUR_AGO)) == Uncertain("no log")


def test_branch_and_commit_come_with_the_look_at_the_work_tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    repo = GitRepo.make(tmp_path / "repo")
    calls = counted_calls(monkeypatch)

    def seen(since: SinceGoal) -> tuple[str | None, str | None, int]:
        found = repo.repository()
        calls.clear()
        started_work(found, since)
        return found.branch(), found.head(), len(calls)

    never, late = SinceGoal(), "2100-01-01T00:00:00Z"
    assert seen(never) == ("main", None, 1)
    head = repo.commit("a")
    assert seen(never) == ("main", head, 1)
    assert seen(SinceGoal(late, head)) == ("main", head, 1)
    assert seen(SinceGoal(late)) == ("main", head, 2)
    repo.git("checkout", "-q", "--detach")
    assert seen(never) == (None, head, 2)
    repo.git("checkout", "-q", "-b", "(detached)")
    assert seen(never) == ("(detached)", head, 2)
