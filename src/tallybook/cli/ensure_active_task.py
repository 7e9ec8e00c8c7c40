"""`tally ensure-active-task`: draft a goal for work that was started without one."""

from __future__ import annotations

from tallybook.cli.options import AgentName, AllowSecretLike, AsJson, Ledger, Notes, Quiet, SessionId
from tallybook.cli.typed import app as command_app

app = command_app()


@app.command()
def ensure_active_task(
    notes: Notes = None,
    agent: AgentName = None,
    session: SessionId = None,
    allow_secret_like: AllowSecretLike = False,
    ledger: Ledger = None,
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> None:
    """Draft a goal where changes or commits were made without one; else say which goal is open."""
    from tallybook.agents.identity import Flag
    from tallybook.cli.place import here
    from tallybook.cli.task_output import Shown, show_task
    from tallybook.clock import goal_id
    from tallybook.domain.commands import EnsureTask
    from tallybook.usecases.tasks import perform

    workspace = here(ledger)
    new = goal_id(workspace.clock.now(), workspace.ids)
    request = EnsureTask(new, notes, allow_secret_like=allow_secret_like)
    show_task(perform(workspace, request, Flag(agent, session)), Shown(as_json, quiet))
