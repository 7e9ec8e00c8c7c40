"""The rule that a commit keeps: it names its task, a ticket, or the reason why it has none.

Standard library only: the hook judges by it as a commit is made, ``tally check-commits`` long afterwards.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

    from tallybook.repo.trailers import TaskTrailers

UNKNOWN = "unknown-task"
NO_REASON = "no-reason"
MISSING = "no-task"


class Ruling(NamedTuple):
    """What the rule says of one message."""

    broken: str | None
    """``unknown-task``, ``no-reason`` or ``no-task``; None where the rule is kept."""
    unknown: tuple[str, ...] = ()
    """What it names that is no goal of the ledger."""


class Rule(NamedTuple):
    """What is known where the rule is applied."""

    knows: Callable[[str], bool]
    """Whether there is such a goal."""
    ticket: str | None = None
    """Regular expression for the beginning of a subject."""

    def ruling(self, said: TaskTrailers, subject: str) -> Ruling:
        """Judge what the trailers and the subject of one commit say."""
        unknown = tuple(task for task in said.tasks if not self.knows(task))
        if unknown:
            return Ruling(UNKNOWN, unknown)
        if said.tasks or any(said.reasons) or self.has_ticket(subject):
            return Ruling(None)
        return Ruling(NO_REASON if said.reasons else MISSING)

    def has_ticket(self, subject: str) -> bool:
        """Whether the subject begins with a ticket."""
        return self.ticket is not None and re.match(self.ticket, subject) is not None
