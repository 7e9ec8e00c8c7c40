"""Which session Claude Code's own registry names for a process; an entry of an earlier process is none."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING, Final

import msgspec

from tallybook.agents.claude_code.paths import roots

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_LARGEST: Final = 1 << 20


class _Registered(msgspec.Struct, gc=False):
    session: str = msgspec.field(name="sessionId")
    started: str | int | None = msgspec.field(default=None, name="procStart")


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
