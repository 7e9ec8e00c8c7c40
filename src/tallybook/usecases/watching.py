"""Watches for agents below a command while it runs, and lets each session join the goal as soon as its log is there.

What goes wrong here is kept from the command; all of it is tried again, and told, when the command has ended.
"""

from __future__ import annotations

import time
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from msgspec.structs import replace

from tallybook.agents.offspring import AtWork, Family, Offspring
from tallybook.agents.registry import readers
from tallybook.domain.quality import Quality
from tallybook.usecases.capture import with_history
from tallybook.usecases.joining import Span, join, shown_by

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tallybook.history.ingest import IngestReport
    from tallybook.history.store import Store
    from tallybook.usecases.workspace import Workspace

FIRST_PAUSE: Final = 0.3
LONGEST_PAUSE: Final = 30.0
"""Seconds between two tries while a log tells nothing yet; each pause is twice the one before."""


class Watch:
    """Looks at the processes below one; ``mark`` is the variable that tells them from those of other goals."""

    def __init__(self, workspace: Workspace, span: Span, mark: tuple[str, str]) -> None:
        self._workspace = replace(workspace, progress=None)  # the terminal is the command's
        self._span = span
        self._mark = mark
        self._offspring: Offspring | None = None
        self._done: dict[int, int] = {}
        self._pause = FIRST_PAUSE
        self._next = 0.0

    @property
    def seen(self) -> tuple[AtWork, ...]:
        """Every process of an agent that was met."""
        return () if self._offspring is None else self._offspring.seen

    def look(self, pid: int) -> None:
        """Look once at ``pid`` and all below it."""
        with suppress(Exception):
            self._look(pid)

    def _look(self, pid: int) -> None:
        if self._offspring is None:
            environ: Mapping[str, str] = self._workspace.environ
            self._offspring = Offspring(readers(), Family(pid, environ, self._mark))
        if self._offspring.look():
            self._pause, self._next = FIRST_PAUSE, 0.0
        waiting = {
            number: process for number, process in enumerate(self.seen) if process.evidence != self._done.get(number, 0)
        }
        if waiting and time.monotonic() >= self._next:
            self._next = time.monotonic() + self._pause
            self._pause = min(2 * self._pause, LONGEST_PAUSE)
            with_history(self._workspace, lambda store, report: self._join(store, report, waiting))

    def _join(self, store: Store, _: IngestReport, waiting: Mapping[int, AtWork]) -> None:
        shown = {number: shown_by(store, process, self._span.since) for number, process in waiting.items()}
        join(self._workspace, store, self._span, [key for keys in shown.values() for key in keys], Quality.EXACT)
        self._done |= {number: waiting[number].evidence for number, keys in shown.items() if keys}
