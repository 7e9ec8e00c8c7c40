"""`tally backfill`: find afterwards what goals used that nobody measured."""

from __future__ import annotations

from typing import Annotated

import typer

from tallybook.cli.options import AsJson, Ledger, goal_ids
from tallybook.cli.parameters import Argument, Option
from tallybook.cli.typed import app as command_app

app = command_app()


@app.command()
def backfill(
    goal: Annotated[
        list[str] | None,
        Argument(
            metavar="[GOAL]...",
            help="Closed goals; left out, all that nobody measured.",
            autocompletion=goal_ids,
        ),
    ] = None,
    agent: Annotated[str | None, Option("--agent", metavar="AGENT", help="Only sessions of this agent.")] = None,
    since: Annotated[
        str | None, Option("--since", metavar="DATE", help="Goals that began on this day (or time) or later.")
    ] = None,
    until: Annotated[
        str | None, Option("--until", metavar="DATE", help="Goals that began by this day, or before this time.")
    ] = None,
    limit: Annotated[
        int | None, Option("--limit", min=1, metavar="N", help="At most so many goals, those that began last.")
    ] = None,
    dry_run: Annotated[bool, Option("--dry-run", help="Write nothing, say what would be done.")] = False,
    force: Annotated[bool, Option("--force", help="Measured goals too: take what was missed, or look anew.")] = False,
    ledger: Ledger = None,
    as_json: AsJson = False,
) -> None:
    """Give goals that nobody measured what sessions used at that time, where the history tells whose it was."""
    from tallybook.cli.place import here
    from tallybook.cli.render import document, fail_with, line, warn
    from tallybook.domain.problems import Refusal
    from tallybook.reports import contract
    from tallybook.reports.backfill import backfill_json, backfill_lines
    from tallybook.usecases import backfill as usecase

    request = usecase.Request(tuple(goal or ()), agent, since, until, limit, dry_run=dry_run, force=force)
    done = usecase.backfill(here(ledger), request)
    if isinstance(done, Refusal):
        fail_with(done, json=as_json)
    if as_json:
        rows = [backfill_json(row) for row in done.rows]
        found = contract.problems(done.problems)
        document("backfill", {"goals": [*rows], "found": done.found, "dry_run": dry_run, "problems": found})
    else:
        for row in done.rows:
            for text in backfill_lines(row):
                line(text)
        would = "would be backfilled" if dry_run else "backfilled"
        line(f"{done.found} of {len(done.rows)} {would}")
    warn(done.problems)
    if goal and done.found < len(done.rows):
        raise typer.Exit(1)
