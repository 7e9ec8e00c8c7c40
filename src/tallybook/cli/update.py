"""`tally update`: give fields of a goal new values."""

from __future__ import annotations

from typing import Annotated

from tallybook.cli.options import (
    AgentName,
    AllowSecretLike,
    AsJson,
    GoalArgument,
    InputGoals,
    InputSources,
    Ledger,
    Notes,
    Quiet,
    SessionId,
    TokensCacheRead,
    TokensCacheWrite,
    TokensInput,
    TokensModel,
    TokensOutput,
    TokensReasoning,
)
from tallybook.cli.parameters import Option
from tallybook.cli.typed import app as command_app
from tallybook.cli.values import FitName, by_hand

app = command_app()


@app.command()
def update(
    goal: GoalArgument = None,
    title: Annotated[str | None, Option("--title", metavar="TEXT", help="The new title.")] = None,
    notes: Notes = None,
    result_fit: Annotated[
        FitName | None, Option("--result-fit", help="How well the result fits; closed product goals only.")
    ] = None,
    model: Annotated[str | None, Option("--model", metavar="MODEL", help="The model at work.")] = None,
    ref: Annotated[list[str] | None, Option("--ref", metavar="REF", help="One more reference; repeatable.")] = None,
    input_goal: InputGoals = None,
    input_source: InputSources = None,
    tokens_input: TokensInput = None,
    tokens_cache_read: TokensCacheRead = None,
    tokens_cache_write: TokensCacheWrite = None,
    tokens_output: TokensOutput = None,
    tokens_reasoning: TokensReasoning = None,
    tokens_model: TokensModel = None,
    agent: AgentName = None,
    session: SessionId = None,
    allow_secret_like: AllowSecretLike = False,
    ledger: Ledger = None,
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> None:
    """Give a goal new values, add references and inputs, or tell its tokens by hand; old values stay in the ledger."""
    from tallybook.agents.identity import Flag
    from tallybook.cli.place import here
    from tallybook.cli.task_output import Shown, show_task
    from tallybook.domain.commands import Changes, UpdateTask
    from tallybook.usecases.tasks import perform

    changes = Changes(
        title=title,
        notes=notes,
        result_fit=None if result_fit is None else result_fit.value,
        model=model,
        refs=tuple(ref or ()),
        inputs=tuple(input_goal or ()),
        input_sources=tuple(input_source or ()),
    )
    counts = (tokens_input, tokens_cache_read, tokens_cache_write, tokens_output, tokens_reasoning)
    request = UpdateTask(changes, goal, by_hand(counts, tokens_model), allow_secret_like=allow_secret_like)
    show_task(perform(here(ledger), request, Flag(agent, session)), Shown(as_json, quiet))
