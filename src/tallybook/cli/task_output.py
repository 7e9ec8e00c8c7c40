"""How the result of a task command is shown: a line for people, the id alone, or the goal object."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from tallybook.cli.render import CommandEnded, document, line, refuse, say, warn
from tallybook.domain.problems import Refusal
from tallybook.reports.words import goal_line

if TYPE_CHECKING:
    from tallybook.domain.goal import Goal
    from tallybook.usecases.tasks import TaskResult


class Shown(msgspec.Struct, frozen=True):
    """How the user wants it."""

    json: bool
    quiet: bool = False
    enforce: bool = False


def show_task(result: TaskResult | Refusal, shown: Shown) -> None:
    """Tell what a task command did, and leave with its exit code."""
    if isinstance(result, Refusal):
        raise CommandEnded(refuse(result, json=shown.json))
    if shown.json:
        from tallybook.reports import contract

        goal = None
        if result.goal is not None:
            goal = contract.goal(result.state, result.goal, result.accounts, result.book.of_class)
            result.book.keep()
        document("goal", {"goal": goal, "problems": contract.problems(result.problems)})
    elif result.goal is not None and shown.quiet:
        line(result.goal.id)
    elif result.goal is not None:
        line(goal_line(result.goal, result.accounts) + ("" if result.goal.is_open else _cost(result, result.goal)))
    warn(result.problems)
    for notice in result.notices:
        say(f"note: {notice}")
    if shown.enforce and result.over_budget:
        say("tally: the budget is used up (--enforce)")
        raise CommandEnded(1)


def _cost(result: TaskResult, goal: Goal) -> str:
    """What a goal that is closed has cost, where anything was measured."""
    from tallybook.domain.goal_costs import costs_of
    from tallybook.reports.costs import priced_dollars

    usage = result.accounts.goals[goal.id]
    if usage.measure.tokens is None:
        return ""
    cost = costs_of(result.state, goal.id, usage, result.book.of_class).total
    result.book.keep()
    return f"  {priced_dollars(cost)}"
