"""Where OpenCode keeps its messages: databases in its data directory, and below ``storage`` one JSON file for each."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tallybook.agents.port import LogFile
from tallybook.agents.trees import closed_logs, listed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_DATABASE: Final = re.compile(r"opencode(?:-.+)?\.db", re.DOTALL)
_DOCUMENT: Final = ".json"
_KINDS: Final = ("session", "message")


def logs_of(agent: str, environ: Mapping[str, str]) -> Iterator[LogFile]:
    """Every database, then every session and message of ``storage``, each in the order of names."""
    root = _root(environ)
    named = _named(environ, root)
    if named is not None and os.path.lexists(named):
        yield log_at(agent, named)
    if root is None:
        return
    closed: list[str] = []
    for entry in listed(root, closed):
        if _DATABASE.fullmatch(entry.name) and not _is_directory(entry) and root / entry.name != named:
            yield log_at(agent, root / entry.name)
    for kind in _KINDS:
        for directory in filter(_is_directory, listed(root / "storage" / kind, closed)):
            yield from (
                log_at(agent, Path(entry.path))
                for entry in listed(directory.path, closed)
                if entry.name.endswith(_DOCUMENT) and not _is_directory(entry)
            )
    yield from closed_logs(agent, closed)


def roots(environ: Mapping[str, str]) -> tuple[Path, ...]:
    """OpenCode's data directory, where ``environ`` tells of a home."""
    root = _root(environ)
    return () if root is None else (root,)


def log_at(agent: str, path: Path) -> LogFile:
    """The log at this path: a document by its name, else a database."""
    place = str(path)
    journal = None if place.endswith(_DOCUMENT) else f"{os.path.realpath(place)}-wal"
    return LogFile(agent, os.fsencode(path).decode("utf-8", "backslashreplace"), place, whole=True, journal=journal)


def _root(environ: Mapping[str, str]) -> Path | None:
    """The absolute path of the data directory."""
    home = environ.get("HOME", "")
    if named := environ.get("OPENCODE_DATA_DIR"):
        return (Path(home, named[2:]) if home and named.startswith("~/") else Path(named)).absolute()
    if data := environ.get("XDG_DATA_HOME"):
        return Path(data).absolute() / "opencode"
    return Path(home).absolute() / ".local" / "share" / "opencode" if home else None


def _named(environ: Mapping[str, str], root: Path | None) -> Path | None:
    """The database that a variable names, if it is a file."""
    named = environ.get("OPENCODE_DB")
    if not named or named == ":memory:":
        return None
    path = Path(named)
    return path if path.is_absolute() else None if root is None else root / path


def _is_directory(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself, which is told of when it is opened
        return False
