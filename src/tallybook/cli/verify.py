"""`tally verify`: find every fault of the ledger."""

from __future__ import annotations

import typer

from tallybook.cli.options import AsJson, Ledger
from tallybook.cli.typed import app as command_app

app = command_app()


@app.command()
def verify(ledger: Ledger = None, as_json: AsJson = False) -> None:
    """Check every line, chain, number and link; exit 0 clean, 1 findings, 3 damage before the tail."""
    from tallybook.cli.place import here
    from tallybook.cli.verdict import show_verdict
    from tallybook.usecases.check import check_ledger

    raise typer.Exit(show_verdict(check_ledger(here(ledger)), json=as_json))
