"""When a transcript was written last: Claude Code keeps rows back for a moment, that of a running tool too."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from tallybook.agents.claude_code import paths

if TYPE_CHECKING:
    from collections.abc import Mapping


def written_at(environ: Mapping[str, str], session: str) -> float | None:
    """Seconds since the epoch; None where no transcript of the session is found."""
    for root in paths.log_roots(environ):
        for path in root.glob(f"*/{session}.jsonl"):
            try:
                return os.stat(path).st_mtime  # noqa: PTH116 - beside the other looks at logs
            except OSError:
                return None
    return None
