"""What is left of a goal's budgets, in tokens and in money; of money without a price for all tokens only the least."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from tallybook.domain.goal_costs import costs_of
from tallybook.domain.money import Cost, dollars, total_cost

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tallybook.domain.figures import GoalUsage
    from tallybook.domain.goal import Budget
    from tallybook.domain.goal_costs import GoalCosts, PriceOf
    from tallybook.domain.state import LedgerState

WARN_PERCENT: Final = 80
_PICO_IN_NANO: Final = 1000


class BudgetUse(msgspec.Struct, frozen=True):
    """One budget and what was used of it."""

    stage: str | None
    """None for the budget of the whole goal."""
    tokens: int | None
    nano_usd: int | None
    used_tokens: int | None
    """None where nothing was measured."""
    cost: Cost | None = None
    """What was used, in money; None where nothing was measured, or no money is allowed."""

    @property
    def percent(self) -> int | None:
        """Whole percent of the tokens, rounded down; None where a number is missing or nothing is allowed."""
        return self.used_tokens * 100 // self.tokens if self.tokens and self.used_tokens is not None else None

    @property
    def used_nano_usd(self) -> int | None:
        """What has a price of what was used; None where nothing has."""
        return None if self.cost is None else self.cost.nano_usd

    @property
    def is_least(self) -> bool:
        """Whether more may be spent than is known.

        A part has no price, or only the lower of two that it may have, or its searches have none or were not told.
        """
        cost = self.cost
        return cost is not None and (bool(cost.unpriced) or cost.share < 1 or cost.least > 0 or cost.searches_untold)

    @property
    def money_percent(self) -> int | None:
        """Whole percent of the money, rounded down; None as above."""
        allowed = (self.nano_usd or 0) * _PICO_IN_NANO
        return self.cost.pico_usd * 100 // allowed if allowed and self.cost and self.cost.is_known else None

    @property
    def left_tokens(self) -> int | None:
        """What may still be used; less than nothing where more was."""
        return None if self.tokens is None or self.used_tokens is None else self.tokens - self.used_tokens

    @property
    def left_nano_usd(self) -> int | None:
        """The same in money: at most so much, where a part has no price."""
        used = self.used_nano_usd
        return None if self.nano_usd is None or used is None else self.nano_usd - used

    @property
    def warns(self) -> bool:
        """Whether 80 percent of the tokens are used."""
        return self._has_used(WARN_PERCENT, self.tokens, self.used_tokens)

    @property
    def warns_in_money(self) -> bool:
        """Whether 80 percent of the money are used, for certain."""
        return self._has_used(WARN_PERCENT, self._allowed_pico, self._used_pico)

    @property
    def exceeded(self) -> bool:
        """Whether the tokens or the money are used up, for certain."""
        in_tokens = self._has_used(100, self.tokens, self.used_tokens)
        return in_tokens or self._has_used(100, self._allowed_pico, self._used_pico)

    @property
    def _allowed_pico(self) -> int | None:
        return None if self.nano_usd is None else self.nano_usd * _PICO_IN_NANO

    @property
    def _used_pico(self) -> int | None:
        return self.cost.pico_usd if self.cost is not None and self.cost.is_known else None

    @staticmethod
    def _has_used(percent: int, allowed: int | None, used: int | None) -> bool:
        return allowed is not None and used is not None and used * 100 >= allowed * percent


def budgets_of(state: LedgerState, goal: str, usage: GoalUsage, price_of: PriceOf) -> tuple[BudgetUse, ...]:
    """The budgets in force, that of the whole goal first, then by stage; of two for one stage the later holds.

    No price is asked for where none of them is in money.
    """
    latest = {budget.stage: budget for budget in state.budgets.get(goal, ())}
    there = [one for one in latest.values() if (one.tokens, one.nano_usd) != (None, None)]
    there.sort(key=lambda one: (one.stage is not None, one.stage or ""))
    in_money = any(one.nano_usd is not None for one in there)
    priced = costs_of(state, goal, usage, price_of) if in_money else None
    return tuple(
        BudgetUse(one.stage, one.tokens, one.nano_usd, _used(one, usage), _cost(one, usage, priced)) for one in there
    )


def notices(budgets: tuple[BudgetUse, ...]) -> Iterator[str]:
    """Warn at 80 and at 100 percent of each budget, and where one in money can't be checked, or only in part."""
    for budget in budgets:
        of = "the budget" if budget.stage is None else f"the budget of stage {budget.stage}"
        if budget.warns:
            yield f"{budget.used_tokens:,} tokens used: {_share(budget.percent)} {of} of {budget.tokens:,}"
        if budget.nano_usd is not None:
            yield from _in_money(budget, budget.nano_usd, of)


def _in_money(budget: BudgetUse, allowed: int, of: str) -> Iterator[str]:
    used = budget.used_nano_usd
    if budget.warns_in_money and used is not None:
        least = "at least " if budget.is_least else ""
        yield f"{least}{dollars(used)} USD used: {_share(budget.money_percent)} {of} of {dollars(allowed)} USD"
    if budget.cost is not None and budget.cost.unpriced:
        first = min(budget.cost.unpriced)
        lacks = budget.cost.lacks
        yield f"{of} of {dollars(allowed)} USD is checked without {lacks}: {first.model} ({first.reason})"


def _share(percent: int | None) -> str:
    return "more than" if percent is None else f"{percent} % of"


def _used(budget: Budget, usage: GoalUsage) -> int | None:
    if budget.stage is None:
        return None if usage.measure.tokens is None else usage.measure.tokens.total
    parts = [stage.measure.tokens for stage in usage.stages if stage.name == budget.stage]
    known = [tokens.total for tokens in parts if tokens is not None]
    return sum(known) if known else None


def _cost(budget: Budget, usage: GoalUsage, costs: GoalCosts | None) -> Cost | None:
    if costs is None or budget.nano_usd is None:
        return None
    if budget.stage is None:
        return costs.total
    stages = zip(usage.stages, costs.stages, strict=True)
    known = [cost for stage, cost in stages if stage.name == budget.stage and cost is not None]
    return total_cost(known) if known else None
