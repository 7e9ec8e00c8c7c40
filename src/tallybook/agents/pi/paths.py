"""Where sessions lie: ``*.jsonl`` in directories named after working directories, those of subagents further below."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from tallybook.agents.port import LogFile
from tallybook.agents.trees import files_below

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_LARGEST: Final = 1 << 20


class _Settings(msgspec.Struct, rename="camel", gc=False):
    session_dir: str | None = None


def roots(environ: Mapping[str, str]) -> tuple[Path, ...]:
    """The directories of sessions of Pi, and of oh-my-pi with all its profiles, where ``environ`` tells of a home."""
    home = environ.get("HOME", "")
    found: list[Path] = []
    if named := environ.get("PI_CODING_AGENT_SESSION_DIR"):
        found.append(_expanded(named, home))
    configured = environ.get("PI_CODING_AGENT_DIR")
    agent = _expanded(configured, home) if configured else Path(home, ".pi", "agent") if home else None
    if agent is not None:
        found += [agent / "sessions", *_chosen(agent, home)]
    bases = [Path(home, environ.get("PI_CONFIG_DIR") or ".omp")] if home else []
    for base in bases:
        found += [base / "agent" / "sessions", *_profiles(base, "agent")]
    if data := environ.get("XDG_DATA_HOME"):
        found += [Path(data, "omp", "sessions"), *_profiles(Path(data, "omp"))]
    return tuple(dict.fromkeys(path.absolute() for path in found))


def logs_of(agent: str, environ: Mapping[str, str]) -> Iterator[LogFile]:
    """Every session below the roots."""
    return (log_at(agent, path) for path in files_below(roots(environ), lambda name: name.endswith(".jsonl")))


def log_at(agent: str, path: str) -> LogFile:
    """The session at this path."""
    key = path if path.isascii() else os.fsencode(path).decode("utf-8", "backslashreplace")
    return LogFile(agent, key, path)


def _expanded(named: str, home: str) -> Path:
    if home and (named == "~" or named.startswith("~/")):
        return Path(home, named[2:])
    return Path(named)


def _profiles(base: Path, *inner: str) -> list[Path]:
    """The sessions of named profiles."""
    try:
        with os.scandir(base / "profiles") as entries:
            names = sorted(entry.name for entry in entries)
    except OSError:
        return []
    return [Path(base, "profiles", name, *inner, "sessions") for name in names]


def _chosen(agent: Path, home: str) -> list[Path]:
    """The directory that Pi's own settings name, unless it depends on where Pi runs."""
    try:
        with (agent / "settings.json").open("rb") as file:
            told = msgspec.json.decode(file.read(_LARGEST), type=_Settings).session_dir
    except (OSError, msgspec.MsgspecError, ValueError, RecursionError):
        return []
    place = _expanded(told, home) if told else None
    return [place] if place is not None and place.is_absolute() else []
