"""`tally doctor`: run what a task would need, and say what is wrong with it."""

from __future__ import annotations

import typer

from tallybook.cli.options import AsJson, Ledger
from tallybook.cli.typed import app as command_app

app = command_app()


@app.command()
def doctor(ledger: Ledger = None, as_json: AsJson = False) -> None:
    """Try everything that tally stands on: ledger, lock, hooks, logs, store, git; exit 1 if something is wrong."""
    from tallybook.cli.doctor_output import show_examination
    from tallybook.cli.place import here
    from tallybook.usecases.doctor.examination import examine

    raise typer.Exit(show_examination(examine(here(ledger)), json=as_json))
