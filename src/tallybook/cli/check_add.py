"""`tally check add`: record a check that is over, from numbers or from a log."""

from __future__ import annotations

from typing import Annotated

from tallybook.cli.options import (
    AllowSecretLike,
    AsJson,
    InputGoals,
    InputSources,
    Ledger,
    Notes,
    PassNumber,
    Quiet,
    SessionId,
    SourceId,
    TokensCacheRead,
    TokensCacheWrite,
    TokensInput,
    TokensOutput,
    TokensReasoning,
)
from tallybook.cli.parameters import BadValueError, Option
from tallybook.cli.values import CheckOutcome, ReasonName, by_hand

Extracted = Annotated[
    int | None, Option("--claims-extracted", min=0, metavar="N", help="Statements taken from the source.")
]
Updated = Annotated[
    int | None, Option("--claims-updated", min=0, metavar="N", help="Known statements that were changed.")
]


def add(
    source_id: SourceId,
    usage_from: Annotated[
        str | None, Option("--usage-from", metavar="AGENT:PATH", help="Take the tokens from this session log.")
    ] = None,
    session: SessionId = None,
    tokens_input: TokensInput = None,
    tokens_cache_read: TokensCacheRead = None,
    tokens_cache_write: TokensCacheWrite = None,
    tokens_output: TokensOutput = None,
    tokens_reasoning: TokensReasoning = None,
    agent: Annotated[str | None, Option("--agent", metavar="AGENT", help="The agent that was at work.")] = None,
    model: Annotated[str | None, Option("--model", metavar="MODEL", help="The model that was at work.")] = None,
    pass_number: PassNumber = None,
    status: Annotated[CheckOutcome, Option("--status", help="How it ended.")] = CheckOutcome.COMPLETED,
    failure_reason: Annotated[
        ReasonName | None, Option("--failure-reason", help="Why it failed; with --status failed, else other.")
    ] = None,
    notes: Notes = None,
    claims_extracted: Extracted = None,
    claims_updated: Updated = None,
    input_goal: InputGoals = None,
    input_source: InputSources = None,
    started_at: Annotated[
        str | None, Option("--started-at", metavar="TIME", help="When it began, ISO 8601 with a zone.")
    ] = None,
    finished_at: Annotated[
        str | None, Option("--finished-at", metavar="TIME", help="When it ended, ISO 8601 with a zone.")
    ] = None,
    allow_secret_like: AllowSecretLike = False,
    ledger: Ledger = None,
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> None:
    """Record a check that is over in one step, its tokens by hand or from the log of its session."""
    from tallybook.cli.place import here
    from tallybook.cli.task_output import Shown, show_task
    from tallybook.domain.commands import AddCheck, Changes, FinishTask
    from tallybook.usecases.checks import NewCheck, add_check, started

    counts = (tokens_input, tokens_cache_read, tokens_cache_write, tokens_output, tokens_reasoning)
    manual = by_hand(counts, None)
    if usage_from is None and session is not None:
        message = "it names a session of the log that --usage-from gives"
        raise BadValueError(message, "--session")
    workspace = here(ledger)
    new = NewCheck(source_id, pass_number, agent, model, notes, started_at, allow_secret_like=allow_secret_like)
    finish = FinishTask(
        status=status.status,
        failure_reason=reason(status, failure_reason),
        finished_at=finished_at,
        manual=None if manual is None else by_hand(counts, model),
        changes=Changes(claims_extracted=claims_extracted, claims_updated=claims_updated),
        allow_secret_like=allow_secret_like,
    )
    request = AddCheck(started(workspace, new, tuple(input_goal or ()), tuple(input_source or ())), finish)
    show_task(add_check(workspace, request, usage_from, session), Shown(as_json, quiet))


def reason(status: CheckOutcome, given: ReasonName | None) -> str | None:
    """The failure reason: as given, else ``other`` for a check that failed."""
    if given is not None:
        return given.value
    return ReasonName.OTHER.value if status is CheckOutcome.FAILED else None
