"""`tally import`: what other tools have kept account of."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tallybook.cli.options import AsJson
from tallybook.cli.parameters import Argument, Option
from tallybook.cli.typed import app as command_app

app = command_app()


@app.command()
def import_ledger(
    file: Annotated[Path, Argument(metavar="FILE", help="What `ccusage daily --json` printed, or weekly or monthly.")],
    agent: Annotated[
        str | None, Option("--agent", metavar="AGENT", help="The agent that it is of, where it does not say so.")
    ] = None,
    dry_run: Annotated[bool, Option("--dry-run", help="Tell what would be taken, and write nothing.")] = False,
    as_json: AsJson = False,
) -> None:
    """Take the sums of another tool, for days whose logs are gone; they are never added to what logs tell."""
    from tallybook.cli.place import here
    from tallybook.cli.render import document, fail_with, say, table, warn
    from tallybook.domain.problems import Refusal
    from tallybook.reports import contract
    from tallybook.reports.imported import (
        HEAD,
        NUMBERS,
        imported_cells,
        imported_json,
        imported_line,
        taken_json,
    )
    from tallybook.usecases.import_usage import Request, import_usage

    found = import_usage(here(), Request(file, agent, dry_run))
    if isinstance(found, Refusal):
        fail_with(found, json=as_json)
    taken = found.taken
    if as_json:
        content = {"dry_run": dry_run, "taken": taken_json(taken), "imported": imported_json(found.sums)}
        document("import", {**content, "problems": contract.problems(found.problems)})
    else:
        table(HEAD, [imported_cells(one) for one in found.gone], NUMBERS)
        would = "would be " if dry_run else ""
        say(f"{taken.new} {would}new, {taken.grown} grown, {taken.known} known already, {len(taken.refused)} refused")
        for why in (*taken.refused, imported_line(found.sums)):
            say(f"  {why}")
    warn(found.problems)
    if taken.refused:
        raise typer.Exit(1)
