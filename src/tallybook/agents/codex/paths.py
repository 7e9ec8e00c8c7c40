"""Where rollouts lie: every log once, whether live, archived or compressed, whatever the order on disk."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tallybook.agents.port import LogFile
from tallybook.agents.walked import Walked

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_PLAIN: Final = ".jsonl"
_COMPRESSED: Final = ".jsonl.zst"
_DATED: Final = 3
"""Directories below ``sessions``: year, month, day. No deeper, so that a link to itself ends."""
_FOLDERS: Final = (("sessions", _DATED, False), ("archived_sessions", 0, True))
"""Name, how deep it is, and whether what lies there is archived."""


def logs_of(agent: str, environ: Mapping[str, str], walked: Walked | None = None) -> Iterator[LogFile]:
    """Every rollout of the Codex home that ``environ`` names, in the order of keys; closed directories are first."""
    seen = Walked() if walked is None else walked
    root = _root(environ)
    if root is None:
        return
    found: dict[str, tuple[bool, bool, str]] = {}
    for folder, depth, archived in _FOLDERS:
        for path in _files(os.path.join(root, folder), depth, seen):  # noqa: PTH118 - strings are twice as fast here
            if path.endswith(os.sep):
                yield LogFile(agent, f"{root}:{path}", path)
            stem, compressed = _stem(path)
            rank = (archived, compressed, path)
            if stem and (stem not in found or rank < found[stem]):
                found[stem] = rank
    for stem, (_, compressed, path) in sorted(found.items()):
        yield LogFile(agent, f"{root}:{stem}", path, compressed)


def log_roots(environ: Mapping[str, str]) -> tuple[Path, ...]:
    """Where rollouts lie, live ones and archived ones."""
    root = _root(environ)
    return () if root is None else tuple(Path(root, folder) for folder, _, _ in _FOLDERS)


def log_at(agent: str, path: Path) -> LogFile:
    """The rollout at this path, of no home."""
    stem, compressed = _stem(str(path))
    return LogFile(agent, stem or path.name, str(path), compressed)


def _root(environ: Mapping[str, str]) -> str | None:
    """The absolute path of the Codex home."""
    if home := environ.get("CODEX_HOME"):
        return str(Path(home).absolute())
    if home := environ.get("HOME"):
        return str(Path(home).absolute() / ".codex")
    return None


def _stem(path: str) -> tuple[str, bool]:
    """The name of a rollout without its endings, and whether it is compressed; an empty name for other files."""
    name = path.rpartition(os.sep)[2]
    if not name.startswith("rollout-"):
        return "", False
    if name.endswith(_PLAIN):
        return name.removesuffix(_PLAIN), False
    return (name.removesuffix(_COMPRESSED), True) if name.endswith(_COMPRESSED) else ("", False)


def _files(folder: str, depth: int, walked: Walked) -> Iterator[str]:
    """Regular files (or links to them) in ``folder`` and in directories at most ``depth`` below it.

    A directory that may not be looked into comes with a slash at its end.
    """
    walked.into(folder)
    try:
        with os.scandir(folder) as entries:
            found = list(entries)
    except PermissionError:
        walked.is_all = False
        yield folder + os.sep
        return
    except OSError:  # absent, or not a directory: no logs here
        return
    for entry in found:
        if entry.is_symlink():
            walked.is_all = False
        try:
            is_file = entry.is_file()
            below = not is_file and depth > 0 and entry.is_dir()
        except OSError:  # a link to itself
            continue
        if is_file:
            yield entry.path
        elif below:
            yield from _files(entry.path, depth - 1, walked)
