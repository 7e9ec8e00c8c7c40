"""The published copy in real commits."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from gitrepo import GitRepo

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def publishing(repo: GitRepo) -> GitRepo:
    repo.commit("config/tallybook.toml", '[ledger]\npublish = "metrics/events"\n')
    repo.commit(".gitignore", "metrics\n")
    return repo


def published(repo: GitRepo, revision: str = "HEAD") -> list[str]:
    """Paths below metrics in a commit."""
    return repo.git("ls-tree", "-r", "--name-only", revision, "metrics").split()


def lines(repo: GitRepo, revision: str = "HEAD") -> int:
    """Lines of the one published file."""
    (name,) = published(repo, revision)
    return len(repo.git("show", f"{revision}:{name}").split("\n"))


def test_own_events_go_with_plain_commits(publishing: GitRepo) -> None:
    publishing.start()
    publishing.stage("a")
    publishing.git("commit", "-q", "-m", "Add a")
    assert lines(publishing) == 1
    publishing.start("Another")
    publishing.write("a", "more\n")
    publishing.write("metrics/events/stranger", "x\n")
    publishing.git("commit", "-q", "-a", "-m", "Change a")
    assert lines(publishing) == 2
    assert publishing.git("status", "--porcelain") == ""


def test_commit_of_named_paths_leaves_the_copy_alone(publishing: GitRepo) -> None:
    publishing.start()
    publishing.write("first", "more\n")
    publishing.git("commit", "-q", "-m", "Change first", "first")
    assert published(publishing) == []
    assert publishing.git("status", "--porcelain", "--ignored") == ""


def test_linked_worktree(publishing: GitRepo, tmp_path: Path) -> None:
    publishing.git("worktree", "add", "-q", str(tmp_path / "linked"))
    linked = GitRepo(tmp_path / "linked", publishing.environ)
    linked.start()
    linked.stage("a")
    linked.git("commit", "-q", "-m", "Add a")
    assert lines(linked) == 1
    assert linked.git("status", "--porcelain") == ""


def test_nothing_without_a_ledger(publishing: GitRepo) -> None:
    publishing.stage("a")
    done = publishing.run("commit", "-m", "Add a\n\nNo-Task: a try")
    assert (done.returncode, "tallybook" in done.stderr) == (0, False)
    assert published(publishing) == []


def test_writer_whose_file_is_gone(publishing: GitRepo) -> None:
    publishing.start()
    for path in (publishing.path / ".git" / "tallybook" / "events").glob("*.ndjson"):
        path.unlink()
    publishing.stage("a")
    publishing.git("commit", "-q", "-m", "Add a\n\nNo-Task: a try")
    assert published(publishing) == []


def test_nothing_while_git_replays_older_commits(publishing: GitRepo) -> None:
    publishing.start()
    publishing.commit("a")
    reword = "sed -i s/^pick/reword/"
    publishing.git("rebase", "-q", "-i", "HEAD~1", GIT_SEQUENCE_EDITOR=reword)
    assert published(publishing) == []


def test_a_copy_that_cannot_be_written_is_a_warning(publishing: GitRepo) -> None:
    publishing.start()
    publishing.write("metrics/events", "a file\n")
    publishing.stage("a")
    done = publishing.run("commit", "-m", "Add a")
    assert (done.returncode, "warning: pre-commit did nothing" in done.stderr) == (0, True)
