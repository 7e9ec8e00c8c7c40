"""`tally merge-tasks`: count two goals as one."""

from __future__ import annotations

from typing import Annotated

from tallybook.cli.options import AgentName, AsJson, Ledger, Quiet, SessionId, goal_ids
from tallybook.cli.parameters import Option
from tallybook.cli.typed import app as command_app

app = command_app()


@app.command()
def merge_tasks(
    keep: Annotated[str, Option("--keep", metavar="GOAL", help="The goal that goes on.", autocompletion=goal_ids)],
    drop: Annotated[
        str,
        Option("--drop", metavar="GOAL", help="The goal that is counted with it from now on.", autocompletion=goal_ids),
    ],
    agent: AgentName = None,
    session: SessionId = None,
    ledger: Ledger = None,
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> None:
    """Count one goal with another: its attempts, stages and tokens show up there, and nothing is counted twice."""
    from tallybook.agents.identity import Flag
    from tallybook.cli.place import here
    from tallybook.cli.task_output import Shown, show_task
    from tallybook.domain.commands import MergeTasks
    from tallybook.usecases.tasks import perform

    show_task(perform(here(ledger), MergeTasks(keep, drop), Flag(agent, session)), Shown(as_json, quiet))
