"""Which processes are Copilot CLI, and which session one of them holds."""

from __future__ import annotations

import os
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Final

from tallybook.agents.copilot_cli.paths import SESSIONS, homes

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

_RUNTIMES: Final = frozenset({"node", "nodejs", "bun"})
_WITH_VALUE: Final = frozenset({"-r", "--require", "--import", "--loader", "--experimental-loader"})


def is_copilot(argv: Sequence[str]) -> bool:
    """Whether ``argv`` starts Copilot CLI: the program itself or a JavaScript runtime with it, never a shell."""
    if not argv:
        return False
    program = PurePosixPath(argv[0]).name
    if program in _RUNTIMES:
        script = _script(argv)
        return script.name == "copilot" or "@github/copilot" in str(script)
    return program == "copilot"


def registered_session(environ: Mapping[str, str], pid: int) -> str | None:
    """The session whose directory holds the process's lock, the newest of several; it removes them when it ends."""
    held = sorted(lock for home in homes(environ) for lock in _locks(home / SESSIONS, f"inuse.{pid:d}.lock"))
    return held[-1][1] if held else None


def _locks(place: Path, name: str) -> Iterator[tuple[int, str]]:
    """When each session was locked, in nanoseconds since the epoch, and its id."""
    try:
        sessions = os.listdir(place)  # noqa: PTH208 - names are all that is needed
    except OSError:
        return
    for session in sessions:
        try:
            yield os.stat(place / session / name).st_mtime_ns, session  # noqa: PTH116
        except OSError:
            continue


def _script(argv: Sequence[str]) -> PurePosixPath:
    """The script that a JavaScript runtime runs, or an empty path."""
    words = iter(argv[1:])
    for word in words:
        if word in _WITH_VALUE:
            next(words, None)
        elif not word.startswith("-"):
            return PurePosixPath(word)
    return PurePosixPath()
