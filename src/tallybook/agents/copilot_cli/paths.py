"""Where sessions lie: a directory each with its events, files of early builds, and telemetry where it is on."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tallybook.agents.port import LogFile
from tallybook.agents.trees import closed_logs, listed

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
    closed: list[str] = []
    for path in _files(environ, closed):
        real = os.path.realpath(path)
        if real not in seen:
            seen.add(real)
            yield log_at(agent, path)
    yield from closed_logs(agent, closed)


def log_at(agent: str, path: Path) -> LogFile:
    """The log at this path."""
    key = os.fsencode(path).decode("utf-8", "backslashreplace")
    return LogFile(agent, key, str(path), whole=path.suffix == _DOCUMENT)


def session_at(path: Path) -> str:
    """The session that a log belongs to by its place, for one that does not say it."""
    return path.parent.name if path.name == _EVENTS else path.stem


def _files(environ: Mapping[str, str], closed: list[str]) -> Iterator[Path]:
    for home in homes(environ):
        yield from _sessions(home / SESSIONS, closed)
        yield from _named(home / _HISTORY, _DOCUMENT, closed)
        yield from _named(home / _TELEMETRY, _LINES, closed)
    if named := environ.get(_EXPORT):
        path = _expanded(named, environ.get("HOME", ""))
        if os.path.lexists(path):
            yield path


def _sessions(place: Path, closed: list[str]) -> Iterator[Path]:
    for entry in listed(place, closed):
        if entry.name.endswith(_LINES):
            yield place / entry.name
        elif _is_there(path := place / entry.name / _EVENTS, closed):
            yield path


def _is_there(path: Path, closed: list[str]) -> bool:
    try:
        path.lstat()
    except PermissionError:
        closed.append(str(path.parent))
    except OSError:
        pass
    else:
        return True
    return False


def _named(place: Path, ending: str, closed: list[str]) -> Iterator[Path]:
    return (place / entry.name for entry in listed(place, closed) if entry.name.endswith(ending))


def _expanded(named: str, home: str) -> Path:
    return (Path(home, named[2:]) if home and named.startswith("~/") else Path(named)).absolute()
