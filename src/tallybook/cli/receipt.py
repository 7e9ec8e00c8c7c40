"""`tally receipt`: what a change cost, as one block of Markdown."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tallybook.cli.options import AsJson, Ledger
from tallybook.cli.parameters import Argument, Option
from tallybook.cli.typed import app as command_app

app = command_app()


@app.command()
def receipt(
    change: Annotated[
        str | None,
        Argument(metavar="[RANGE|PR]", help="Such as origin/main..HEAD, or #12; else what the main line lacks."),
    ] = None,
    check: Annotated[bool, Option("--check", help="Exit 1 if a budget of its goals is exceeded.")] = False,
    output: Annotated[
        Path | None, Option("--output", short="-o", metavar="FILE", help="Write it there, not to stdout.")
    ] = None,
    ledger: Ledger = None,
    as_json: AsJson = False,
) -> None:
    """Tell what a range of commits or a pull request cost: goals, stages, tokens, money, failed attempts, sessions."""
    from tallybook.cli.place import here
    from tallybook.cli.render import document, fail_with, raw, say, warn
    from tallybook.domain.problems import Refusal
    from tallybook.reports import contract
    from tallybook.reports.receipt import block, receipt_json
    from tallybook.usecases.receipt import receipt as look_up
    from tallybook.usecases.write_file import write_if_changed

    found = look_up(here(ledger), change)
    if isinstance(found, Refusal):
        fail_with(found, json=as_json)
    if output is not None:
        changed = write_if_changed(output, block(found))
        say(f"{output}: {'written' if changed else 'unchanged'}")
    if as_json:
        document("receipt", {**receipt_json(found), "problems": contract.problems(found.problems)})
    elif output is None:
        raw(block(found))
    warn(found.problems)
    if check and found.exceeded:
        say(f"a budget is exceeded: {', '.join(found.exceeded)}")
        raise typer.Exit(1)
