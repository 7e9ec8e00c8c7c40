"""`tally reconcile`: our sums beside those of another tool, or of agents themselves."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tallybook.cli.options import AsJson
from tallybook.cli.parameters import Argument, Option
from tallybook.cli.typed import app as command_app

app = command_app()


@app.command()
def reconcile(
    file: Annotated[
        Path | None,
        Argument(metavar="[FILE]", help="What `ccusage daily --json` printed, or another view; else agents' counters."),
    ] = None,
    since: Annotated[str | None, Option("--since", metavar="DATE", help="This day (or time) and later.")] = None,
    until: Annotated[
        str | None, Option("--until", metavar="DATE", help="Up to the end of this day, or before this time.")
    ] = None,
    timezone: Annotated[
        str | None, Option("--timezone", metavar="ZONE", help="The one that the report was made in; else local.")
    ] = None,
    no_update: Annotated[bool, Option("--no-update", help="Read no logs; compare what is stored.")] = False,
    as_json: AsJson = False,
) -> None:
    """Compare the history with agents' own counters, or with a report of ccusage; exit 1 for what is unexplained."""
    from tallybook.cli.place import here
    from tallybook.cli.reconcile_output import show_agents, show_report
    from tallybook.cli.render import fail_with
    from tallybook.domain.problems import Refusal
    from tallybook.usecases.reconcile import reconcile_agents, reconcile_file
    from tallybook.usecases.usage import Request

    if file is None:
        if since or until or timezone:
            hint = "--since, --until and --timezone are of a report: tally reconcile FILE"
            fail_with(Refusal("no-report", "counters of agents have no days", hint, usage=True), json=as_json)
        unexplained = show_agents(reconcile_agents(here(), update=not no_update), json=as_json)
    else:
        done = reconcile_file(here(), file, Request(since=since, until=until, timezone=timezone, update=not no_update))
        if isinstance(done, Refusal):
            fail_with(done, json=as_json)
        unexplained = show_report(done, json=as_json)
    if unexplained:
        raise typer.Exit(1)
