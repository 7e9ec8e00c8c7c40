"""`tally sync`: the ledger through a git remote."""

from __future__ import annotations

from typing import Annotated

from tallybook.cli.options import AsJson, Ledger
from tallybook.cli.parameters import Option
from tallybook.cli.typed import app as command_app

app = command_app()


@app.command()
def sync(
    remote: Annotated[
        str | None, Option("--remote", metavar="REMOTE", help="The git remote, or a URL; else the usual one.")
    ] = None,
    ref: Annotated[
        str | None, Option("--ref", metavar="REF", help="The full name of the ref; else refs/tallybook/ledger.")
    ] = None,
    dry_run: Annotated[bool, Option("--dry-run", help="Tell what would come and go, and change nothing.")] = False,
    ledger: Ledger = None,
    as_json: AsJson = False,
) -> None:
    """Bring the ledgers of all clones together through a git remote; offline it is exit 1, and nothing has changed."""
    from tallybook.cli.place import here
    from tallybook.cli.render import document, fail_with, line, warn
    from tallybook.domain.problems import Refusal
    from tallybook.reports import contract
    from tallybook.reports.words import counted
    from tallybook.usecases.sync import Request
    from tallybook.usecases.sync import sync as synchronise

    found = synchronise(here(ledger), Request(remote, ref, dry_run))
    if isinstance(found, Refusal):
        fail_with(found, json=as_json)
    if as_json:
        names = ("remote", "ref", "received", "sent", "writers", "minted", "rounds")
        content = {"dry_run": dry_run, **{name: getattr(found, name) for name in names}}
        document("sync", {**content, "problems": contract.problems(found.problems)})
    else:
        would = "would be " if dry_run else ""
        events = f"{would}received {counted(found.received, 'event')}, {would}sent {found.sent:,}"
        line(f"{events} ({found.remote}); {counted(found.writers, 'writer')} here")
        if found.minted is not None:
            line(f"this clone goes on as {found.minted}: others had events of its own that it had lost")
    warn(found.problems)
