"""`tally show`: the present state, or one goal."""

from __future__ import annotations

from typing import Annotated

from tallybook.cli.options import AsJson, Ledger, goal_ids
from tallybook.cli.parameters import Argument


def show(
    goal: Annotated[
        str | None, Argument(metavar="[GOAL]", help="Show this goal alone.", autocompletion=goal_ids)
    ] = None,
    ledger: Ledger = None,
    as_json: AsJson = False,
) -> None:
    """Show the goals and what they used, and what belongs to none; or one goal in full."""
    from tallybook.cli.place import here
    from tallybook.cli.render import document, fail_with, warn
    from tallybook.cli.show_text import show_goal, show_state
    from tallybook.domain.problems import Refusal
    from tallybook.reports import contract
    from tallybook.usecases.show import look, pick

    view = look(here(ledger), priced=as_json or goal is not None)
    if goal is not None:
        found = pick(view, goal)
        if isinstance(found, Refusal):
            fail_with(found, json=as_json)
        if as_json:
            content = contract.goal(view.data.state, found, view.data.accounts, view.data.price_of)
            document("goal", {"goal": content, "problems": contract.problems(view.data.problems)})
        else:
            show_goal(view, found)
    elif as_json:
        document("state", contract.state(view.data, view.workflow()))
    else:
        show_state(view)
    warn(view.data.problems)
    view.keep()
