"""Where commits are made: four ways in which a work tree and its git directory lie to each other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gitrepo import GitRepo

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def plain(base: Path) -> GitRepo:
    """A clone like any other."""
    repo = GitRepo.make(base / "repo")
    repo.commit("first")
    return repo


def linked(base: Path) -> GitRepo:
    """A second worktree of a clone, on a branch whose name needs quotes."""
    main = plain(base)
    main.git("worktree", "add", "-q", "-b", "it's/$(a)-branch", str(base / "linked tree"))
    return GitRepo(base / "linked tree", main.environ)


def submodule(base: Path) -> GitRepo:
    """A repository inside another one, with its git directory inside that one's."""
    GitRepo.make(base / "library").commit("first")
    outer = plain(base)
    outer.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(base / "library"), "lib")
    inner = GitRepo(outer.path / "lib", outer.environ)
    inner.git("checkout", "-q", "-B", "main")
    return inner


def bare(base: Path) -> GitRepo:
    """A worktree of a bare repository."""
    GitRepo.make(base / "origin").commit("first")
    environ = plain(base).environ
    outer = GitRepo(base, environ)
    outer.git("clone", "-q", "--bare", str(base / "origin"), str(base / "bare.git"))
    GitRepo(base / "bare.git", environ).git("worktree", "add", "-q", str(base / "tree"), "main")
    return GitRepo(base / "tree", environ)


LAYOUTS: Final[tuple[Callable[[Path], GitRepo], ...]] = (plain, linked, submodule, bare)
