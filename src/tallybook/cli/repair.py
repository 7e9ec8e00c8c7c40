"""`tally repair`: mend torn tails."""

from __future__ import annotations

import typer

from tallybook.cli.options import AsJson, Ledger
from tallybook.cli.typed import app as command_app

app = command_app()


@app.command()
def repair(ledger: Ledger = None, as_json: AsJson = False) -> None:
    """Move a torn last line into quarantine; nothing that was acknowledged is ever dropped."""
    from tallybook.cli.place import here
    from tallybook.cli.verdict import Beside, show_verdict
    from tallybook.usecases.check import repair_ledger

    repaired, checked = repair_ledger(here(ledger))
    raise typer.Exit(show_verdict(checked, json=as_json, beside=Beside(repaired=repaired)))
