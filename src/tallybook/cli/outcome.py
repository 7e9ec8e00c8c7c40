"""`tally outcome`: what became of the work of goals, and what an accepted one costs."""

from __future__ import annotations

from typing import Annotated

from tallybook.cli.options import AsJson, BegunUntil, Kinds, Ledger, OpenSince
from tallybook.cli.parameters import Option
from tallybook.cli.typed import app as command_app

app = command_app()


@app.command()
def outcome(
    since: OpenSince = None,
    until: BegunUntil = None,
    kind: Kinds = None,
    main: Annotated[
        str | None, Option("--main", metavar="BRANCH", help="What work is merged into; else it is found out.")
    ] = None,
    stale: Annotated[
        int, Option("--stale-days", min=1, metavar="N", help="So long without a commit means given up.")
    ] = 30,
    ledger: Ledger = None,
    as_json: AsJson = False,
) -> None:
    """Tell which goals were merged, reverted or abandoned, and what an accepted one costs, failures included."""
    from tallybook.cli.place import here
    from tallybook.cli.render import document, fail_with, line, table, warn
    from tallybook.domain.outcomes import Landing
    from tallybook.domain.problems import Refusal
    from tallybook.reports import contract
    from tallybook.reports.outcome import (
        HEAD,
        NUMBERS,
        counts_line,
        outcome_json,
        per_accepted_json,
        per_accepted_line,
        row,
    )
    from tallybook.usecases.outcome import Request, outcomes

    found = outcomes(here(ledger), Request(since, until, tuple(kind or ()), main, stale))
    if isinstance(found, Refusal):
        fail_with(found, json=as_json)
    counts = {landing: found.count(landing) for landing in Landing}
    if as_json:
        document(
            "outcome",
            {
                "main": found.main,
                "goals": [outcome_json(one.goal, one.landing, one.work, (one.tokens, one.cost)) for one in found.goals],
                "counts": {str(landing): number for landing, number in counts.items()},
                "tokens": per_accepted_json(found.tokens),
                "nano_usd": per_accepted_json(found.nano_usd),
                "book": found.book,
                "problems": contract.problems(found.problems),
            },
        )
    else:
        table(HEAD, [row(one.goal, one.landing, one.work, (one.tokens, one.cost)) for one in found.goals], NUMBERS)
        line(counts_line(counts, found.main))
        line(per_accepted_line("tokens", found.tokens))
        line(per_accepted_line("nano-USD", found.nano_usd))
    warn(found.problems)
