"""Which directories are one project: all worktrees of a repository are, by the git directory that they share.

Git is asked once for each directory. One that is gone belongs to the worktree that it lay in, as far as another
directory has told of that; else it is a project by its path.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from tallybook.history.stages import Outcome, Rows, replace_rows, run_stage

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterable, Mapping

    from tallybook.history.store import Store

VERSION: Final = 1
NAME: Final = "projects"


class Place(msgspec.Struct, frozen=True):
    """What git said of a directory."""

    common: str | None = None
    """The git directory that all worktrees of its repository share."""
    top: str | None = None
    """The worktree that it is in."""
    gone: bool = False


class Project(msgspec.Struct, frozen=True):
    """One project and the directories that are known of it."""

    key: str
    """The git directory, or else a path."""
    name: str
    git: bool
    directories: tuple[str, ...]
    worktrees: tuple[str, ...]
    sessions: int


def resolved(places: Mapping[str, Place]) -> dict[str, str]:
    """The project of every directory; it depends on the set of what is known, not on what was known first."""
    tops = {place.top: place.common for place in places.values() if place.top and place.common}
    return {cwd: place.common or (_lay_in(cwd, tops) if place.gone else None) or cwd for cwd, place in places.items()}


def _lay_in(cwd: str, tops: Mapping[str, str]) -> str | None:
    """The repository of the innermost known worktree around a directory."""
    for around in (cwd, *map(str, Path(cwd).parents)):
        if around in tops:
            return tops[around]
    return None


def settle_projects(store: Store, probe: Callable[[str], Place]) -> Outcome:
    """Ask ``probe`` about directories that it was not asked about yet, and tell projects apart."""
    cwds = store.rows(
        """SELECT cwd FROM session WHERE cwd IS NOT NULL UNION
        SELECT text FROM word WHERE id IN (SELECT cwd FROM rollup) ORDER BY 1"""
    )
    same = store.rows("SELECT 1 FROM stage WHERE name = ? AND version = ?", (NAME, VERSION))
    known = store.rows("SELECT cwd, common, top, gone FROM directory") if same else []
    places = {cwd: Place(common, top, bool(gone)) for cwd, common, top, gone in known}
    places |= {cwd: probe(cwd) for (cwd,) in cwds if cwd not in places}

    def make(connection: sqlite3.Connection) -> int:
        return replace_rows(connection, "directory", _rows(places))

    return run_stage(store, (NAME, VERSION), cwds, make)


def project_directories(store: Store) -> dict[str, str]:
    """By directory, what stands for its project: the worktree with the git directory, or a path; as far as derived."""
    return {cwd: directory_of(key) for cwd, key in store.rows("SELECT cwd, project FROM directory")}


def directory_of(key: str) -> str:
    """The directory that stands for a project: where its git directory lies as ``.git``, that around it."""
    place = Path(key)
    return str(place.parent) if place.name == ".git" else key


def projects(store: Store) -> tuple[Project, ...]:
    """All projects, the one with the most sessions first; run ``settle_projects`` first."""
    rows = store.rows(
        """SELECT p.project, p.cwd, p.common, p.top, count(s.id) FROM directory p LEFT JOIN session s ON s.cwd = p.cwd
        GROUP BY p.cwd ORDER BY p.project, p.cwd"""
    )
    found: dict[str, Rows] = {}
    for row in rows:
        found.setdefault(row[0], []).append(row)
    told = [_project(key, members) for key, members in found.items()]
    return tuple(sorted(told, key=lambda one: (-one.sessions, one.key)))


def _project(key: str, rows: Rows) -> Project:
    git = any(common == key for _, _, common, _, _ in rows)
    place = Path(key)
    return Project(
        key,
        place.parent.name if git and place.name == ".git" else place.name.removesuffix(".git"),
        git,
        tuple(cwd for _, cwd, *_ in rows),
        tuple(sorted({top for *_, top, _ in rows if top})),
        sum(count for *_, count in rows),
    )


def _rows(places: Mapping[str, Place]) -> Iterable[tuple[str, str | None, str | None, int, str]]:
    project = resolved(places)
    return [(cwd, one.common, one.top, int(one.gone), project[cwd]) for cwd, one in sorted(places.items())]
