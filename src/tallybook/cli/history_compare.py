"""`tally history compare`: what was counted of each session beside what the logs tell of it now."""

from __future__ import annotations

from typing import Annotated

from tallybook.cli.options import AsJson, Ledger
from tallybook.cli.parameters import Option

Many = list[str] | None


def compare(
    agent: Annotated[Many, Option("--agent", metavar="AGENT", help="Only sessions of this agent; repeatable.")] = None,
    session: Annotated[Many, Option("--session", metavar="ID", help="Only this session; repeatable.")] = None,
    every: Annotated[bool, Option("--all", help="Equal sessions too, and those that no goal has touched.")] = False,
    no_update: Annotated[bool, Option("--no-update", help="Read no logs; compare what is stored.")] = False,
    ledger: Ledger = None,
    as_json: AsJson = False,
) -> None:
    """Put the ledger beside the history, session by session, and say where each difference comes from."""
    from tallybook.cli.place import here
    from tallybook.cli.render import document, fail_with, line, table, warn
    from tallybook.domain.problems import Refusal
    from tallybook.reports import contract
    from tallybook.reports.history_compare import HEAD, NUMBERS, compared_cells, compared_json, sums_json, sums_lines
    from tallybook.reports.vectors import Json
    from tallybook.usecases.history_compare import Request
    from tallybook.usecases.history_compare import compare as compared

    found = compared(here(ledger), Request(tuple(agent or ()), tuple(session or ()), update=not no_update))
    if isinstance(found, Refusal):
        fail_with(found, json=as_json)
    rows = found.rows if every else found.differing
    if as_json:
        listed: list[Json] = [compared_json(row) for row in rows]
        told = contract.problems(found.problems)
        document("history_compare", {"rows": listed, **sums_json(found.rows), "problems": told})
    else:
        if rows:
            table(HEAD, [compared_cells(row) for row in rows], frozenset(NUMBERS))
        for text in sums_lines(found.rows):
            line(text)
    warn(found.problems)
