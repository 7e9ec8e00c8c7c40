"""One budget as a row and as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from tallybook.domain.budgets import BudgetUse
from tallybook.domain.goal import Goal
from tallybook.reports.goal_sums import budget_members
from tallybook.reports.words import NOTHING

if TYPE_CHECKING:
    from tallybook.reports.vectors import Json

HEAD: Final = ("goal", "status", "stage", "tokens", "used", "%", "nano-USD", "title")
NUMBERS: Final = frozenset({"tokens", "used", "%", "nano-USD"})


class ListedBudget(msgspec.Struct, frozen=True):
    """A budget of a goal."""

    goal: Goal
    use: BudgetUse


def budget_cells(it: ListedBudget) -> tuple[str, ...]:
    """The columns of ``HEAD``."""
    numbers = (it.use.tokens, it.use.used_tokens, it.use.percent, it.use.nano_usd)
    shown = (NOTHING if number is None else f"{number:,}" for number in numbers)
    return (it.goal.id, str(it.goal.status), it.use.stage or "(all)", *shown, it.goal.title)


def budget_json(it: ListedBudget) -> dict[str, Json]:
    """The budget with its goal."""
    return {
        "goal": it.goal.id,
        "title": it.goal.title,
        "status": str(it.goal.status),
        "stage": it.use.stage,
        **budget_members(it.use),
    }
