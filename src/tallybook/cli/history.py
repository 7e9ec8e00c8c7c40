"""`tally history`: the store of all responses, by itself and beside the ledger."""

from __future__ import annotations

from tallybook.cli import history_audit, history_compare, history_stages
from tallybook.cli.typed import app as command_app

app = command_app()


@app.callback()
def history() -> None:
    """Bring the history of all responses up to date, compare it with the ledger, and audit goals."""


app.command("update")(history_stages.update)
app.command("ingest")(history_stages.ingest)
app.command("classify")(history_stages.classify)
app.command("derive")(history_stages.derive)
app.command("compare")(history_compare.compare)
app.command("audit")(history_audit.audit)
