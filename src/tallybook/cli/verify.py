"""`tally verify`: find every fault of the ledger."""

from __future__ import annotations

from typing import Annotated

import typer

from tallybook.cli.options import AsJson, Ledger
from tallybook.cli.parameters import Option
from tallybook.cli.typed import app as command_app

app = command_app()


@app.command()
def verify(
    against: Annotated[
        str | None,
        Option("--against", metavar="REV", help="Compare with what this commit and those before it say, or a range's."),
    ] = None,
    ledger: Ledger = None,
    as_json: AsJson = False,
) -> None:
    """Check every line, chain, number and link; exit 0 clean, 1 findings, 3 damage before the tail."""
    from tallybook.cli.place import here
    from tallybook.cli.render import fail_with
    from tallybook.cli.verdict import Beside, show_verdict
    from tallybook.domain.problems import Refusal
    from tallybook.usecases.against import against as compare
    from tallybook.usecases.check import check_ledger

    workspace = here(ledger)
    compared = None if against is None else compare(workspace, against)
    if isinstance(compared, Refusal):
        fail_with(compared, json=as_json)
    raise typer.Exit(show_verdict(check_ledger(workspace), json=as_json, beside=Beside(against=compared)))
