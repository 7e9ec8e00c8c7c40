"""What is left of a goal's budget; a budget in money waits for prices."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import attrs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tallybook.domain.goal import Budget, Goal
    from tallybook.domain.metrics import Accounts, GoalUsage
    from tallybook.domain.state import LedgerState

WARN_PERCENT: Final = 80


@attrs.frozen
class BudgetNotices:
    """What to tell of a goal's budgets."""

    notices: tuple[str, ...]
    exceeded: bool


def budget_notices(state: LedgerState, accounts: Accounts, goal: Goal | None) -> BudgetNotices:
    """Warn at 80 and at 100 percent of each budget in tokens."""
    if goal is None:
        return BudgetNotices((), exceeded=False)
    latest = {budget.stage: budget for budget in state.budgets.get(goal.id, ())}
    usage = accounts.goals[goal.id]
    found = [line for budget in latest.values() for line in _lines(budget, usage)]
    return BudgetNotices(tuple(text for text, _ in found), any(exceeded for _, exceeded in found))


def _lines(budget: Budget, usage: GoalUsage) -> Iterator[tuple[str, bool]]:
    of = "the budget" if budget.stage is None else f"the budget of stage {budget.stage}"
    used = _used(budget, usage)
    if budget.tokens is not None and used is not None and used * 100 >= budget.tokens * WARN_PERCENT:
        exceeded = used >= budget.tokens
        share = f"{used * 100 // budget.tokens} % of " if budget.tokens else "more than "
        yield f"{used:,} tokens used: {share}{of} of {budget.tokens:,}", exceeded
    if budget.nano_usd is not None:
        yield f"{of} in money is kept, and not checked: there is no price book yet", False


def _used(budget: Budget, usage: GoalUsage) -> int | None:
    if budget.stage is None:
        return None if usage.measure.tokens is None else usage.measure.tokens.total
    parts = [stage.measure.tokens for stage in usage.stages if stage.name == budget.stage]
    known = [tokens.total for tokens in parts if tokens is not None]
    return sum(known) if known else None
