"""Where chats lie: below one directory for each project, those of subagents one level deeper."""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tallybook.agents.port import LogFile
from tallybook.agents.trees import closed_logs, listed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

CHATS: Final = "chats"
# What Gemini itself could not read when it resumed a session it keeps under such a name.
_CHAT: Final = re.compile(r".+\.jsonl?(?:\.unreadable-[0-9]+)?", re.DOTALL)
_LONGEST: Final = 1 << 14
_QUIET: Final = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)


def roots(environ: Mapping[str, str]) -> tuple[Path, ...]:
    """The directories of projects, where ``environ`` tells of a home; in macOS' sandbox it is the second one."""
    home = environ.get("GEMINI_CLI_HOME") or environ.get("HOME", "")
    if not home:
        return ()
    base = Path(home).absolute()
    return base / ".gemini" / "tmp", base / ".cache" / ".gemini" / "tmp"


def logs_of(agent: str, environ: Mapping[str, str]) -> Iterator[LogFile]:
    """Every chat below the roots, in the order of names within each directory; closed directories are last."""
    closed: list[str] = []
    for root in roots(environ):
        for project in listed(root, closed):
            for entry in listed(f"{project.path}/{CHATS}", closed):
                deeper = listed(entry.path, closed) if _is_directory(entry) else [entry]
                yield from (
                    log_at(agent, Path(one.path))
                    for one in deeper
                    if _CHAT.fullmatch(one.name) and not _is_directory(one)
                )
    yield from closed_logs(agent, closed)


def log_at(agent: str, path: Path) -> LogFile:
    """The chat at this path."""
    return LogFile(agent, spelled(str(path)), str(path), whole=path.suffix == ".json")


def spelled(name: str) -> str:
    """A name of the file system as text; bytes that are none are written out."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def sender(path: Path) -> str | None:
    """The session that sent the subagent whose chat lies here; None for one that nobody sent."""
    return spelled(path.parent.name) if path.parent.parent.name == CHATS else None


def noted_directory(path: Path) -> str | None:
    """Where Gemini notes that the project of this chat lies; None where no note is, or none that can be read."""
    chats = path.parent.parent if sender(path) else path.parent
    try:
        handle = os.open(chats.parent / ".project_root", _QUIET)
    except (OSError, ValueError):
        return None
    try:
        raw = os.read(handle, _LONGEST) if stat.S_ISREG(os.fstat(handle).st_mode) else b""
        return raw.decode().strip() or None
    except (OSError, UnicodeDecodeError):
        return None
    finally:
        os.close(handle)


def _is_directory(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself, which is told of when it is opened
        return False
