"""`tally continue-task`: close the attempt that runs as failed and open the next."""

from __future__ import annotations

from typing import Annotated

from tallybook.cli.options import AgentName, AllowSecretLike, AsJson, GoalArgument, Ledger, Notes, Quiet, SessionId
from tallybook.cli.parameters import Option
from tallybook.cli.values import ReasonName


def continue_task(
    goal: GoalArgument = None,
    failure_reason: Annotated[
        ReasonName | None, Option("--failure-reason", help="Why the attempt that ends now failed.")
    ] = None,
    notes: Notes = None,
    agent: AgentName = None,
    session: SessionId = None,
    allow_secret_like: AllowSecretLike = False,
    ledger: Ledger = None,
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> None:
    """Begin the next attempt at an open goal; the one before has failed."""
    from tallybook.agents.identity import Flag
    from tallybook.cli.place import here
    from tallybook.cli.task_output import Shown, show_task
    from tallybook.domain.commands import ContinueTask
    from tallybook.usecases.tasks import perform

    reason = None if failure_reason is None else failure_reason.value
    request = ContinueTask(goal, reason, notes, allow_secret_like=allow_secret_like)
    show_task(perform(here(ledger), request, Flag(agent, session)), Shown(as_json, quiet))
