"""Waits a moment for the log to show the call that runs this command, where its agent keeps rows back.

What is written after this process has begun holds that row; if nothing is written for a while, it was there before.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from tallybook.agents.registry import written_at

if TYPE_CHECKING:
    from collections.abc import Mapping

PATIENCE: Final = 0.15
"""Seconds since the process began; rows are kept back for a tenth of a second."""
_POLL: Final = 0.005


def await_call(environ: Mapping[str, str], agent: str, session: str) -> None:
    """Return as soon as the log was written since this process began, or when patience is at its end."""
    begun = time.time() - time.process_time()
    while time.time() < begun + PATIENCE:
        at = written_at(environ, agent, session)
        if at is None or at >= begun:
            return
        time.sleep(_POLL)
