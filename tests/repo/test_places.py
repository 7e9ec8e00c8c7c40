"""The directories of a clone's worktrees, by the names that goals know them by."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

import pytest

from tallybook.repo.places import worktree_of, worktree_places
from tallybook.repo.worktree import Repository, find_repository

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A clone with a worktree inside of it, and one that was deleted."""
    main = tmp_path / "main"
    for words in (
        ("init", "-q", str(main)),
        ("-C", str(main), "commit", "-q", "--allow-empty", "-m", "Begin"),
        ("-C", str(main), "worktree", "add", "-q", str(main / "inner")),
        ("-C", str(main), "worktree", "add", "-q", str(tmp_path / "gone")),
    ):
        subprocess.run(("git", *words), check=True)
    (tmp_path / "gone").rename(tmp_path / "moved")
    return main


def repository(place: Path) -> Repository:
    found = find_repository(place, os.environ)
    assert isinstance(found, Repository)
    return found


def test_every_worktree_tells_the_same_places(clone: Path) -> None:
    places = worktree_places(repository(clone))
    assert set(places.values()) == {str(clone), str(clone / "inner"), str(clone.parent / "gone")}
    assert worktree_places(repository(clone / "inner")) == places


def test_a_directory_lies_in_the_innermost_worktree(clone: Path) -> None:
    here, inner = repository(clone), repository(clone / "inner")
    places = worktree_places(here)
    assert worktree_of(places, str(clone)) == here.worktree
    assert worktree_of(places, str(clone / "src" / "deep")) == here.worktree
    assert worktree_of(places, str(clone / "inner" / "src")) == inner.worktree
    assert worktree_of(places, f"{clone}-other") is None
    (clone.parent / "link").symlink_to(clone)
    assert worktree_of(places, str(clone.parent / "link" / "src")) == here.worktree


def test_a_worktree_that_cannot_be_read_is_left_out(clone: Path) -> None:
    marker = clone / ".git" / "worktrees" / "gone" / "gitdir"
    marker.unlink()
    marker.mkdir()
    assert str(clone.parent / "gone") not in worktree_places(repository(clone)).values()
