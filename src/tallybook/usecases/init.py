"""Makes the ledger directory, and where asked the settings for publishing it with the repository's commits.

Settings that a user wrote are added to at their end or not at all.
"""

from __future__ import annotations

import errno
import re
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Final

import msgspec

from tallybook.config import FILE, PYPROJECT
from tallybook.domain.problems import Refusal
from tallybook.ledger.file import OS_FILES, make_directories
from tallybook.usecases.write_file import write_if_changed

if TYPE_CHECKING:
    from tallybook.usecases.workspace import Workspace

SETTINGS: Final = str(FILE)
_PLAIN: Final = re.compile(r"(?!\.git$)\.?\w[\w.+@-]*", re.IGNORECASE)


class Change(msgspec.Struct, frozen=True):
    """One file or directory and what happens to it: ``created``, ``changed`` or ``unchanged``."""

    path: Path
    action: str


class Wanted(msgspec.Struct, frozen=True):
    """What a person asks for, beside the directory of the ledger."""

    publish: str | None = None
    """The directory of the published copy."""
    sync: bool = False
    """The ledger goes through a remote with every push and merge."""
    anchor: bool = False
    """Commits of goals name the head of the ledger."""


def initialise(workspace: Workspace, wanted: Wanted, *, dry_run: bool) -> list[Change] | Refusal:
    """Make what is missing; what is there already stays as it is."""
    planned = _planned(workspace, wanted)
    if isinstance(planned, Refusal):
        return planned
    writes = planned
    home = workspace.ledger.place.home
    changes = [Change(home, "unchanged" if home.is_dir() else "created")]
    if not dry_run:
        make_directories(OS_FILES, home)
        if not home.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, "a file stands in the ledger's place", str(home))
    for path, text in writes:
        action = "changed" if path.exists() else "created"
        if not dry_run:
            path.parent.mkdir(parents=True, exist_ok=True)
        changed = not path.parent.is_dir() or write_if_changed(path, text, dry_run=dry_run)
        changes.append(Change(path, action if changed else "unchanged"))
    return changes


def _planned(workspace: Workspace, wanted: Wanted) -> list[tuple[Path, str]] | Refusal:
    """The settings that are missing, and what git must know of a published copy."""
    settings: dict[str, str] = {}
    attributes: list[tuple[Path, str]] = []
    if wanted.publish is not None:
        place = _place(workspace, wanted.publish)
        if isinstance(place, Refusal):
            return place
        if workspace.settings.ledger_publish is None:
            settings["publish"] = f'"{place}"'
        if workspace.repository is not None:
            attributes = _attributes(workspace.repository.toplevel, place)
    if wanted.sync and not workspace.settings.sync:
        settings["sync"] = "true"
    if wanted.anchor and not workspace.settings.anchor:
        settings["anchor"] = "true"
    added = _added(workspace, settings) if settings else []
    return added if isinstance(added, Refusal) else [*added, *attributes]


def _place(workspace: Workspace, publish: str) -> PurePosixPath | Refusal:
    place = PurePosixPath(publish)
    if place.is_absolute() or not place.parts or not all(_PLAIN.fullmatch(part) for part in place.parts):
        message = f"{publish!r} is no directory inside the repository with a plain name"
        return Refusal("bad-directory", message, "use one like metrics/events", usage=True)
    if workspace.repository is None:
        return Refusal("no-work-tree", "there is no work tree to publish the ledger in", "run it inside a repository")
    configured = workspace.settings.ledger_publish
    if configured is not None and PurePosixPath(configured) != place:
        by_hand = "change [ledger] publish by hand"
        return Refusal("published-elsewhere", f"the ledger is published in {configured}", by_hand)
    return place


def _added(workspace: Workspace, settings: dict[str, str]) -> list[tuple[Path, str]] | Refusal:
    """The file of settings with a table for the ledger at its end."""
    if workspace.repository is None:
        return Refusal("no-work-tree", "there is no work tree to keep settings in", "run it inside a repository")
    top = workspace.repository.toplevel
    file = _settings_file(top)
    faulty = any(problem.code == "config-unreadable" for problem in workspace.problems)
    before = _read(top / file)
    lines = [f"{name} = {value}" for name, value in settings.items()]
    if file != SETTINGS or faulty or any(line.strip().startswith("[ledger]") for line in before.splitlines()):
        hint = f"set {' and '.join(lines)} there by hand, in the table for the ledger, and run this again"
        return Refusal("settings-there", f"{file} holds settings that a line at its end would break", hint)
    return [(top / SETTINGS, "\n".join((f"{_ended(before)}{_gap(before)}[ledger]", *lines, "")))]


def _settings_file(top: Path) -> str:
    """Where this repository's settings stand; a new file would hide those in ``pyproject.toml``."""
    if not (top / SETTINGS).exists() and "tool.tallybook" in _read(top / PYPROJECT):
        return PYPROJECT
    return SETTINGS


def _attributes(top: Path, place: PurePosixPath) -> list[tuple[Path, str]]:
    path = top / ".gitattributes"
    before, rule = _read(path), f"{place}/*.ndjson merge=union -text"
    there = rule in (line.strip() for line in before.splitlines())
    return [(path, before if there else f"{_ended(before)}{rule}\n")]


def _read(path: Path) -> str:
    return path.read_bytes().decode("utf-8", "surrogateescape") if path.is_file() else ""


def _ended(text: str) -> str:
    return text if not text or text.endswith("\n") else text + "\n"


def _gap(text: str) -> str:
    return "\n" if text else ""
