"""Where Claude Code keeps its logs: regular files below its roots, each once, whatever links point where."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tallybook.agents.port import LogFile

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from tallybook.agents.walked import Walked

AGENT: Final = "claude"
_DESKTOP: Final = ("Library", "Application Support", "Claude")
_DESKTOP_SESSIONS: Final = ("claude-code-sessions", "local-agent-mode-sessions")

_PROJECTS: Final = f"{os.sep}projects{os.sep}"

_Identity = tuple[int, int]


def roots(environ: Mapping[str, str]) -> list[Path]:
    """Configuration directories: those of ``CLAUDE_CONFIG_DIR`` (a comma list), else the XDG one and ``~/.claude``."""
    home = environ.get("HOME", "")
    configured = [part.strip() for part in environ.get("CLAUDE_CONFIG_DIR", "").split(",")]
    if any(configured):
        return list(dict.fromkeys(_expanded(part, home) for part in configured if part))
    xdg = environ.get("XDG_CONFIG_HOME", "")
    found = [_absolute(Path(xdg, "claude"))] if xdg else []
    if home:
        found += [Path(home, ".claude")] if xdg else [Path(home, ".config", "claude"), Path(home, ".claude")]
    return list(dict.fromkeys(found))


def log_roots(environ: Mapping[str, str]) -> tuple[Path, ...]:
    """Where transcripts lie below the configuration directories."""
    return tuple(root / "projects" for root in roots(environ))


def desktop_roots(environ: Mapping[str, str]) -> tuple[Path, ...]:
    """Where Claude Desktop, if it is there, keeps sessions: each has a ``projects`` of its own somewhere below."""
    home = environ.get("HOME", "")
    desktop = Path(home, *_DESKTOP)
    return tuple(desktop / name for name in _DESKTOP_SESSIONS) if home and os.access(desktop, os.F_OK) else ()


def _expanded(part: str, home: str) -> Path:
    return Path(home, part[2:]) if home and part.startswith("~/") else _absolute(Path(part))


def _absolute(path: Path) -> Path:
    """The path from the root on, so that logs of two places never go by one name."""
    try:
        return path.absolute()
    except OSError:  # the current directory is gone
        return path


def discover(environ: Mapping[str, str], walked: Walked | None = None) -> Iterator[LogFile]:
    """Every log below the roots, sorted within each root, and each directory that may not be looked into."""
    walk = _Walk(walked)
    for root in log_roots(environ):
        for path in sorted(walk.files(str(root))):
            yield log_at(path)
    for top in map(str, desktop_roots(environ)):
        for path in sorted(walk.files(top)):
            if path.endswith(os.sep) or _PROJECTS in path[len(top) :]:
                yield log_at(path)


def log_at(path: str) -> LogFile:
    """The transcript at this path."""
    key = path if path.isascii() else os.fsencode(path).decode("utf-8", "backslashreplace")
    return LogFile(AGENT, key, path)


def _is_log(name: str) -> bool:
    return name.endswith(".jsonl") and name != "journal.jsonl" and ".orphaned" not in name and ".superseded" not in name


class _Walk:
    """Walks directory trees; what was reached before, by whatever name, is not reached again.

    Only links and further trees lead to a place twice, so nothing is looked at for that before there are any.
    """

    def __init__(self, told: Walked | None = None) -> None:
        self._told = told
        self._walked: list[str] = []
        """Directories."""
        self._found: list[str] = []
        """Logs."""
        self._closed: list[str] = []
        """Directories that may not be looked into, each with a slash at its end."""

    def files(self, top: str) -> Iterator[str]:
        """Regular logs below ``top``; a real path names a file, and a link only one that has no other name here.

        A directory that may not be looked into comes with a slash at its end.
        """
        seen = _identities(self._walked) if self._walked else None
        links: list[str] = []
        yield from self._below(top, seen, links)
        single: dict[str, _Identity] = {}
        while links:
            seen = _identities(self._walked) if seen is None else seen
            here, links = sorted(links), []
            for link in here:
                try:
                    status = os.stat(link)  # noqa: PTH116 - the links of a walk that speaks text
                except OSError:
                    continue
                if stat.S_ISDIR(status.st_mode):
                    yield from self._below(link, seen, links)
                elif stat.S_ISREG(status.st_mode) and _is_log(link.rpartition(os.sep)[2]):
                    single[link] = (status.st_dev, status.st_ino)
        files = _identities(self._found) if single else set()
        for link, identity in sorted(single.items()):
            if identity not in files:
                files.add(identity)
                self._found.append(link)
                yield link
        yield from self._closed
        self._closed.clear()

    def _below(self, top: str, seen: set[_Identity] | None, links: list[str]) -> Iterator[str]:
        """Logs in ``top`` and below; not in directories ``seen`` before, and links are only noted."""
        pending = [top]
        while pending:
            directory = pending.pop()
            if self._told is not None:
                self._told.into(directory)
            identities = set() if seen is None else _identities([directory])
            if seen is not None and not identities.isdisjoint(seen):
                continue
            if seen is not None:
                seen |= identities
            for entry in self._listed(directory):
                if entry.is_file(follow_symlinks=False):
                    if _is_log(entry.name):
                        self._found.append(entry.path)
                        yield entry.path
                elif entry.is_dir(follow_symlinks=False):
                    pending.append(entry.path)
                elif entry.is_symlink():
                    self._hangs_elsewhere()
                    links.append(entry.path)

    def _listed(self, directory: str) -> list[os.DirEntry[str]]:
        try:
            with os.scandir(directory) as entries:
                found = list(entries)
        except PermissionError:
            self._hangs_elsewhere()
            self._closed.append(directory + os.sep)
            return []
        except OSError:  # absent, or not a directory
            return []
        self._walked.append(directory)
        return found

    def _hangs_elsewhere(self) -> None:
        if self._told is not None:
            self._told.is_all = False


def _identities(paths: Iterable[str]) -> set[_Identity]:
    """Device and inode of each; a place that is gone has none."""
    found = set()
    for path in paths:
        with suppress(OSError):
            status = os.stat(path)  # noqa: PTH116 - three times as fast as Path.stat
            found.add((status.st_dev, status.st_ino))
    return found
