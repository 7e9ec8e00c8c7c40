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


def initialise(workspace: Workspace, publish: str | None, *, dry_run: bool) -> list[Change] | Refusal:
    """Make what is missing; what is there already stays as it is."""
    writes: list[tuple[Path, str]] = []
    if publish is not None:
        planned = _publishing(workspace, publish)
        if isinstance(planned, Refusal):
            return planned
        writes.extend(planned)
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


def _publishing(workspace: Workspace, publish: str) -> list[tuple[Path, str]] | Refusal:
    place = PurePosixPath(publish)
    if place.is_absolute() or not place.parts or not all(_PLAIN.fullmatch(part) for part in place.parts):
        message = f"{publish!r} is no directory inside the repository with a plain name"
        return Refusal("bad-directory", message, "use one like metrics/events", usage=True)
    if workspace.repository is None:
        return Refusal("no-work-tree", "there is no work tree to publish the ledger in", "run it inside a repository")
    top, configured = workspace.repository.toplevel, workspace.settings.ledger_publish
    if configured is not None:
        if PurePosixPath(configured) != place:
            by_hand = "change [ledger] publish by hand"
            return Refusal("published-elsewhere", f"the ledger is published in {configured}", by_hand)
        return _attributes(top, place)
    file = _settings_file(top)
    faulty = any(problem.code == "config-unreadable" for problem in workspace.problems)
    before = _read(top / file)
    if file != SETTINGS or faulty or any(line.strip().startswith("[ledger]") for line in before.splitlines()):
        hint = f'set publish = "{place}" there by hand, in the table for the ledger, and run this again'
        return Refusal("settings-there", f"{file} holds settings that a line at its end would break", hint)
    settings = f'{_ended(before)}{_gap(before)}[ledger]\npublish = "{place}"\n'
    return [(top / SETTINGS, settings), *_attributes(top, place)]


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
