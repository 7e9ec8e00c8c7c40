"""`tally import`: what other tools have kept account of."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tallybook.cli.options import AllowSecretLike, AsJson, Ledger
from tallybook.cli.parameters import Argument, Option
from tallybook.cli.typed import app as command_app

if TYPE_CHECKING:
    from tallybook.usecases.import_goals import Request
    from tallybook.usecases.workspace import Workspace

app = command_app()


@app.command()
def import_ledger(
    file: Annotated[
        list[Path],
        Argument(metavar="FILE...", help="Logs of goals or analyses, directories of them, or a report of ccusage."),
    ],
    format: Annotated[  # noqa: A002 - the name of the option
        str | None, Option("--format", metavar="FORMAT", help="events, analyses or ccusage; else it is found out.")
    ] = None,
    agent: Annotated[
        str | None, Option("--agent", metavar="AGENT", help="The agent that a report is of, where it does not say so.")
    ] = None,
    dry_run: Annotated[bool, Option("--dry-run", help="Tell what would be taken, and write nothing.")] = False,
    allow_secret_like: AllowSecretLike = False,
    ledger: Ledger = None,
    as_json: AsJson = False,
) -> None:
    """Take goals that another system kept into the ledger, or sums of ccusage for days whose logs are gone."""
    from tallybook.cli.place import here
    from tallybook.cli.render import fail_with
    from tallybook.domain.problems import Refusal
    from tallybook.usecases.import_goals import Request as GoalsRequest
    from tallybook.usecases.import_goals import first_format

    workspace = here(ledger)
    request = GoalsRequest(tuple(file), format, dry_run, allow_secret_like)
    found = first_format(workspace, request)
    if isinstance(found, Refusal):
        fail_with(found, json=as_json)
    if found == "ccusage":
        refused = _report(workspace, request, agent, json=as_json)
    else:
        refused = _goals(workspace, request, json=as_json)
    if refused:
        raise typer.Exit(1)


def _goals(workspace: Workspace, request: Request, *, json: bool) -> bool:
    """Whether something was refused."""
    from tallybook.cli.render import document, fail_with, line, say, warn
    from tallybook.domain.problems import Refusal
    from tallybook.reports import contract
    from tallybook.reports.imported_goals import note_lines, notes_json, plan_json, plan_line
    from tallybook.usecases.import_goals import import_goals

    found = import_goals(workspace, request)
    if isinstance(found, Refusal):
        fail_with(found, json=json)
    if json:
        content = {
            "format": ", ".join(found.systems) or None,
            "dry_run": request.dry_run,
            "files": found.files,
            **plan_json(found.plan),
            "changed": notes_json(found.changed),
            "refused": notes_json(found.refused),
        }
        document("import", {**content, "problems": contract.problems(found.problems)})
    else:
        line(plan_line(found.plan, dry_run=request.dry_run))
        for told in (*note_lines("changed", found.changed), *note_lines("refused", found.refused)):
            say(told)
    warn(found.problems)
    return bool(found.refused)


def _report(workspace: Workspace, request: Request, agent: str | None, *, json: bool) -> bool:
    """Whether something was refused."""
    from tallybook.cli.render import document, fail_with, say, table, warn
    from tallybook.domain.problems import Refusal
    from tallybook.reports import contract
    from tallybook.reports.imported import HEAD, NUMBERS, imported_cells, imported_json, imported_line, taken_json
    from tallybook.usecases.import_usage import Request as UsageRequest
    from tallybook.usecases.import_usage import import_usage

    found = import_usage(workspace, UsageRequest(request.paths[0], agent, request.dry_run))
    if isinstance(found, Refusal):
        fail_with(found, json=json)
    taken = found.taken
    if json:
        told = {"dry_run": request.dry_run, "taken": taken_json(taken), "imported": imported_json(found.sums)}
        document("import", {"format": "ccusage", **told, "problems": contract.problems(found.problems)})
    else:
        table(HEAD, [imported_cells(one) for one in found.gone], NUMBERS)
        would = "would be " if request.dry_run else ""
        say(f"{taken.new} {would}new, {taken.grown} grown, {taken.known} known already, {len(taken.refused)} refused")
        for why in (*taken.refused, imported_line(found.sums)):
            say(f"  {why}")
    warn(found.problems)
    return bool(taken.refused)
