"""`tally history audit`: goals that somebody should look at, each with the command that comes next."""

from __future__ import annotations

from typing import Annotated

import typer

from tallybook.cli.options import AsJson, Ledger
from tallybook.cli.parameters import Option


def audit(
    since: Annotated[
        str | None, Option("--since", metavar="DATE", help="Only goals that were open on this day (or time) or later.")
    ] = None,
    no_update: Annotated[bool, Option("--no-update", help="Read no logs; take the history as it is.")] = False,
    ledger: Ledger = None,
    as_json: AsJson = False,
) -> None:
    """Find successes that may be none, forgotten goals, and usage that the ledger lacks; exit 1 if there are any."""
    from tallybook.cli.place import here
    from tallybook.cli.render import document, fail_with, line, say, warn
    from tallybook.domain.problems import Refusal
    from tallybook.reports import contract
    from tallybook.reports.history_audit import counts_json, finding_json, finding_lines, limits_json
    from tallybook.reports.vectors import Json
    from tallybook.reports.words import counted
    from tallybook.usecases.history_audit import LIMITS, audit_history

    found = audit_history(here(ledger), since, update=not no_update)
    if isinstance(found, Refusal):
        fail_with(found, json=as_json)
    if as_json:
        content: dict[str, Json] = {
            "findings": [finding_json(finding, found.goals) for finding in found.findings],
            "counts": counts_json(found.findings),
            "unavailable": [{"code": it.code, "reason": it.reason} for it in found.unavailable],
            "limits": limits_json(LIMITS),
        }
        document("history_audit", {**content, "problems": contract.problems(found.problems)})
    else:
        for finding in found.findings:
            for text in finding_lines(finding, found.goals):
                line(text)
        notes = len(found.findings) - found.faults
        line(f"{counted(found.faults, 'problem')}, {counted(notes, 'note')}")
        for it in found.unavailable:
            say(f"not looked at: {it.code} ({it.reason})")
    warn(found.problems)
    if found.faults:
        raise typer.Exit(1)
