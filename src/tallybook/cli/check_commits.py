"""`tally check-commits`: find the commits that name no task, where no hook has looked."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tallybook.cli.options import AsJson, Ledger
from tallybook.cli.parameters import Argument, Option
from tallybook.cli.typed import app as command_app

if TYPE_CHECKING:
    from tallybook.usecases.check_commits import CheckedCommits

app = command_app()


@app.command()
def check_commits(
    revision: Annotated[
        str | None, Argument(metavar="[RANGE]", help="Such as origin/main..HEAD; a commit means all before it too.")
    ] = None,
    title: Annotated[
        str | None, Option("--title", metavar="TEXT", help="The title of a pull request, checked as a subject.")
    ] = None,
    body: Annotated[
        Path | None, Option("--body", metavar="FILE", help="The text of the pull request, whose trailers count.")
    ] = None,
    fetch: Annotated[
        bool | None,
        Option("--fetch/--no-fetch", help="Ask the remote for goals first; else as [ledger] sync says."),
    ] = None,
    ledger: Ledger = None,
    as_json: AsJson = False,
) -> None:
    """Find commits that name no goal, ticket or reason, as `commit-msg` would have; exit 0 none, 1 some."""
    from tallybook.cli.place import here
    from tallybook.cli.render import fail_with, warn
    from tallybook.domain.problems import Refusal
    from tallybook.usecases.check_commits import Request
    from tallybook.usecases.check_commits import check_commits as check

    text = None if body is None else body.read_text("utf-8", "replace")
    found = check(here(ledger), Request(revision, title, text, fetch))
    if isinstance(found, Refusal):
        fail_with(found, json=as_json)
    _show(found, json=as_json)
    warn(found.problems)
    raise typer.Exit(bool(found.findings))


def _show(found: CheckedCommits, *, json: bool) -> None:
    from tallybook.cli.render import document, line
    from tallybook.reports import contract
    from tallybook.reports.words import counted

    if json:
        names = ("commits", "named", "excused", "own", "remote")
        findings = [
            {name: getattr(one, name) for name in ("commit", "subject", "code", "message", "hint")}
            for one in found.findings
        ]
        content = {**{name: getattr(found, name) for name in names}, "findings": findings}
        document("check-commits", {**content, "problems": contract.problems(found.problems)})
        return
    for one in found.findings:
        line(f"{'title' if one.commit is None else one.commit[:12]}: {one.message}: {one.subject}")
        line(f"  {one.hint}")
    kinds = f"{found.named:,} named, {found.excused:,} with a reason for none, {found.own:,} made by git itself"
    line(f"{counted(found.commits, 'commit')}: {kinds}; {counted(len(found.findings), 'finding')}")
