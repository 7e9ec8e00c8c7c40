"""`tally report`: the whole ledger as a document."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

from tallybook.cli.options import AsJson, Ledger
from tallybook.cli.parameters import Option
from tallybook.cli.typed import app as command_app

app = command_app()


class ReportFormat(StrEnum):
    """What the document is written in."""

    MD = "md"


@app.command()
def report(
    form: Annotated[ReportFormat, Option("--format", help="What it is written in.")] = ReportFormat.MD,
    output: Annotated[
        Path | None, Option("--output", short="-o", metavar="FILE", help="Write it there, not to stdout.")
    ] = None,
    dry_run: Annotated[bool, Option("--dry-run", help="With --output: write nothing, say what would be.")] = False,
    ledger: Ledger = None,
    as_json: AsJson = False,
) -> None:
    """Write the report: goals, attempts, stages, models, remainder, each number with its quality."""
    from tallybook.cli.place import here
    from tallybook.cli.render import document, raw, say, warn
    from tallybook.reports import contract, markdown
    from tallybook.usecases.show import look
    from tallybook.usecases.write_file import write_if_changed

    del form  # one format so far
    view = look(here(ledger))
    text = markdown.render(view.data)
    if output is not None:
        changed = write_if_changed(output, text, dry_run=dry_run)
        say(f"{output}: {('would be written' if dry_run else 'written') if changed else 'unchanged'}")
    if as_json:
        shown = None if output is not None else text
        document("report", {"markdown": shown, **contract.state(view.data, view.workflow())})
    elif output is None:
        raw(text)
    warn(view.data.problems)
    view.keep()
