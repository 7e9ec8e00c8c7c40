"""`tally mark`: close a stage."""

from __future__ import annotations

from typing import Annotated

from tallybook.cli.options import (
    AgentName,
    AllowSecretLike,
    AsJson,
    Enforce,
    Ledger,
    Notes,
    Quiet,
    SessionId,
    goal_ids,
)
from tallybook.cli.parameters import Argument, Option


def mark(
    stage: Annotated[str, Argument(metavar="STAGE", help="What the part of the work was that ends now.")],
    goal: Annotated[
        str | None,
        Option(
            "--goal", metavar="GOAL", help="The goal's id; left out when one is open here.", autocompletion=goal_ids
        ),
    ] = None,
    notes: Notes = None,
    key: Annotated[
        str | None, Option("--key", metavar="K", help="A second mark with this key changes nothing.")
    ] = None,
    enforce: Enforce = False,
    agent: AgentName = None,
    session: SessionId = None,
    allow_secret_like: AllowSecretLike = False,
    ledger: Ledger = None,
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> None:
    """Close a stage: it gets the tokens since the mark before, or since the start."""
    from tallybook.agents.identity import Flag
    from tallybook.cli.place import here
    from tallybook.cli.task_output import Shown, show_task
    from tallybook.domain.commands import MarkStage
    from tallybook.usecases.tasks import perform

    request = MarkStage(stage, goal, notes, key, allow_secret_like=allow_secret_like)
    show_task(perform(here(ledger), request, Flag(agent, session)), Shown(as_json, quiet, enforce))
