"""`tally run`: a goal around any command; its streams and its exit status stay its own."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import typer

from tallybook.cli.options import (
    AgentName,
    AllowSecretLike,
    BudgetTokens,
    BudgetUsd,
    CheckSource,
    InputGoals,
    InputSources,
    Kind,
    Ledger,
    Model,
    Notes,
    Refs,
    SessionId,
    Supersedes,
    Title,
    Untracked,
)
from tallybook.cli.parameters import Argument, BadValueError, Option
from tallybook.cli.typed import app as command_app
from tallybook.cli.values import GoodFitName, nano_usd

app = command_app()
STDERR: Final = 2


@app.command(context_settings={"allow_interspersed_args": False})
def run(
    command: Annotated[list[str], Argument(metavar="[--] CMD [ARG]...", help="What to run; kept nowhere.")],
    title: Title,
    kind: Kind,
    ref: Refs = None,
    agent: AgentName = None,
    session: SessionId = None,
    untracked: Untracked = False,
    model: Model = None,
    notes: Notes = None,
    result_fit: Annotated[
        GoodFitName | None, Option("--result-fit", help="How well a success fits; product goals only.")
    ] = None,
    supersedes: Supersedes = None,
    input_goal: InputGoals = None,
    input_source: InputSources = None,
    budget_tokens: BudgetTokens = None,
    budget_usd: BudgetUsd = None,
    source_id: CheckSource = None,
    allow_secret_like: AllowSecretLike = False,
    ledger: Ledger = None,
    quiet: Annotated[bool, Option("--quiet", short="-q", help="Say nothing of a goal without problems.")] = False,
    output: Annotated[
        Path | None, Option("--output", short="-o", metavar="FILE", help="Write the JSON object there at the end.")
    ] = None,
    as_json: Annotated[
        bool, Option("--json", help="One JSON object on stdout at the end; what CMD prints goes to stderr.")
    ] = False,
) -> None:
    """Open a goal, run a command for it, and close the goal by the command's exit status, which is that of run too.

    Status 0 is a success; any other, and a signal, is a failure with the reason `other` and the status in the notes.
    The goal takes the sessions of agents that work below CMD. What tally itself says goes to stderr.
    """
    from tallybook.agents.identity import Flag
    from tallybook.cli.place import here
    from tallybook.cli.render import CommandEnded
    from tallybook.cli.run_output import RunShown, close, refuse_run
    from tallybook.clock import goal_id
    from tallybook.domain.commands import StartTask
    from tallybook.domain.problems import Refusal
    from tallybook.usecases.child import undisturbed
    from tallybook.usecases.run import RunRequest, begin, carry_out

    if untracked and session is not None:
        message = "it can't go together with --session"
        raise BadValueError(message, "--untracked")
    shown = RunShown(as_json, quiet, output, ledger)
    shown.check()
    workspace = here(ledger)
    start = StartTask(
        goal=goal_id(workspace.clock.now(), workspace.ids),
        title=title,
        kind=kind.value,
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
    fit = None if result_fit is None else result_fit.value
    begun = begin(workspace, RunRequest(start, tuple(command), Flag(agent, session), fit, STDERR if as_json else None))
    if isinstance(begun, Refusal):
        raise typer.Exit(refuse_run(begun, json=as_json))
    shown.notices(begun.opened.notices)
    with undisturbed():
        ended, seen = carry_out(begun)
        close(begun, ended, seen, shown)
    raise CommandEnded(ended.status)
