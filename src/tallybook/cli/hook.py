"""`tally hook`: shown in the help; what git and agents call never comes this way."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from tallybook.cli.parameters import Argument
from tallybook.cli.typed import app as command_app

app = command_app()


@app.command()
def hook(
    name: Annotated[
        str,
        Argument(
            help="commit-msg, prepare-commit-msg, pre-commit, pre-push or post-merge; session-start or session-end."
        ),
    ],
    arguments: Annotated[list[str] | None, Argument(help="What git hands to the hook; the name of the agent.")] = None,
) -> None:
    """Do the work of one hook of git (`tally hooks install`) or of an agent (`tally agent install`)."""
    from tallybook.cli import session_end
    from tallybook.hooks.main import main

    if name == session_end.NAME:
        raise typer.Exit(session_end.main(arguments or (), os.environ))
    raise typer.Exit(main([name, *(arguments or ())], os.environ))
