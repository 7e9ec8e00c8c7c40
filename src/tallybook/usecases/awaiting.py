"""Waits a moment for the log to show the call that runs this command, where its agent keeps rows back.

What is written after this process has begun holds that row; if nothing is written for a while, it was there before.
Where the machine is so busy that this process itself came forward slowly, its agent does too, and the while is longer.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tallybook.agents.registry import written_at

if TYPE_CHECKING:
    from collections.abc import Mapping

PATIENCE: Final = 0.15
"""Seconds since the process began; rows are kept back for a tenth of a second."""
_POLL: Final = 0.005
_BUSY: Final = 2.0
"""So many times as long as its own work takes a process at least that has to wait for others."""
_MOST: Final = 10.0


def await_call(environ: Mapping[str, str], agent: str, session: str) -> None:
    """Return as soon as the log was written since this process began, or when patience is at its end."""
    worked = time.process_time()
    old = max(age() or 0.0, worked)
    slowness = old / worked if worked else 1.0
    now = time.time()
    begun, end = now - old, now + (PATIENCE - worked) * (1.0 if slowness < _BUSY else min(slowness, _MOST))
    while time.time() < end:
        at = written_at(environ, agent, session)
        if at is None or at >= begun:
            return
        time.sleep(_POLL)


def age() -> float | None:
    """For how many seconds this process has been there; None where the system does not tell."""
    try:
        fields = Path("/proc/self/stat").read_bytes().rpartition(b")")[2].split()
        since_boot: float = time.clock_gettime(time.CLOCK_BOOTTIME)
        return since_boot - int(fields[19]) / os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError, IndexError, AttributeError):
        return None
