"""One budget as a row and as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from tallybook.domain.budgets import BudgetUse
from tallybook.domain.goal import Goal
from tallybook.domain.money import dollars
from tallybook.reports.costs import share
from tallybook.reports.goal_sums import budget_members
from tallybook.reports.words import NOTHING

if TYPE_CHECKING:
    from tallybook.reports.vectors import Json

AMOUNTS: Final = ("tokens", "used", "left", "%", "USD", "used USD", "left USD", "% of USD", "priced")
HEAD: Final = ("goal", "status", "stage", *AMOUNTS, "title")
NUMBERS: Final = frozenset(AMOUNTS)


class ListedBudget(msgspec.Struct, frozen=True):
    """A budget of a goal."""

    goal: Goal
    use: BudgetUse


def budget_cells(it: ListedBudget) -> tuple[str, ...]:
    """The columns of ``HEAD``."""
    return (it.goal.id, str(it.goal.status), it.use.stage or "(all)", *amounts(it.use), it.goal.title)


def amounts(it: BudgetUse) -> tuple[str, ...]:
    """Tokens allowed, used and left, and the same in money; what has no price for a part is told as the least."""
    counts = (it.tokens, it.used_tokens, it.left_tokens, it.percent)
    least, most = ("≥ ", "≤ ") if it.is_least else ("", "")
    money = ((it.nano_usd, ""), (it.used_nano_usd, least), (it.left_nano_usd, most))
    return (
        *(NOTHING if count is None else f"{count:,}" for count in counts),
        *(NOTHING if nano is None else f"{mark}{dollars(nano)}" for nano, mark in money),
        NOTHING if it.money_percent is None else f"{least}{it.money_percent:,}",
        NOTHING if it.cost is None else share(it.cost.share),
    )


def spent(it: BudgetUse) -> str:
    """What is spent of a budget in money, such as ``at least 0.0105``."""
    if it.used_nano_usd is None:
        return NOTHING
    return f"{'at least ' if it.is_least else ''}{dollars(it.used_nano_usd)}"


def budget_json(it: ListedBudget) -> dict[str, Json]:
    """The budget with its goal."""
    return {
        "goal": it.goal.id,
        "title": it.goal.title,
        "status": str(it.goal.status),
        "stage": it.use.stage,
        **budget_members(it.use),
    }
