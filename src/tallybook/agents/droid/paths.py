"""Where sessions lie: ``ID.settings.json`` and ``ID.jsonl``, side by side, in directories of working directories."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tallybook.agents.port import LogFile
from tallybook.agents.trees import files_below

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_DOCUMENT: Final = ".settings.json"
_LINES: Final = ".jsonl"


def roots(environ: Mapping[str, str]) -> tuple[Path, ...]:
    """The directory of sessions, where ``environ`` tells of a home."""
    home = environ.get("FACTORY_HOME_OVERRIDE") or environ.get("HOME")
    return (Path(home).absolute() / ".factory" / "sessions",) if home else ()


def logs_of(agent: str, environ: Mapping[str, str]) -> Iterator[LogFile]:
    """Every document and every file of messages below the roots."""
    return (
        log_at(agent, path) for path in files_below(roots(environ), lambda name: name.endswith((_DOCUMENT, _LINES)))
    )


def log_at(agent: str, path: str) -> LogFile:
    """The document, or the file of messages, at this path."""
    key = path if path.isascii() else os.fsencode(path).decode("utf-8", "backslashreplace")
    return LogFile(agent, key, path, whole=not path.endswith(_LINES))


def session_of(name: str) -> str:
    """The session that a file belongs to by its name."""
    return name.removesuffix(_DOCUMENT).removesuffix(_LINES)
