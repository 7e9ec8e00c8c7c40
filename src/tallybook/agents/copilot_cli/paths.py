"""Where sessions lie: a directory each with its events, files of early builds, and telemetry where it is on."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tallybook.agents.port import LogFile

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

SESSIONS: Final = "session-state"
_HISTORY: Final = "history-session-state"
_TELEMETRY: Final = "otel"
_EVENTS: Final = "events.jsonl"
_LINES: Final = ".jsonl"
_DOCUMENT: Final = ".json"
_EXPORT: Final = "COPILOT_OTEL_FILE_EXPORTER_PATH"


def homes(environ: Mapping[str, str]) -> tuple[Path, ...]:
    """``$COPILOT_HOME``, or else ``$HOME/.copilot`` and the place that builds before spring 2026 had below XDG's."""
    home = environ.get("HOME", "")
    if named := environ.get("COPILOT_HOME"):
        return (_expanded(named, home),)
    bases = (home, environ.get("XDG_STATE_HOME", ""))
    return tuple(dict.fromkeys(Path(base).absolute() / ".copilot" for base in bases if base))


def roots(environ: Mapping[str, str]) -> tuple[Path, ...]:
    """The directories of all logs."""
    return tuple(home / name for home in homes(environ) for name in (SESSIONS, _HISTORY, _TELEMETRY))


def logs_of(agent: str, environ: Mapping[str, str]) -> Iterator[LogFile]:
    """Every log below the homes that ``environ`` names and the file that it has telemetry written to, each once."""
    seen: set[str] = set()
    for path in _files(environ):
        real = os.path.realpath(path)
        if real not in seen:
            seen.add(real)
            yield log_at(agent, path)


def log_at(agent: str, path: Path) -> LogFile:
    """The log at this path."""
    key = os.fsencode(path).decode("utf-8", "backslashreplace")
    return LogFile(agent, key, str(path), whole=path.suffix == _DOCUMENT)


def session_at(path: Path) -> str:
    """The session that a log belongs to by its place, for one that does not say it."""
    return path.parent.name if path.name == _EVENTS else path.stem


def _files(environ: Mapping[str, str]) -> Iterator[Path]:
    for home in homes(environ):
        yield from _sessions(home / SESSIONS)
        yield from _named(home / _HISTORY, _DOCUMENT)
        yield from _named(home / _TELEMETRY, _LINES)
    if named := environ.get(_EXPORT):
        path = _expanded(named, environ.get("HOME", ""))
        if os.path.lexists(path):
            yield path


def _sessions(place: Path) -> Iterator[Path]:
    for name in _names(place):
        if name.endswith(_LINES):
            yield place / name
        elif os.path.lexists(path := place / name / _EVENTS):
            yield path


def _named(place: Path, ending: str) -> Iterator[Path]:
    return (place / name for name in _names(place) if name.endswith(ending))


def _names(place: Path) -> list[str]:
    try:
        return sorted(os.listdir(place))  # noqa: PTH208 - names are all that is needed
    except OSError:  # absent, not a directory, or without permission: no logs here
        return []


def _expanded(named: str, home: str) -> Path:
    return (Path(home, named[2:]) if home and named.startswith("~/") else Path(named)).absolute()
