"""`tally budget`: what a goal or one of its stages may use."""

from __future__ import annotations

from typing import Annotated

from tallybook.cli.options import AgentName, AllowSecretLike, AsJson, GoalArgument, Ledger, Quiet, SessionId, goal_ids
from tallybook.cli.parameters import Argument, Option
from tallybook.cli.typed import app as command_app
from tallybook.cli.values import nano_usd

app = command_app()


@app.callback()
def budget() -> None:
    """Set what a goal or a stage may use, and see what is left; mark and finish-task warn at 80 and 100 percent."""


@app.command("set")
def set_budget(
    goal: GoalArgument = None,
    tokens: Annotated[int | None, Option("--tokens", min=0, metavar="N", help="Tokens that it may use.")] = None,
    usd: Annotated[str | None, Option("--usd", metavar="X", help="US dollars that it may cost.")] = None,
    stage: Annotated[str | None, Option("--stage", metavar="STAGE", help="For this stage alone.")] = None,
    clear: Annotated[bool, Option("--clear", help="Take the budget away.")] = False,
    agent: AgentName = None,
    session: SessionId = None,
    allow_secret_like: AllowSecretLike = False,
    ledger: Ledger = None,
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> None:
    """Set the budget of an open goal; a number that is not given stays as it is."""
    from tallybook.agents.identity import Flag
    from tallybook.cli.place import here
    from tallybook.cli.task_output import Shown, show_task
    from tallybook.domain.commands import SetBudget
    from tallybook.usecases.tasks import perform

    money = None if usd is None else nano_usd(usd, "--usd")
    request = SetBudget(goal, stage, tokens, money, clear, allow_secret_like=allow_secret_like)
    show_task(perform(here(ledger), request, Flag(agent, session)), Shown(as_json, quiet))


@app.command()
def show(
    goal: Annotated[
        str | None,
        Argument(metavar="[GOAL]", help="Only this goal's; else those of all.", autocompletion=goal_ids),
    ] = None,
    ledger: Ledger = None,
    as_json: AsJson = False,
) -> None:
    """Show budgets and what is used of them."""
    from tallybook.cli.place import here
    from tallybook.cli.render import document, fail_with, table, warn
    from tallybook.domain.problems import Refusal
    from tallybook.reports import contract
    from tallybook.reports.budgets import HEAD, NUMBERS, budget_cells, budget_json
    from tallybook.usecases.budgets import list_budgets

    found = list_budgets(here(ledger), goal)
    if isinstance(found, Refusal):
        fail_with(found, json=as_json)
    if as_json:
        rows = [budget_json(row) for row in found.rows]
        document("budgets", {"budgets": [*rows], "problems": contract.problems(found.problems)})
    else:
        table(HEAD, [budget_cells(row) for row in found.rows], NUMBERS)
    warn(found.problems)
