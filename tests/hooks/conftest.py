"""A repository with one commit, hooks in place, and its ledger."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from gitrepo import GitRepo

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def repo(tmp_path: Path) -> GitRepo:
    repo = GitRepo.make(tmp_path / "repo")
    repo.commit("first")
    repo.add_hooks()
    return repo


@pytest.fixture
def goal(repo: GitRepo) -> str:
    return repo.start()
