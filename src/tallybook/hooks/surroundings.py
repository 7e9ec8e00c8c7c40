"""What every hook knows: the worktree, its settings, its ledger, and what git is in the middle of.

Standard library only. What git is doing is read from its state below the git directory, never from a subject's text.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from tallybook.config import ConfigProblem, Settings, checkpoint_path, data_directory, ledger_home, load_settings
from tallybook.ledger.file import OS_FILES
from tallybook.ledger.goal_index import GoalEntry, GoalIndex, open_here, read_index, this_clone
from tallybook.ledger.goal_lookup import look_up
from tallybook.repo.scanning.kinds import KINDS, has_rules
from tallybook.repo.worktree import NoRepository, Repository, find_repository

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tallybook.repo.scanning.kinds import Kind

_STATES = (
    ("rebase-merge", "rebase"),
    ("rebase-apply", "rebase"),
    ("MERGE_HEAD", "merge"),
    ("REVERT_HEAD", "revert"),
    ("CHERRY_PICK_HEAD", "cherry-pick"),
)
"""A rebase comes first: it picks with ``CHERRY_PICK_HEAD``. ``rebase-apply`` is that of ``git am`` too."""


class Surroundings(NamedTuple):
    """Where a hook runs."""

    repository: Repository
    environ: Mapping[str, str]
    cwd: Path
    settings: Settings
    problems: tuple[ConfigProblem, ...]
    ledger: Path
    """The home of the ledger; it need not exist."""

    def operation(self) -> str | None:
        """What git is in the middle of: ``rebase``, ``merge``, ``revert`` or ``cherry-pick``; None for a commit."""
        for name, operation in _STATES:
            if os.path.lexists(self.repository.git_dir / name):
                return operation
        action = self.environ.get("GIT_REFLOG_ACTION", "").partition(" ")[0]
        return action if action in {"rebase", "revert", "cherry-pick"} else None

    def scans(self) -> tuple[Kind, ...]:
        """What is scanned for: as it is set, else where the repository has rules of its own."""
        top = self.repository.toplevel
        chosen = {"boundary": self.settings.scan_boundary, "secrets": self.settings.scan_secrets}
        return tuple(kind for kind in KINDS if chosen[kind] or (chosen[kind] is None and has_rules(top, kind)))

    def goals(self) -> GoalIndex:
        """All goals of the ledger and of its published copy."""
        published = self.published()
        places = (self.ledger,) if published is None else (self.ledger, published)
        found = look_up(checkpoint_path(data_directory(self.environ), self.ledger, published), places, OS_FILES)
        return read_index(self.ledger, published) if found is None else found

    def published(self) -> Path | None:
        """The directory of the published copy."""
        place = self.settings.ledger_publish
        return None if place is None else self.repository.toplevel / place

    def writers(self) -> frozenset[str]:
        """The writers of this clone."""
        return this_clone(self.ledger, self.repository.common_dir)

    def open_goals(self, index: GoalIndex) -> list[GoalEntry]:
        """The open goals of this worktree, the active one last."""
        return open_here(index, self.writers(), self.repository.worktree)


def surroundings(cwd: Path, environ: Mapping[str, str]) -> Surroundings | NoRepository:
    """Look around, with one git call."""
    repository = find_repository(cwd, environ)
    if isinstance(repository, NoRepository):
        return repository
    settings, problems = load_settings(repository.toplevel)
    home = cwd / ledger_home(environ, repository.common_dir)
    return Surroundings(repository, environ, cwd, settings, problems, home)
