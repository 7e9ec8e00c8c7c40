"""Where threads lie: ``T-*.json`` in one directory; what Amp is writing just now has another ending."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from tallybook.agents.port import LogFile
from tallybook.agents.trees import closed_logs, listed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


def logs_of(agent: str, environ: Mapping[str, str]) -> Iterator[LogFile]:
    """Every thread of the data directory that ``environ`` names, in the order of names."""
    closed: list[str] = []
    for threads in roots(environ):
        names = [entry.name for entry in listed(threads, closed) if not _is_directory(entry)]
        yield from (log_at(agent, threads / name) for name in names if name[:2] == "T-" and name.endswith(".json"))
    yield from closed_logs(agent, closed)


def roots(environ: Mapping[str, str]) -> tuple[Path, ...]:
    """The directory of the threads, where ``environ`` tells of a home."""
    root = _root(environ)
    return () if root is None else (root / "threads",)


def log_at(agent: str, path: Path) -> LogFile:
    """The thread at this path."""
    return LogFile(agent, os.fsencode(path).decode("utf-8", "backslashreplace"), str(path), whole=True)


def _root(environ: Mapping[str, str]) -> Path | None:
    """The absolute path of Amp's data directory."""
    home = environ.get("HOME", "")
    if named := environ.get("AMP_DATA_DIR"):
        return (Path(home, named[2:]) if home and named.startswith("~/") else Path(named)).absolute()
    if data := environ.get("XDG_DATA_HOME"):
        return Path(data).absolute() / "amp"
    return Path(home).absolute() / ".local" / "share" / "amp" if home else None


def _is_directory(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself, which is told of when it is opened
        return False
