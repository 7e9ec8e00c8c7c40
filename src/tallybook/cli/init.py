"""`tally init`: make the ledger and the settings of a repository."""

from __future__ import annotations

from typing import Annotated

from tallybook.cli.options import AsJson, Ledger
from tallybook.cli.parameters import Option
from tallybook.cli.typed import app as command_app

app = command_app()


@app.command()
def init(
    publish: Annotated[
        str | None,
        Option("--publish", metavar="DIR", help="Carry a copy of the ledger in the repository's commits, there."),
    ] = None,
    sync: Annotated[
        bool, Option("--sync", help="Let the ledger go through the git remote with every push and merge.")
    ] = False,
    anchor: Annotated[
        bool, Option("--anchor", help="Let commits of goals name the head of the ledger, so that no change is unseen.")
    ] = False,
    dry_run: Annotated[bool, Option("--dry-run", help="Write nothing, say what would be written.")] = False,
    ledger: Ledger = None,
    as_json: AsJson = False,
) -> None:
    """Make the ledger of this repository; it is not needed, the first task makes it too."""
    from tallybook.cli.place import here
    from tallybook.cli.render import document, fail_with, line, warn
    from tallybook.domain.problems import Refusal
    from tallybook.reports import contract
    from tallybook.reports.vectors import Json
    from tallybook.usecases.init import Wanted, initialise

    workspace = here(ledger)
    changes = initialise(workspace, Wanted(publish, sync, anchor), dry_run=dry_run)
    if isinstance(changes, Refusal):
        fail_with(changes, json=as_json)
    if as_json:
        rows: list[Json] = [{"path": str(change.path), "action": change.action} for change in changes]
        document("init", {"changes": rows, "dry_run": dry_run, "problems": contract.problems(workspace.problems)})
    else:
        for change in changes:
            line(f"{'would be ' if dry_run and change.action != 'unchanged' else ''}{change.action}  {change.path}")
        line("next: tally hooks install ties commits to tasks; tally start-task opens the first")
    warn(workspace.problems)
