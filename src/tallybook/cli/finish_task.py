"""`tally finish-task`: close a goal, or correct the outcome of one that is closed."""

from __future__ import annotations

from typing import Annotated

from tallybook.cli.options import (
    AgentName,
    AllowSecretLike,
    AsJson,
    Enforce,
    GoalArgument,
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
from tallybook.cli.values import FitName, OutcomeName, ReasonName, by_hand


def finish_task(
    status: Annotated[OutcomeName, Option("--status", help="How it ended.")],
    goal: GoalArgument = None,
    failure_reason: Annotated[
        ReasonName | None, Option("--failure-reason", help="Why it failed; needed with --status fail.")
    ] = None,
    result_fit: Annotated[
        FitName | None, Option("--result-fit", help="How well the result fits; product goals only.")
    ] = None,
    notes: Notes = None,
    finished_at: Annotated[
        str | None, Option("--finished-at", metavar="TIME", help="When it ended, ISO 8601 with a zone.")
    ] = None,
    amend: Annotated[
        bool, Option("--amend", help="Correct a closed goal; the outcome before stays in the ledger.")
    ] = False,
    tokens_input: TokensInput = None,
    tokens_cache_read: TokensCacheRead = None,
    tokens_cache_write: TokensCacheWrite = None,
    tokens_output: TokensOutput = None,
    tokens_reasoning: TokensReasoning = None,
    tokens_model: TokensModel = None,
    enforce: Enforce = False,
    agent: AgentName = None,
    session: SessionId = None,
    allow_secret_like: AllowSecretLike = False,
    ledger: Ledger = None,
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> None:
    """Close a goal; what the agent uses from now on is not its own any more."""
    from tallybook.agents.identity import Flag
    from tallybook.cli.place import here
    from tallybook.cli.task_output import Shown, show_task
    from tallybook.domain.commands import FinishTask
    from tallybook.usecases.tasks import perform

    counts = (tokens_input, tokens_cache_read, tokens_cache_write, tokens_output, tokens_reasoning)
    request = FinishTask(
        status=status.value,
        goal=goal,
        failure_reason=None if failure_reason is None else failure_reason.value,
        result_fit=None if result_fit is None else result_fit.value,
        notes=notes,
        finished_at=finished_at,
        amend=amend,
        manual=by_hand(counts, tokens_model),
        allow_secret_like=allow_secret_like,
    )
    show_task(perform(here(ledger), request, Flag(agent, session)), Shown(as_json, quiet, enforce))
