"""Options that several commands share, so that they are named and explained once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tallybook.agents.registry import ANY
from tallybook.cli.values import KindName


def goal_ids(ctx: typer.Context, incomplete: str) -> list[tuple[str, str]]:
    """What a shell is offered where a goal is to be named."""
    from tallybook.cli.completing import goal_ids as found

    return found(ctx, incomplete)


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
    typer.Argument(
        metavar="[GOAL]",
        help="The goal's id; may be left out when exactly one is open here.",
        autocompletion=goal_ids,
    ),
]
AgentName = Annotated[str | None, typer.Option("--agent", metavar="AGENT", help=f"The agent at work: {ANY}.")]
SessionId = Annotated[
    str | None, typer.Option("--session", metavar="ID", help="The agent's session, instead of finding it.")
]
Title = Annotated[str, typer.Option("--title", metavar="TEXT", help="What is to be done, in a few words.")]
Kind = Annotated[KindName, typer.Option("--kind", help="What sort of work it is.")]
Refs = Annotated[list[str] | None, typer.Option("--ref", metavar="REF", help="An issue or page; repeatable.")]
Untracked = Annotated[bool, typer.Option("--untracked", help="Look for no session; usage is unmeasured.")]
Model = Annotated[str | None, typer.Option("--model", metavar="MODEL", help="The model at work.")]
Supersedes = Annotated[
    str | None,
    typer.Option(
        "--supersedes", metavar="GOAL", help="The closed goal that this one replaces.", autocompletion=goal_ids
    ),
]
InputGoals = Annotated[
    list[str] | None,
    typer.Option("--input", metavar="GOAL", help="A goal whose result goes in; repeatable.", autocompletion=goal_ids),
]
InputSources = Annotated[
    list[str] | None, typer.Option("--input-source", metavar="S", help="A source that goes in; repeatable.")
]
BudgetTokens = Annotated[
    int | None, typer.Option("--budget-tokens", min=0, metavar="N", help="Tokens that it may use.")
]
BudgetUsd = Annotated[str | None, typer.Option("--budget-usd", metavar="X", help="US dollars that it may cost.")]
CheckSource = Annotated[
    str | None, typer.Option("--source-id", metavar="S", help="What a check looks at; its passes are numbered.")
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print the goal id alone.")]

TokensInput = Annotated[
    int | None, typer.Option("--tokens-input", min=0, metavar="N", help="Uncached input tokens, told by hand.")
]
TokensCacheRead = Annotated[
    int | None, typer.Option("--tokens-cache-read", min=0, metavar="N", help="Tokens read from a cache, by hand.")
]
TokensCacheWrite = Annotated[
    int | None, typer.Option("--tokens-cache-write", min=0, metavar="N", help="Tokens written to a cache, by hand.")
]
TokensOutput = Annotated[
    int | None, typer.Option("--tokens-output", min=0, metavar="N", help="Output tokens, told by hand.")
]
TokensReasoning = Annotated[
    int | None, typer.Option("--tokens-reasoning", min=0, metavar="N", help="Of the output, reasoning; by hand.")
]
TokensModel = Annotated[
    str | None, typer.Option("--tokens-model", metavar="MODEL", help="The model that the numbers by hand are of.")
]
SourceId = Annotated[str, typer.Option("--source-id", metavar="S", help="What is looked at; its passes are numbered.")]
PassNumber = Annotated[
    int | None, typer.Option("--pass", min=1, metavar="N", help="The pass over the source, instead of the next one.")
]
Enforce = Annotated[bool, typer.Option("--enforce", help="Exit with 1 when the budget is used up.")]


def app() -> typer.Typer:
    """A command's own application."""
    return typer.Typer(
        add_completion=False,
        rich_markup_mode=None,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
