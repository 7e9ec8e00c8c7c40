"""Where the worktrees of a clone lie."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from tallybook.repo.git import GitFault
from tallybook.repo.worktree import worktree_name

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tallybook.repo.worktree import Repository


def worktree_places(repository: Repository) -> dict[str, str]:
    """The directory of each worktree, without links, by its opaque name; those that git can't tell of are left out."""
    places = {repository.worktree: os.path.realpath(repository.toplevel)}
    listed = repository.git.read("worktree", "list", "--porcelain")
    if not isinstance(listed, GitFault):
        main = os.fsdecode(listed.split(b"\n", 1)[0]).removeprefix("worktree ")
        places.setdefault(worktree_name(repository.common_dir, repository.common_dir), os.path.realpath(main))
    for marker in sorted((repository.common_dir / "worktrees").glob("*/gitdir")):
        try:
            place = Path(os.fsdecode(marker.read_bytes()).strip()).parent
        except OSError:
            continue
        places.setdefault(worktree_name(marker.parent, repository.common_dir), os.path.realpath(place))
    return places


def worktree_of(places: Mapping[str, str], directory: str) -> str | None:
    """The name of the innermost worktree that a directory lies in; None where it lies in none."""
    real = os.path.realpath(directory)
    around = [(len(place), name) for name, place in places.items() if f"{real}/".startswith(f"{place.rstrip('/')}/")]
    return max(around)[1] if around else None
