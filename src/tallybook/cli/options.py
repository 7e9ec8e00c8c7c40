"""Options that several commands share, so that they are named and explained once."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from tallybook.agents.registry import ANY
from tallybook.cli.parameters import Argument, Option
from tallybook.cli.values import KindName


def goal_ids(given: Mapping[str, Any], incomplete: str) -> list[tuple[str, str]]:
    """What a shell is offered where a goal is to be named."""
    from tallybook.cli.completing import goal_ids as found

    return found(given, incomplete)


AsJson = Annotated[bool, Option("--json", help="One JSON object on stdout, errors too.")]
Ledger = Annotated[
    Path | None,
    Option("--ledger", metavar="DIR", help="The ledger directory, instead of this repository's own."),
]
Notes = Annotated[str | None, Option("--notes", metavar="TEXT", help="A remark, kept in the ledger.")]
AllowSecretLike = Annotated[
    bool, Option("--allow-secret-like", help="Accept a text that looks like a secret but is none.")
]
GoalArgument = Annotated[
    str | None,
    Argument(
        metavar="[GOAL]",
        help="The goal's id; may be left out when exactly one is open here.",
        autocompletion=goal_ids,
    ),
]
AgentName = Annotated[str | None, Option("--agent", metavar="AGENT", help=f"The agent at work: {ANY}.")]
SessionId = Annotated[str | None, Option("--session", metavar="ID", help="The agent's session, instead of finding it.")]
Title = Annotated[str, Option("--title", metavar="TEXT", help="What is to be done, in a few words.")]
Kind = Annotated[KindName, Option("--kind", help="What sort of work it is.")]
Refs = Annotated[list[str] | None, Option("--ref", metavar="REF", help="An issue or page; repeatable.")]
Untracked = Annotated[bool, Option("--untracked", help="Look for no session; usage is unmeasured.")]
Model = Annotated[str | None, Option("--model", metavar="MODEL", help="The model at work.")]
Supersedes = Annotated[
    str | None,
    Option("--supersedes", metavar="GOAL", help="The closed goal that this one replaces.", autocompletion=goal_ids),
]
InputGoals = Annotated[
    list[str] | None,
    Option("--input", metavar="GOAL", help="A goal whose result goes in; repeatable.", autocompletion=goal_ids),
]
InputSources = Annotated[
    list[str] | None, Option("--input-source", metavar="S", help="A source that goes in; repeatable.")
]
BudgetTokens = Annotated[int | None, Option("--budget-tokens", min=0, metavar="N", help="Tokens that it may use.")]
BudgetUsd = Annotated[str | None, Option("--budget-usd", metavar="X", help="US dollars that it may cost.")]
CheckSource = Annotated[
    str | None, Option("--source-id", metavar="S", help="What a check looks at; its passes are numbered.")
]
Quiet = Annotated[bool, Option("--quiet", short="-q", help="Print the goal id alone.")]

TokensInput = Annotated[
    int | None, Option("--tokens-input", min=0, metavar="N", help="Uncached input tokens, told by hand.")
]
TokensCacheRead = Annotated[
    int | None, Option("--tokens-cache-read", min=0, metavar="N", help="Tokens read from a cache, by hand.")
]
TokensCacheWrite = Annotated[
    int | None, Option("--tokens-cache-write", min=0, metavar="N", help="Tokens written to a cache, by hand.")
]
TokensOutput = Annotated[int | None, Option("--tokens-output", min=0, metavar="N", help="Output tokens, told by hand.")]
TokensReasoning = Annotated[
    int | None, Option("--tokens-reasoning", min=0, metavar="N", help="Of the output, reasoning; by hand.")
]
TokensModel = Annotated[
    str | None, Option("--tokens-model", metavar="MODEL", help="The model that the numbers by hand are of.")
]
SourceId = Annotated[str, Option("--source-id", metavar="S", help="What is looked at; its passes are numbered.")]
PassNumber = Annotated[
    int | None, Option("--pass", min=1, metavar="N", help="The pass over the source, instead of the next one.")
]
Enforce = Annotated[bool, Option("--enforce", help="Exit with 1 when the budget is used up.")]
OpenSince = Annotated[
    str | None, Option("--since", metavar="DATE", help="Goals that were open on this day (or time) or later.")
]
BegunUntil = Annotated[
    str | None, Option("--until", metavar="DATE", help="Goals that began by this day, or before this time.")
]
Kinds = Annotated[
    list[str] | None,
    Option("--kind", metavar="KIND", help="Goals of this kind: product, retro, meta or check; repeatable."),
]
