"""`tally cost`: what goals, commits, branches or references cost."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

from tallybook.cli.options import AsJson, Ledger
from tallybook.cli.parameters import Option
from tallybook.cli.typed import app as command_app

if TYPE_CHECKING:
    from tallybook.reports.vectors import Json
    from tallybook.usecases.workspace import Workspace

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
    repair: Annotated[bool, Option("--repair", help="Propose goals for commits that name none.")] = False,
    apply: Annotated[bool, Option("--apply", help="With --repair: write the links into the ledger.")] = False,
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

    if apply and not repair:
        fail_with(Refusal("nothing-to-apply", "--apply goes with --repair", "", usage=True), json=as_json)
    if repair:
        _show_links(here(ledger), apply=apply, json=as_json)
        return
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


def _show_links(workspace: Workspace, *, apply: bool, json: bool) -> None:
    from tallybook.cli.render import document, fail_with, line, table, warn
    from tallybook.domain.problems import Refusal
    from tallybook.reports import contract
    from tallybook.reports.words import counted
    from tallybook.usecases.linking import repair_links

    found = repair_links(workspace, apply=apply)
    if isinstance(found, Refusal):
        fail_with(found, json=json)
    names = ("commit", "subject", "goal", "evidence", "confidence")
    if json:
        rows: list[Json] = [{name: str(getattr(one, name)) for name in names} for one in found.proposals]
        content: dict[str, Json] = {"proposals": rows, "nameless": found.nameless, "applied": found.applied}
        document("cost-repair", {**content, "problems": contract.problems(found.problems)})
    else:
        cells = [(one.commit[:12], one.subject, one.goal, one.evidence, one.confidence) for one in found.proposals]
        table(names, cells)
        told = f"{counted(found.nameless, 'commit')} without a goal, {counted(len(found.proposals), 'proposal')}"
        line(f"{told}, {found.applied} written" if apply else f"{told}; --apply writes them")
    warn(found.problems)
