"""`tally check`: passes over a source, as goals of the kind check."""

from __future__ import annotations

from typing import Annotated

from tallybook.cli import check_add
from tallybook.cli.options import (
    AgentName,
    AllowSecretLike,
    AsJson,
    InputGoals,
    InputSources,
    Ledger,
    Notes,
    PassNumber,
    Quiet,
    SessionId,
    SourceId,
    goal_ids,
)
from tallybook.cli.parameters import Option
from tallybook.cli.typed import app as command_app
from tallybook.cli.values import CheckOutcome, ReasonName

app = command_app()
CheckId = Annotated[
    str | None,
    Option("--id", metavar="GOAL", help="The check; left out when one is open here.", autocompletion=goal_ids),
]


@app.callback()
def check() -> None:
    """Keep account of checks: numbered passes over a source, each with its stages and tokens."""


@app.command()
def start(
    source_id: SourceId,
    agent: AgentName = None,
    session: SessionId = None,
    model: Annotated[str | None, Option("--model", metavar="MODEL", help="The model at work.")] = None,
    pass_number: PassNumber = None,
    notes: Notes = None,
    allow_secret_like: AllowSecretLike = False,
    ledger: Ledger = None,
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> None:
    """Open the next pass over a source: from now on this session's tokens belong to it."""
    from tallybook.agents.identity import Flag
    from tallybook.cli.place import here
    from tallybook.cli.task_output import Shown, show_task
    from tallybook.usecases.checks import NewCheck, started
    from tallybook.usecases.tasks import perform

    workspace = here(ledger)
    new = NewCheck(source_id, pass_number, agent, model, notes, allow_secret_like=allow_secret_like)
    show_task(perform(workspace, started(workspace, new), Flag(agent, session)), Shown(as_json, quiet))


@app.command()
def mark(
    stage: Annotated[str, Option("--stage", metavar="NAME", help="What the part was that ends now.")],
    goal: CheckId = None,
    notes: Notes = None,
    agent: AgentName = None,
    session: SessionId = None,
    allow_secret_like: AllowSecretLike = False,
    ledger: Ledger = None,
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> None:
    """Close a stage of a check."""
    from tallybook.agents.identity import Flag
    from tallybook.cli.place import here
    from tallybook.cli.task_output import Shown, show_task
    from tallybook.domain.commands import MarkStage
    from tallybook.usecases.tasks import perform

    request = MarkStage(stage, goal, notes, kind="check", allow_secret_like=allow_secret_like)
    show_task(perform(here(ledger), request, Flag(agent, session)), Shown(as_json, quiet))


@app.command()
def complete(
    goal: CheckId = None,
    status: Annotated[CheckOutcome, Option("--status", help="How it ended.")] = CheckOutcome.COMPLETED,
    failure_reason: Annotated[
        ReasonName | None, Option("--failure-reason", help="Why it failed; with --status failed, else other.")
    ] = None,
    notes: Notes = None,
    claims_extracted: check_add.Extracted = None,
    claims_updated: check_add.Updated = None,
    input_goal: InputGoals = None,
    input_source: InputSources = None,
    agent: AgentName = None,
    session: SessionId = None,
    allow_secret_like: AllowSecretLike = False,
    ledger: Ledger = None,
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> None:
    """Close a check, with what it found and what went into it."""
    from tallybook.agents.identity import Flag
    from tallybook.cli.place import here
    from tallybook.cli.task_output import Shown, show_task
    from tallybook.domain.commands import Changes, FinishTask
    from tallybook.usecases.tasks import perform

    changes = Changes(
        inputs=tuple(input_goal or ()),
        input_sources=tuple(input_source or ()),
        claims_extracted=claims_extracted,
        claims_updated=claims_updated,
    )
    request = FinishTask(
        status=status.status,
        goal=goal,
        failure_reason=check_add.reason(status, failure_reason),
        notes=notes,
        changes=changes,
        kind="check",
        allow_secret_like=allow_secret_like,
    )
    show_task(perform(here(ledger), request, Flag(agent, session)), Shown(as_json, quiet))


app.command("add")(check_add.add)


@app.command("list")
def list_checks(
    source_id: Annotated[str | None, Option("--source-id", metavar="S", help="Only of this source.")] = None,
    ledger: Ledger = None,
    as_json: AsJson = False,
) -> None:
    """List checks by source and pass."""
    from tallybook.cli.place import here
    from tallybook.cli.render import document, table, warn
    from tallybook.reports import contract
    from tallybook.reports.checks import HEAD, NUMBERS, check_cells
    from tallybook.usecases import checks

    found = checks.listed(here(ledger), source_id)
    if as_json:
        rows = [contract.goal(found.state, goal, found.accounts, found.book.of_class) for goal in found.goals]
        found.book.keep()
        document("checks", {"checks": [*rows], "problems": contract.problems(found.problems)})
    else:
        table(HEAD, [check_cells(goal, found.accounts) for goal in found.goals], NUMBERS)
    warn(found.problems)
