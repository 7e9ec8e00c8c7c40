"""Options that several commands share, so that they are named and explained once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

AsJson = Annotated[bool, typer.Option("--json", help="One JSON object on stdout, errors too.")]
Ledger = Annotated[
    Path | None,
    typer.Option("--ledger", metavar="DIR", help="The ledger directory, instead of this repository's own."),
]
Notes = Annotated[str | None, typer.Option("--notes", metavar="TEXT", help="A remark, kept in the ledger.")]
AllowSecretLike = Annotated[
    bool, typer.Option("--allow-secret-like", help="Accept a text that looks like a secret but is none.")
]
GoalArgument = Annotated[
    str | None,
    typer.Argument(metavar="[GOAL]", help="The goal's id; may be left out when exactly one is open here."),
]
AgentName = Annotated[str | None, typer.Option("--agent", metavar="AGENT", help="The agent at work: claude or codex.")]
SessionId = Annotated[
    str | None, typer.Option("--session", metavar="ID", help="The agent's session, instead of finding it.")
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print the goal id alone.")]


def app() -> typer.Typer:
    """A command's own application."""
    return typer.Typer(
        add_completion=False,
        rich_markup_mode=None,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
