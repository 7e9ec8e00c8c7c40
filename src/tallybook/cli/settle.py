"""`tally settle`: state boundaries anew whose response was logged late."""

from __future__ import annotations

from tallybook.cli.options import AsJson, Ledger
from tallybook.cli.typed import app as command_app

app = command_app()


@app.command()
def settle(ledger: Ledger = None, as_json: AsJson = False) -> None:
    """Put each response before the command that it issued, where the agent logged it afterwards."""
    from tallybook.cli.place import here
    from tallybook.cli.render import document, line, warn
    from tallybook.reports import contract
    from tallybook.usecases.settle import settle_all

    result = settle_all(here(ledger))
    if as_json:
        found = contract.problems(result.problems)
        document("settle", {"settled": result.settled, "pending": result.pending, "problems": found})
    else:
        line(f"{result.settled} settled, {result.pending} still pending")
    warn(result.problems)
