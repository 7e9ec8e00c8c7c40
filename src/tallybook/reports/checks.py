"""One check as a row."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tallybook.reports.words import NOTHING

if TYPE_CHECKING:
    from tallybook.domain.goal import Goal
    from tallybook.domain.metrics import Accounts

HEAD: Final = ("check", "source", "pass", "status", "tokens", "quality", "extracted", "updated", "started")
NUMBERS: Final = frozenset({"pass", "tokens", "extracted", "updated"})


def check_cells(goal: Goal, accounts: Accounts) -> tuple[str, ...]:
    """The columns of ``HEAD``."""
    measure, claims = accounts.goals[goal.id].measure, goal.claims
    numbers = (None if claims is None else claims.extracted, None if claims is None else claims.updated)
    tokens = None if measure.tokens is None else measure.tokens.total
    return (
        goal.id,
        goal.source_id or NOTHING,
        _shown(goal.pass_number),
        str(goal.status),
        _shown(tokens),
        str(measure.quality),
        *(_shown(number) for number in numbers),
        goal.started_at,
    )


def _shown(number: int | None) -> str:
    return NOTHING if number is None else f"{number:,}"
