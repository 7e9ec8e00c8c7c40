"""What there is to scan, as git tells it; a git that fails at any call is a fault, never an empty answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from gitrepo import GitRepo
from tallybook.repo.git import Git, GitFault
from tallybook.repo.scanning.sources import Entry, Loaded, blobs, from_disk, in_work_tree, introduced, on_disk, staged

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def repo(tmp_path: Path) -> GitRepo:
    """A repository in the middle of a merge."""
    repo = GitRepo.make(tmp_path / "repo")
    repo.commit("a")
    repo.git("checkout", "-q", "-b", "other")
    repo.commit("b")
    repo.git("checkout", "-q", "main")
    repo.commit("c")
    repo.git("merge", "-q", "--no-commit", "other")
    repo.stage("d", "d\n")
    return repo


def failing_at(monkeypatch: pytest.MonkeyPatch, *words: str) -> None:
    """Git fails where one of its arguments is one of these."""
    read = Git.read

    def broken(git: Git, *arguments: str, text: bytes | None = None) -> bytes | GitFault:
        fault = GitFault("git-failed", "out of luck", 128)
        return fault if set(words) & set(arguments) else read(git, *arguments, text=text)

    monkeypatch.setattr(Git, "read", broken)


def test_a_merge(repo: GitRepo) -> None:
    """What is in neither side."""
    git = repo.repository().git
    found = staged(git)
    assert isinstance(found, list)
    assert [entry.path for entry in found] == ["d"]
    (loaded,) = blobs(git, found)
    assert isinstance(loaded, Loaded)
    assert (loaded.raw, loaded.size, loaded.why) == (b"d\n", 2, "")


def test_what_is_merged_can_not_be_told(repo: GitRepo, monkeypatch: pytest.MonkeyPatch) -> None:
    """All that differs from HEAD counts then; a commit that is not there is a fault."""
    git = repo.repository().git
    head = repo.path / ".git" / "MERGE_HEAD"
    head.write_text("1" * 40)
    assert isinstance(staged(git), GitFault)
    head.write_bytes(b"\xff")
    found = staged(git)
    assert isinstance(found, list)
    assert [entry.path for entry in found] == ["b", "d"]
    failing_at(monkeypatch, "--git-path")
    assert staged(git) == found


@pytest.mark.parametrize("word", ["diff-index", "--cached"])
def test_an_index_that_can_not_be_told(repo: GitRepo, monkeypatch: pytest.MonkeyPatch, word: str) -> None:
    """Though there is a commit, and so without one."""
    failing_at(monkeypatch, word)
    assert isinstance(staged(repo.repository().git), GitFault)
    failing_at(monkeypatch, word, "--verify", "ls-files")
    assert isinstance(staged(repo.repository().git), GitFault)


def test_conflicts_are_in_no_commit_yet(tmp_path: Path) -> None:
    """Nor in the first one: git commits neither."""
    repo = GitRepo.make(tmp_path / "repo")
    repo.stage("a")
    blob = repo.git("rev-parse", ":a")
    repo.git("update-index", "--index-info", text=f"100644 {blob} 2\tb\n100644 {blob} 3\tb\n")
    found = staged(repo.repository().git)
    assert isinstance(found, list)
    assert [entry.path for entry in found] == ["a"]


@pytest.mark.parametrize("word", ["rev-list", "diff-tree"])
def test_commits_that_can_not_be_told(repo: GitRepo, monkeypatch: pytest.MonkeyPatch, word: str) -> None:
    """The list of them, or what they change."""
    failing_at(monkeypatch, word)
    assert isinstance(introduced(repo.repository().git, ("HEAD",)), GitFault)


def test_a_content_that_comes_twice(repo: GitRepo) -> None:
    """Under one path it is there once, by the commit that had it first."""
    for text in ("one\n", "two\n", "one\n"):
        repo.commit("c", text)
    found = introduced(repo.repository().git, ("HEAD",))
    assert isinstance(found, list)
    assert len([entry for entry in found if entry.path == "c"]) == 3


@pytest.mark.parametrize("word", ["--batch", "--batch-check=%(objectname) %(objectsize)"])
def test_contents_that_can_not_be_told(repo: GitRepo, monkeypatch: pytest.MonkeyPatch, word: str) -> None:
    """A fault ends them."""
    git = repo.repository().git
    found = staged(git)
    assert isinstance(found, list)
    failing_at(monkeypatch, word)
    assert [type(one) for one in blobs(git, found)] == [GitFault]
    failing_at(monkeypatch, "ls-files")
    assert isinstance(in_work_tree(git, ("",)), GitFault)


def test_much_is_taken_in_portions(repo: GitRepo, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each with a call of its own, and all is there."""
    monkeypatch.setattr("tallybook.repo.scanning.sources._TOGETHER", 5)
    for number in range(4):
        repo.stage(f"n{number}", f"{number}{number}\n")
    found = staged(repo.repository().git)
    assert isinstance(found, list)
    told = {one.entry.path: one.raw for one in blobs(repo.repository().git, found) if isinstance(one, Loaded)}
    assert told == {"d": b"d\n", **{f"n{number}": f"{number}{number}\n".encode() for number in range(4)}}
    assert list(blobs(repo.repository().git, ())) == []


def test_a_submodule_has_no_content(repo: GitRepo) -> None:
    """It is told all the same, for its path."""
    entry = Entry("module", "160000", "1" * 40)
    assert list(blobs(repo.repository().git, [entry])) == [Loaded(entry, None)]
    (repo.path / "module").mkdir()
    (loaded,) = from_disk(repo.path, [entry])
    assert (loaded.size, loaded.why) == (None, "")


def test_files_that_go_away(tmp_path: Path) -> None:
    """Between the look at the directory and the reading."""
    (tmp_path / "a").write_text("x")
    entries = list(on_disk(tmp_path, [tmp_path / "a", tmp_path / "gone"]))
    (tmp_path / "a").unlink()
    assert [loaded.why for loaded in from_disk(tmp_path, entries)] == ["No such file or directory"] * 2
