"""What is left of a goal's budgets; one in money waits for prices."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tallybook.domain.figures import GoalUsage
    from tallybook.domain.goal import Budget
    from tallybook.domain.state import LedgerState

WARN_PERCENT: Final = 80


class BudgetUse(msgspec.Struct, frozen=True):
    """One budget and what was used of it."""

    stage: str | None
    """None for the budget of the whole goal."""
    tokens: int | None
    nano_usd: int | None
    used_tokens: int | None
    """None where nothing was measured."""

    @property
    def percent(self) -> int | None:
        """Whole percent of the tokens, rounded down; None where a number is missing or nothing is allowed."""
        return self.used_tokens * 100 // self.tokens if self.tokens and self.used_tokens is not None else None

    @property
    def warns(self) -> bool:
        """Whether 80 percent of the tokens are used."""
        known = self.tokens is not None and self.used_tokens is not None
        return known and (self.used_tokens or 0) * 100 >= (self.tokens or 0) * WARN_PERCENT

    @property
    def exceeded(self) -> bool:
        """Whether the tokens are used up."""
        return self.tokens is not None and self.used_tokens is not None and self.used_tokens >= self.tokens


def budgets_of(state: LedgerState, goal: str, usage: GoalUsage) -> tuple[BudgetUse, ...]:
    """The budgets in force, that of the whole goal first, then by stage; of two for one stage the later holds."""
    latest = {budget.stage: budget for budget in state.budgets.get(goal, ())}
    there = [one for one in latest.values() if (one.tokens, one.nano_usd) != (None, None)]
    there.sort(key=lambda one: (one.stage is not None, one.stage or ""))
    return tuple(BudgetUse(one.stage, one.tokens, one.nano_usd, _used(one, usage)) for one in there)


def notices(budgets: tuple[BudgetUse, ...]) -> Iterator[str]:
    """Warn at 80 and at 100 percent of each budget in tokens."""
    for budget in budgets:
        of = "the budget" if budget.stage is None else f"the budget of stage {budget.stage}"
        if budget.warns:
            share = "more than" if budget.percent is None else f"{budget.percent} % of"
            yield f"{budget.used_tokens:,} tokens used: {share} {of} of {budget.tokens:,}"
        if budget.nano_usd is not None:
            yield f"{of} in money is kept, and not checked"


def _used(budget: Budget, usage: GoalUsage) -> int | None:
    if budget.stage is None:
        return None if usage.measure.tokens is None else usage.measure.tokens.total
    parts = [stage.measure.tokens for stage in usage.stages if stage.name == budget.stage]
    known = [tokens.total for tokens in parts if tokens is not None]
    return sum(known) if known else None
