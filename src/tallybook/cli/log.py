"""`tally log`: what happened, newest first."""

from __future__ import annotations

from typing import Annotated

from tallybook.cli.options import AsJson, Ledger, goal_ids
from tallybook.cli.parameters import Option
from tallybook.cli.typed import app as command_app

app = command_app()


@app.command()
def log(
    goal: Annotated[
        str | None, Option("--goal", metavar="GOAL", help="Only events of this goal.", autocompletion=goal_ids)
    ] = None,
    limit: Annotated[int, Option("--limit", min=1, metavar="N", help="At most so many.")] = 50,
    ledger: Ledger = None,
    as_json: AsJson = False,
) -> None:
    """List the events of the ledger, newest first."""
    from tallybook.cli.place import here
    from tallybook.cli.render import document, fail_with, table, warn
    from tallybook.reports import contract
    from tallybook.reports.events import event_cells, event_json
    from tallybook.reports.vectors import Json
    from tallybook.usecases.show import unknown_goal

    workspace = here(ledger)
    found = workspace.replay()
    known = {event.goal for event in found.reading.events}
    if goal is not None and goal not in known:
        fail_with(unknown_goal(goal), json=as_json)
    problems = (*workspace.problems, *found.problems)
    events = [event for event in reversed(found.reading.events) if goal is None or event.goal == goal][:limit]
    if as_json:
        rows: list[Json] = [event_json(event) for event in events]
        document("log", {"events": rows, "problems": contract.problems(problems)})
    else:
        table(("time", "goal", "event", "what"), [event_cells(event) for event in events])
    warn(problems)
