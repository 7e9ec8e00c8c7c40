"""`tally history`: the store of all responses by itself."""

from __future__ import annotations

from tallybook.cli import history_stages
from tallybook.cli.typed import app as command_app

app = command_app()


@app.callback()
def history() -> None:
    """Bring the history of all responses up to date, stage by stage."""


app.command("update")(history_stages.update)
app.command("ingest")(history_stages.ingest)
app.command("classify")(history_stages.classify)
app.command("derive")(history_stages.derive)
