"""`tally cost-audit`: goals whose cost or usage is not whole, each with the command that comes next."""

from __future__ import annotations

from typing import Annotated

from tallybook.cli.options import AsJson, BegunUntil, Kinds, Ledger, OpenSince
from tallybook.cli.parameters import Option
from tallybook.cli.typed import app as command_app

app = command_app()


@app.command()
def cost_audit(
    since: OpenSince = None,
    until: BegunUntil = None,
    kind: Kinds = None,
    no_update: Annotated[bool, Option("--no-update", help="Read no logs; take the history as it is.")] = False,
    ledger: Ledger = None,
    as_json: AsJson = False,
) -> None:
    """Find goals whose cost or usage is not whole: why, what is known all the same, and what to run next.

    Each stands in one category, the worst that is so of it. It is exit 0 whatever is found.

    \b
    Examples:
      tally cost-audit --since 2026-06-01
      tally cost-audit --kind product --kind check --no-update
      tally cost-audit --json | jq -r '.goals[].next'
    """  # noqa: D301 - the parser keeps the lines of such a paragraph
    from tallybook.cli.place import here
    from tallybook.cli.render import document, fail_with, line, say, warn
    from tallybook.domain.problems import Refusal
    from tallybook.reports import contract
    from tallybook.reports.cost_audit import counts_json, shortfall_json, shortfall_lines, sum_line
    from tallybook.reports.words import counted
    from tallybook.usecases.cost_audit import Request, audit_costs

    request = Request(since, until, tuple(kind or ()), update=not no_update)
    found = audit_costs(here(ledger), request)
    if isinstance(found, Refusal):
        fail_with(found, json=as_json)
    audit = found.audit
    if as_json:
        document(
            "cost-audit",
            {
                "goals": [shortfall_json(one, found.goals) for one in audit.shortfalls],
                "counts": counts_json(audit),
                "looked": audit.looked,
                "elsewhere": found.elsewhere,
                "book": found.book,
                "problems": contract.problems(found.problems),
            },
        )
    else:
        for one in audit.shortfalls:
            for text in shortfall_lines(one, found.goals):
                line(text)
        line(sum_line(audit))
        if found.elsewhere:
            some = counted(found.elsewhere, "goal")
            say(f"{some} of other clones: told from the ledger alone; what logs there hold now is known there")
    warn(found.problems)
