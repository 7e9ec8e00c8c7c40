"""`tally cost`: what goals, commits, branches or references cost."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from tallybook.cli.options import AsJson, Ledger
from tallybook.cli.parameters import Option
from tallybook.cli.typed import app as command_app

app = command_app()


class ByName(StrEnum):
    """What rows are made of."""

    GOAL = "goal"
    COMMIT = "commit"
    BRANCH = "branch"
    PR = "pr"
    REF = "ref"


@app.command()
def cost(
    by: Annotated[ByName, Option("--by", help="What the rows are.")] = ByName.GOAL,
    ledger: Ledger = None,
    as_json: AsJson = False,
) -> None:
    """Tell what goals, commits, branches, pull requests or references cost; rows add up to all, failed work too."""
    from tallybook.cli.place import here
    from tallybook.cli.render import document, fail_with, line, table, warn
    from tallybook.domain.problems import Refusal
    from tallybook.reports import contract
    from tallybook.reports.cost import NUMBERS, cells, head, row_json, total_json, total_line
    from tallybook.usecases.cost import By, costs

    found = costs(here(ledger), By(by.value))
    if isinstance(found, Refusal):
        fail_with(found, json=as_json)
    if as_json:
        document(
            "cost",
            {
                "by": str(found.by),
                "rows": [row_json(row, str(found.by)) for row in found.rows],
                "total": total_json(found.measure, found.cost),
                "book": found.book,
                "problems": contract.problems(found.problems),
            },
        )
    else:
        table(head(str(found.by)), [cells(row) for row in found.rows], NUMBERS)
        line(total_line(found.measure, found.cost))
    warn(found.problems)
