"""Repositories of every shape, as tallybook sees them."""

from __future__ import annotations

import os
import shutil
import tempfile
from typing import TYPE_CHECKING

import pytest

from gitrepo import GitRepo, closed_environ, counted_calls
from tallybook.repo.git import Git, GitFault
from tallybook.repo.worktree import NoRepository, Repository, find_repository

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def repo(tmp_path: Path) -> GitRepo:
    return GitRepo.make(tmp_path / "repo")


def reason(place: Path, environ: dict[str, str]) -> str:
    """Why there is no repository."""
    found = find_repository(place, environ)
    assert isinstance(found, NoRepository)
    assert found.message
    return found.reason


def test_main_worktree_unborn_then_born_then_detached(repo: GitRepo) -> None:
    (repo.path / "deep").mkdir()
    found = GitRepo(repo.path / "deep", repo.environ).repository()
    assert (found.toplevel, found.git_dir, found.common_dir) == (repo.path, repo.path / ".git", repo.path / ".git")
    assert (found.branch(), found.head()) == ("main", None)
    head = repo.commit("a")
    assert (found.branch(), found.head()) == ("main", None)
    found = repo.repository()
    assert (found.branch(), found.head()) == ("main", head)
    repo.git("checkout", "-q", "-b", "we;ird/$(x)'é")
    assert repo.repository().branch() == "we;ird/$(x)'é"
    repo.git("checkout", "-q", "--detach")
    found = repo.repository()
    assert (found.branch(), found.head()) == (None, head)


def test_head_that_git_cannot_tell(repo: GitRepo) -> None:
    found = repo.repository()
    repo.git("update-ref", "--no-deref", "HEAD", repo.commit("a"))
    shutil.rmtree(repo.path / ".git")
    assert (found.branch(), found.head()) == (None, None)


@pytest.mark.parametrize("name", ["with space", "line\nend", "quo\"te's", "é\udcff", "-dash"])
def test_hostile_places_and_linked_worktrees(tmp_path: Path, name: str) -> None:
    repo = GitRepo.make(tmp_path / name)
    repo.commit("a")
    place = tmp_path / (name + " linked")
    repo.git("worktree", "add", "-q", "-b", "other", str(place))
    main, linked = repo.repository(), GitRepo(place, repo.environ).repository()
    assert (main.toplevel, linked.toplevel) == (repo.path, place)
    assert main.common_dir == linked.common_dir == repo.path / ".git"
    assert main.worktree != linked.worktree
    assert linked.branch() == "other"
    moved = tmp_path / "moved"
    repo.path.rename(moved)
    assert GitRepo(moved, repo.environ).repository().worktree == main.worktree == "wt-cdb4ee2aea"


def test_submodule(repo: GitRepo, tmp_path: Path) -> None:
    GitRepo.make(tmp_path / "library").commit("l")
    repo.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(tmp_path / "library"), "lib")
    inner = GitRepo(repo.path / "lib", repo.environ).repository()
    assert (inner.toplevel, inner.common_dir) == (repo.path / "lib", repo.path / ".git" / "modules" / "lib")


def test_places_without_a_work_tree(repo: GitRepo, tmp_path: Path) -> None:
    bare = GitRepo.make(tmp_path / "bare", "--bare")
    assert reason(tmp_path, repo.environ) == "not-a-repository"
    assert reason(bare.path, bare.environ) == "bare"
    assert reason(repo.path / ".git", repo.environ) == "inside-git-dir"
    assert reason(tmp_path / "gone", repo.environ) == "no-directory"
    assert reason(repo.path, {"PATH": str(tmp_path)}) == "no-git"
    (repo.path / ".git" / "config").write_text("[broken\n")
    assert reason(repo.path, repo.environ) == "git-failed"


def begun(git: Git, *arguments: str) -> bytes | GitFault:
    """What git answers that has begun beside the caller."""
    return git.begin(*arguments)()


def stand_in(tmp_path: Path, script: str) -> dict[str, str]:
    """The environment with another program in git's place."""
    place = tmp_path / "bin"
    place.mkdir()
    (place / "git").write_text(f"#!/bin/sh\n{script}\n")
    (place / "git").chmod(0o755)
    environ = closed_environ(tmp_path)
    return environ | {"PATH": f"{place}:{environ['PATH']}"}


def test_owned_by_somebody_else(tmp_path: Path) -> None:
    said = "echo \"fatal: detected dubious ownership in repository at '/x'\" >&2; exit 128"
    assert reason(tmp_path, stand_in(tmp_path, said)) == "dubious-ownership"


def test_answer_that_cannot_be_read(tmp_path: Path) -> None:
    assert reason(tmp_path, stand_in(tmp_path, "echo hello")) == "git-failed"


@pytest.mark.parametrize("ask", [Git.read, begun])
def test_silent_failure_and_time_limit(tmp_path: Path, ask: Callable[..., bytes | GitFault]) -> None:
    environ = stand_in(tmp_path, '[ "$1" = slow ] && exec sleep 5; exit 3')
    assert ask(Git(tmp_path, environ), "x") == GitFault("git-failed", "exit status 3", 3)
    slow = ask(Git(tmp_path, environ, seconds=0.05), "slow")
    assert slow == GitFault("timeout", "git slow took longer than 0.05 seconds")


def test_reading_takes_no_lock_and_speaks_plain_english(tmp_path: Path) -> None:
    environ = stand_in(tmp_path, 'echo "$LC_ALL $GIT_OPTIONAL_LOCKS"; cat')
    assert Git(tmp_path, environ).read("x", text=b"in") == b"C 0\nin"
    assert Git(tmp_path, environ).write("x") == b"C \n"
    assert begun(Git(tmp_path, environ), "x") == b"C 0\n"


def forbidden(*_: object) -> None:
    """What a sandbox may say to a call."""
    raise PermissionError(1, "Operation not permitted")


@pytest.mark.parametrize("memory", ["there", "unknown", "forbidden"])
def test_what_goes_on_beside_the_caller_has_the_same_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, memory: str
) -> None:
    """However much it is, and whatever git says to it, on systems without files in memory too."""
    if memory == "unknown":
        monkeypatch.delattr(os, "memfd_create", raising=False)
    if memory == "forbidden":
        monkeypatch.setattr(os, "memfd_create", forbidden, raising=False)
    repo = GitRepo.make(tmp_path / "repo")
    repo.commit("a", message="word " * 20_000)
    for git in (repo.repository().git, Git(tmp_path, repo.environ), Git(tmp_path / "gone", repo.environ)):
        for arguments in (("log", "--format=%B"), ("log", "no-such-revision", "--"), ("for-each-ref",)):
            assert begun(git, *arguments) == git.read(*arguments)
    assert begun(Git(tmp_path, {"PATH": str(tmp_path)}), "version") == GitFault(
        "no-git", "git can't be run: No such file or directory"
    )


def test_where_no_file_can_be_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Git gives no answer, and says why."""
    monkeypatch.setattr(os, "memfd_create", forbidden, raising=False)
    monkeypatch.setattr(tempfile, "TemporaryFile", forbidden)
    fault = begun(Git(tmp_path, closed_environ(tmp_path)), "version")
    assert fault == GitFault("no-git", "git can't be run: Operation not permitted")


def test_several_go_on_at_once(tmp_path: Path) -> None:
    """The second ends before anybody asks the first, which waits for it."""
    wait = 'if [ "$1" = first ]; then until [ -e done ]; do sleep 0.01; done; else touch done; fi; echo "$1"'
    git = Git(tmp_path, stand_in(tmp_path, wait))
    first, second = git.begin("first"), git.begin("second")
    assert (first(), second()) == (b"first\n", b"second\n")


def test_one_call_to_find_one_more_to_look(repo: GitRepo, monkeypatch: pytest.MonkeyPatch) -> None:
    repo.commit("a")
    calls = counted_calls(monkeypatch)
    found = find_repository(repo.path, repo.environ)
    assert isinstance(found, Repository)
    assert len(calls) == 1
    assert (found.branch(), found.head(), found.branch()) == ("main", found.head(), "main")
    assert len(calls) == 2
