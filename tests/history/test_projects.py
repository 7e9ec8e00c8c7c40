"""Directories and their projects: worktrees of one repository together, what is gone by what is known."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from history.sessions import session_store
from tallybook.history import projects
from tallybook.history.probe import git_probe
from tallybook.history.projects import Place, resolved, settle_projects

if TYPE_CHECKING:
    from pathlib import Path

SHOP = "/srv/shop/.git"


def test_worktrees_of_one_repository_are_one_project() -> None:
    """Wherever they lie, and whatever directory of them it is."""
    places = {
        "/srv/shop": Place(SHOP, "/srv/shop"),
        "/srv/shop/back": Place(SHOP, "/srv/shop"),
        "/tmp/fix": Place(SHOP, "/tmp/fix"),
        "/srv/other": Place("/srv/other/.git", "/srv/other"),
    }
    assert resolved(places) == {
        "/srv/shop": SHOP, "/srv/shop/back": SHOP, "/tmp/fix": SHOP, "/srv/other": "/srv/other/.git",
    }  # fmt: skip


def test_what_is_gone_lay_in_the_innermost_worktree_that_is_known() -> None:
    """Else it is a project by its path; a directory without git is one as well."""
    places = {
        "/srv/shop": Place(SHOP, "/srv/shop"),
        "/srv/shop/lib/inner": Place("/srv/shop/lib/.git", "/srv/shop/lib"),
        "/srv/shop/old": Place(gone=True),
        "/srv/shop/lib/old/x": Place(gone=True),
        "/srv/shopping": Place(gone=True),
        "/srv/plain": Place(),
        "/srv/plain/old": Place(gone=True),
    }
    found = resolved(places)
    assert found["/srv/shop/old"] == SHOP
    assert found["/srv/shop/lib/old/x"] == "/srv/shop/lib/.git"
    assert found["/srv/shopping"] == "/srv/shopping"
    assert found["/srv/plain/old"] == "/srv/plain/old"


PLACES = st.dictionaries(
    st.sampled_from(["/a", "/a/b", "/a/b/c", "/d"]),
    st.sampled_from([Place(), Place(gone=True), Place("/g", "/a"), Place("/h", "/a/b")]),
)


@given(PLACES)
def test_the_order_in_which_directories_became_known_does_not_matter(places: dict[str, Place]) -> None:
    """The project follows from the set."""
    assert resolved(dict(reversed(places.items()))) == resolved(places)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with a second worktree and a directory in it."""
    top = tmp_path / "shop"
    (top / "back").mkdir(parents=True)
    identity = ["-c", "user.name=Ada", "-c", "user.email=ada@example.com", "-c", "commit.gpgsign=false"]
    for arguments in (
        ["init", "-q"],
        ["commit", "-q", "--allow-empty", "-m", "x"],
        ["worktree", "add", "-q", "../fix"],
    ):
        subprocess.run(["git", *identity, *arguments], cwd=top, check=True, capture_output=True)
    return top


def test_git_is_asked_once_for_each_directory(repository: Path) -> None:
    """Of two worktrees it tells one repository; of what is gone or has no git nothing."""
    plain = repository.parent / "plain"
    plain.mkdir()
    cwds = [repository, repository / "back", repository.parent / "fix", repository / "gone", plain]
    probe = git_probe(os.environ | {"GIT_DIR": str(plain)})
    asked: list[str] = []

    def counted(cwd: str) -> Place:
        asked.append(cwd)
        return probe(cwd)

    with session_store(repository.parent / "data", [str(cwd) for cwd in cwds]) as store:
        first = settle_projects(store, counted)
        assert (first.ran, first.rows) == (True, 5)
        shop, other = projects.projects(store)
        assert (shop.name, shop.git, shop.sessions, len(shop.worktrees)) == ("shop", True, 4, 2)
        assert (other.name, other.git, other.sessions) == ("plain", False, 1)
        assert set(shop.directories) == {str(cwd) for cwd in cwds[:4]}
        again = settle_projects(store, counted)
        assert (again.ran, again.rows) == (False, 0)
        assert sorted(asked) == sorted(str(cwd) for cwd in cwds)


def test_a_new_version_asks_again(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And a directory that has gone since is known no more."""
    cwd = str(repository / "back")
    with session_store(repository.parent / "data", [cwd]) as store:
        settle_projects(store, git_probe(os.environ))
        (repository / "back").rmdir()
        settle_projects(store, git_probe(os.environ))
        assert projects.projects(store)[0].git
        monkeypatch.setattr(projects, "VERSION", 2)
        assert settle_projects(store, git_probe(os.environ)).ran
        assert not projects.projects(store)[0].git


def test_a_path_that_is_none_is_gone() -> None:
    """Such as one of another system."""
    probe = git_probe({})
    assert probe("C:\\Users\\ada") == probe("relative") == probe("/no/such/place") == Place(gone=True)
