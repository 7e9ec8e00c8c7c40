"""Which process is Claude Code, and which session its own registry names for a process."""

from __future__ import annotations

import os
import re
import stat
from typing import TYPE_CHECKING, Final

import msgspec

from tallybook.agents.claude_code.paths import roots

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

_LARGEST: Final = 1 << 20
_NAMES: Final = frozenset({"claude", "claude.exe"})
_RUNTIMES: Final = frozenset({"node", "nodejs", "bun", "node.exe", "bun.exe"})
# The native installer names the binary by its version: .../claude/versions/2.1.330
_VERSIONED: Final = re.compile(r"(?:^|.*/)claude/versions/[0-9][^/]*")
_SCRIPT: Final = re.compile(
    r".*(?:@anthropic-ai/claude-(?:code(?:-[a-z0-9-]+)?|agent-sdk)|/claude-code(?:-linux[a-z0-9-]*)?)/[^/]+"
)


class _Registered(msgspec.Struct, gc=False):
    session: str = msgspec.field(name="sessionId")
    started: str | int | None = msgspec.field(default=None, name="procStart")


def is_agent_process(argv: Sequence[str]) -> bool:
    """Whether these arguments are Claude Code's own; a shell or tool that only mentions it is not."""
    if not argv:
        return False
    program = argv[0].replace("\\", "/")
    name = program.rpartition("/")[2]
    if name in _NAMES or _VERSIONED.fullmatch(program):
        return True
    if name not in _RUNTIMES:
        return False
    script = next((part.replace("\\", "/") for part in argv[1:] if not part.startswith("-")), "")
    return script.rpartition("/")[2] in _NAMES or _SCRIPT.fullmatch(script) is not None


def registered_session(environ: Mapping[str, str], pid: int, started: str) -> str | None:
    """The session in ``sessions/<pid>.json``, unless the entry is of an earlier process with the same id."""
    for root in roots(environ):
        entry = _entry(root / "sessions" / f"{pid:d}.json")
        if entry is not None and entry.session and (entry.started is None or str(entry.started) == started):
            return entry.session
    return None


def _entry(path: Path) -> _Registered | None:
    try:
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0))
    except OSError:
        return None
    try:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            return None
        return msgspec.json.decode(os.read(handle, _LARGEST), type=_Registered)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    finally:
        os.close(handle)
