"""`tally start-task`: open a goal."""

from __future__ import annotations

from typing import Annotated

from tallybook.cli.options import (
    AgentName,
    AllowSecretLike,
    AsJson,
    BudgetTokens,
    BudgetUsd,
    CheckSource,
    InputGoals,
    InputSources,
    Kind,
    Ledger,
    Model,
    Notes,
    Quiet,
    Refs,
    SessionId,
    Supersedes,
    Title,
    Untracked,
)
from tallybook.cli.parameters import BadValueError, Option
from tallybook.cli.values import nano_usd


def start_task(
    title: Title,
    kind: Kind,
    ref: Refs = None,
    agent: AgentName = None,
    session: SessionId = None,
    untracked: Untracked = False,
    model: Model = None,
    notes: Notes = None,
    started_at: Annotated[
        str | None, Option("--started-at", metavar="TIME", help="When it began, ISO 8601 with a zone.")
    ] = None,
    supersedes: Supersedes = None,
    input_goal: InputGoals = None,
    input_source: InputSources = None,
    budget_tokens: BudgetTokens = None,
    budget_usd: BudgetUsd = None,
    source_id: CheckSource = None,
    allow_secret_like: AllowSecretLike = False,
    ledger: Ledger = None,
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> None:
    """Open a goal: from now on this session's tokens belong to it."""
    from tallybook.agents.identity import Flag
    from tallybook.cli.place import here
    from tallybook.cli.task_output import Shown, show_task
    from tallybook.clock import goal_id
    from tallybook.domain.commands import StartTask
    from tallybook.usecases.tasks import perform

    if untracked and session is not None:
        message = "it can't go together with --session"
        raise BadValueError(message, "--untracked")
    workspace = here(ledger)
    request = StartTask(
        goal=goal_id(workspace.clock.now(), workspace.ids),
        title=title,
        kind=kind.value,
        started_at=started_at,
        agent=agent,
        model=model,
        notes=notes,
        refs=tuple(ref or ()),
        supersedes=supersedes,
        inputs=tuple(input_goal or ()),
        input_sources=tuple(input_source or ()),
        source_id=source_id,
        budget_tokens=budget_tokens,
        budget_nano_usd=None if budget_usd is None else nano_usd(budget_usd),
        untracked=untracked,
        allow_secret_like=allow_secret_like,
    )
    show_task(perform(workspace, request, Flag(agent, session)), Shown(as_json, quiet))
