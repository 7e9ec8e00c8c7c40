"""`tally hook`: shown in the help; what git calls never comes this way."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from tallybook.cli.options import app as command_app

app = command_app()


@app.command()
def hook(
    name: Annotated[str, typer.Argument(help="commit-msg, prepare-commit-msg, pre-commit or pre-push.")],
    arguments: Annotated[list[str] | None, typer.Argument(help="What git hands to the hook.")] = None,
) -> None:
    """Do the work of one git hook; `tally hooks install` has git call it."""
    from tallybook.hooks.main import main

    raise typer.Exit(main([name, *(arguments or ())], os.environ))
