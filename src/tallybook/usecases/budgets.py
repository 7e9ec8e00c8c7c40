"""Lists what goals may use and what they have used of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from tallybook.domain.budgets import budgets_of
from tallybook.domain.metrics import accounts
from tallybook.domain.problems import Problem, Refusal
from tallybook.domain.resolve import known
from tallybook.reports.budgets import ListedBudget
from tallybook.usecases.price_book import PriceBook
from tallybook.usecases.workspace import problems_of

if TYPE_CHECKING:
    from tallybook.usecases.workspace import Workspace


class BudgetList(msgspec.Struct, frozen=True):
    """Budgets in force, those of open goals first, then in the order in which their goals were started."""

    rows: tuple[ListedBudget, ...]
    problems: tuple[Problem, ...]


def list_budgets(workspace: Workspace, goal: str | None) -> BudgetList | Refusal:
    """The budgets of one goal, or of all."""
    found = workspace.replica()
    state = found.state
    only = None if goal is None else known(state, goal)
    if isinstance(only, Refusal):
        return only
    wanted = [name for name in state.budgets if name in state.goals] if only is None else [only.id]
    shared = accounts(state)
    goals = sorted((state.goals[name] for name in wanted), key=lambda it: (not it.is_open, it.started_at, it.id))
    book = PriceBook(workspace)
    rows = tuple(
        ListedBudget(it, use) for it in goals for use in budgets_of(state, it.id, shared.goals[it.id], book.of_class)
    )
    book.keep()
    return BudgetList(rows, (*workspace.problems, *book.problems(), *problems_of(found, state)))
