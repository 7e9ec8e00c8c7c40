"""`tally reconcile`: our sums beside those of another tool."""

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
    file: Annotated[Path, Argument(metavar="FILE", help="What `ccusage daily --json` printed, or another view.")],
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
    """Compare the history with a report of ccusage, cell by cell; exit 1 where a difference has no known cause."""
    from tallybook.cli.place import here
    from tallybook.cli.render import document, fail_with, line, table, warn
    from tallybook.domain.problems import Refusal
    from tallybook.reports import contract
    from tallybook.reports.reconcile import NUMBERS, cells, reconciled_json
    from tallybook.usecases.reconcile import reconcile_file
    from tallybook.usecases.usage import Request

    request = Request(since=since, until=until, timezone=timezone, update=not no_update)
    done = reconcile_file(here(), file, request)
    if isinstance(done, Refusal):
        fail_with(done, json=as_json)
    found = done.found
    if as_json:
        document("reconcile", {**reconciled_json(found), "problems": contract.problems(done.problems)})
    else:
        if found.cells:
            head = ("period", "model", *NUMBERS, "cause")
            table(head, [cells(cell) for cell in found.cells], frozenset(NUMBERS))
        line(f"{found.equal:,} equal, {len(found.cells):,} different, {found.unexplained:,} of them unexplained")
        line(f"in all {found.ours.total:,} tokens, in the report {found.theirs.total:,}")
    warn(done.problems)
    if found.unexplained:
        raise typer.Exit(1)
