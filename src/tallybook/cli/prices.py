"""`tally prices`: what tokens cost, and how much of the history has a price."""

from __future__ import annotations

from typing import Annotated

from tallybook.cli.options import AsJson
from tallybook.cli.parameters import Argument, Option
from tallybook.cli.typed import app as command_app

app = command_app()


@app.callback()
def prices() -> None:
    """Look prices up in the book that comes with the program; nothing is ever fetched."""


@app.command()
def show(
    model: Annotated[str, Argument(metavar="MODEL", help="As an agent logs it.")],
    at: Annotated[str | None, Option("--at", metavar="DATE", help="On this day, UTC; else today.")] = None,
    tier: Annotated[str, Option("--tier", metavar="TIER", help="batch, flex, priority or fast.")] = "standard",
    as_json: AsJson = False,
) -> None:
    """Show the prices of a model: dollars per million tokens, by the size of the request."""
    from tallybook.cli.place import here
    from tallybook.cli.render import CommandEnded, document, fail_with, say, table
    from tallybook.domain.money import Rates
    from tallybook.domain.problems import Refusal
    from tallybook.reports.prices import RATE_HEAD, RATE_NUMBERS, priced_json, rate_cells
    from tallybook.usecases.prices import Request, price_of

    found = price_of(here(), Request(model, at, tier))
    if isinstance(found, Refusal):
        fail_with(found, json=as_json)
    if as_json:
        document("price", {**priced_json(found), "problems": []})
    else:
        table(RATE_HEAD, [rate_cells(*pair) for pair in found.rates], RATE_NUMBERS)
        say(f"{found.model}, tier {found.tier}, on {found.day}; {found.book}")
    if not any(isinstance(rates, Rates) for _, rates in found.rates):
        raise CommandEnded(1)


@app.command()
def coverage(
    no_update: Annotated[bool, Option("--no-update", help="Read no logs; tell what is stored.")] = False,
    as_json: AsJson = False,
) -> None:
    """Price the whole history by model, each response by its own day; and say what has no price, and why."""
    from tallybook.cli.place import here
    from tallybook.cli.render import document, say, table, warn
    from tallybook.reports import contract
    from tallybook.reports.prices import (
        COVERAGE_HEAD,
        COVERAGE_NUMBERS,
        coverage_cells,
        coverage_json,
        share,
    )
    from tallybook.usecases.prices import coverage as priced

    found = priced(here(), update=not no_update)
    if as_json:
        document("coverage", {**coverage_json(found), "problems": contract.problems(found.problems)})
    else:
        table(COVERAGE_HEAD, [coverage_cells(row) for row in found.rows], COVERAGE_NUMBERS)
        say(f"{found.total.usd or 'no'} USD at list prices for {share(found.total.share)} of all tokens; {found.book}")
    warn(found.problems)
