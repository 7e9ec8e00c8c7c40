"""Where a command runs, with a bar on the terminal for what takes more than a second."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from msgspec.structs import replace

from tallybook.cli.render import is_rich
from tallybook.usecases.workspace import Workspace, open_workspace

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

PATIENCE: Final = 1.0
"""Seconds before a bar is drawn."""


def here(ledger: Path | None = None) -> Workspace:
    """The workspace of this process; ``ledger`` overrides where the ledger is."""
    workspace = open_workspace(ledger)
    return replace(workspace, progress=Bar().show) if is_rich(sys.stderr) else workspace


class Bar:
    """How far the reading of logs has come; erased at the end."""

    def __init__(self) -> None:
        self._begun = time.monotonic()
        self._drawn: tuple[Progress, TaskID] | None = None

    def show(self, done: int, total: int) -> None:
        """Bring the bar to ``done`` of ``total`` bytes."""
        if self._drawn is None:
            if time.monotonic() - self._begun < PATIENCE or done >= total:
                return
            from rich.console import Console
            from rich.progress import Progress

            progress = Progress(console=Console(stderr=True), transient=True)
            progress.start()
            self._drawn = progress, progress.add_task("reading logs", total=total)
        progress, task = self._drawn
        progress.update(task, completed=done, total=total)
        if done >= total:
            progress.stop()
            self._drawn = None
