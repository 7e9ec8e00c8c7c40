"""Short lines about goals for a terminal; unescaped, the surface escapes them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from tallybook.domain.figures import AttemptUsage, Measure
    from tallybook.domain.goal import Goal
    from tallybook.domain.metrics import Accounts
    from tallybook.domain.tokens import TokenVector

NOTHING: Final = "—"
"""Stands for a number that nobody measured, which is not 0."""


def measure(it: Measure) -> str:
    """A number with its quality, such as ``12,345 tokens (exact)``."""
    if it.tokens is None:
        return "unmeasured"
    return f"{it.tokens.total:,} tokens ({it.quality})"


def counted(number: int, thing: str) -> str:
    """Such as ``1 event`` or ``2 events``."""
    return f"{number:,} {thing}" if number == 1 else f"{number:,} {thing}s"


def breakdown(tokens: TokenVector) -> str:
    """The components of a vector in one line."""
    return (
        f"input {tokens.input:,}, cache read {tokens.cache_read:,}, cache write {tokens.cache_write:,}, "
        f"output {tokens.output:,}"
    )


def goal_line(goal: Goal, accounts: Accounts) -> str:
    """One goal in one line: id, status, title, tokens."""
    return f"{goal.id}  {goal.status}  {goal.title}  {measure(accounts.measures[goal.id])}"


def attempt_status(goal: Goal, usage: AttemptUsage) -> str:
    """How an attempt ended; one that ran when its goal was merged into ``goal`` never ended by itself."""
    if usage.attempt.outcome is not None:
        return usage.attempt.outcome.status
    return "open" if goal.id == usage.goal else "merged"
