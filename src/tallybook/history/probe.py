"""Asks git what a directory belongs to."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from tallybook.history.names import stored_text
from tallybook.history.projects import Place
from tallybook.repo.worktree import Repository, find_repository

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def git_probe(environ: Mapping[str, str]) -> Callable[[str], Place]:
    """What git says of a directory, whatever repository the caller itself stands in."""
    apart = {name: value for name, value in environ.items() if not name.startswith("GIT_")}

    def probe(cwd: str) -> Place:
        if not os.path.isabs(cwd) or not os.path.isdir(cwd):  # noqa: PTH112, PTH117 - False for what can't be looked at
            return Place(gone=True)
        found = find_repository(Path(cwd), apart)
        if not isinstance(found, Repository):
            return Place()
        return Place(stored_text(str(found.common_dir)), stored_text(str(found.toplevel)))

    return probe
