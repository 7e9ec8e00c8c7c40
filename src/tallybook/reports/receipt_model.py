"""What the receipt of a change is made of."""

from __future__ import annotations

import msgspec

from tallybook.domain.budgets import BudgetUse
from tallybook.domain.figures import GoalUsage
from tallybook.domain.goal import Goal
from tallybook.domain.goal_costs import GoalCosts
from tallybook.domain.money import Cost, total_cost
from tallybook.domain.problems import Problem


class GoalReceipt(msgspec.Struct, frozen=True):
    """One goal of a change."""

    goal: Goal
    usage: GoalUsage
    costs: GoalCosts
    budgets: tuple[BudgetUse, ...]

    @property
    def failed_attempts(self) -> int:
        """How many of its attempts ended as failures."""
        outcomes = (usage.attempt.outcome for usage in self.usage.attempts)
        return sum(outcome is not None and outcome.status == "fail" for outcome in outcomes)


class Receipt(msgspec.Struct, frozen=True):
    """A change and what it cost."""

    change: str
    """The range, or ``#`` and the number of the pull request."""
    commits: int
    """Without merges."""
    nameless: tuple[str, ...]
    """Those that belong to no goal of the ledger, full ids, the newest first; no revert, and none with a reason."""
    unknown: tuple[str, ...]
    """What they name as their goals and the ledger does not have, sorted."""
    goals: tuple[GoalReceipt, ...]
    """In the order in which they were started."""
    book: str | None
    problems: tuple[Problem, ...]

    @property
    def cost(self) -> Cost | None:
        """Of all goals together; None where nothing of any was measured."""
        known = [one.costs.total for one in self.goals if one.costs.total is not None]
        return total_cost(known) if known else None

    @property
    def exceeded(self) -> tuple[str, ...]:
        """The goals that have used up a budget."""
        return tuple(one.goal.id for one in self.goals if any(budget.exceeded for budget in one.budgets))
