"""`tally prices`: what tokens cost, how much of the history has a price, and how one was found."""

from __future__ import annotations

from typing import Annotated

from tallybook.cli.options import AsJson
from tallybook.cli.parameters import Argument, Option
from tallybook.cli.typed import app as command_app

app = command_app()
At = Annotated[str | None, Option("--at", metavar="DATE", help="On this day, UTC; else today.")]
NoUpdate = Annotated[bool, Option("--no-update", help="Read no logs; tell what is stored.")]


@app.callback()
def prices() -> None:
    """Look prices up in the book that comes with the program; nothing is ever fetched."""


@app.command("list")
def list_prices(
    vendor: Annotated[str | None, Option("--vendor", metavar="VENDOR", help="Only of this vendor.")] = None,
    at: At = None,
    as_json: AsJson = False,
) -> None:
    """List the standard prices of all models of the book: dollars per million tokens, of small requests."""
    from tallybook.cli.place import here
    from tallybook.cli.render import document, fail_with, say, table
    from tallybook.domain.problems import Refusal
    from tallybook.reports.prices import LIST_HEAD, RATE_NUMBERS, list_cells, listed_json
    from tallybook.usecases.prices import listed

    found = listed(here(), at, vendor)
    if isinstance(found, Refusal):
        fail_with(found, json=as_json)
    if as_json:
        document("price-list", {**listed_json(found), "problems": []})
    else:
        table(LIST_HEAD, [list_cells(*row) for row in found.rows], RATE_NUMBERS)
        say(f"on {found.day}; {found.book}, which knows changes up to {found.latest}")


@app.command()
def show(
    model: Annotated[str, Argument(metavar="MODEL", help="As an agent logs it.")],
    at: At = None,
    tier: Annotated[str, Option("--tier", metavar="TIER", help="batch, flex, priority or fast.")] = "standard",
    agent: Annotated[str, Option("--agent", metavar="AGENT", help="Whose, where something was agreed for one.")] = "",
    as_json: AsJson = False,
) -> None:
    """Show the prices of a model: dollars per million tokens, by the size of the request."""
    from tallybook.cli.place import here
    from tallybook.cli.render import CommandEnded, document, fail_with, say, table
    from tallybook.domain.money import Rates
    from tallybook.domain.problems import Refusal
    from tallybook.reports.prices import RATE_HEAD, RATE_NUMBERS, priced_json, rate_cells
    from tallybook.usecases.prices import Request, price_of

    found = price_of(here(), Request(model, at, tier, agent))
    if isinstance(found, Refusal):
        fail_with(found, json=as_json)
    if as_json:
        document("price", {**priced_json(found), "problems": []})
    else:
        table(RATE_HEAD, [rate_cells(*pair) for pair in found.rates], RATE_NUMBERS)
        sources = dict.fromkeys(rates.source for _, rates in found.rates if isinstance(rates, Rates))
        say(f"{found.model}, tier {found.tier}, on {found.day}: {'; '.join((*sources, found.book))}")
    if not any(isinstance(rates, Rates) for _, rates in found.rates):
        raise CommandEnded(1)


@app.command()
def coverage(no_update: NoUpdate = False, as_json: AsJson = False) -> None:
    """Price the whole history by model, each response by its own day; and say what has no price, and why."""
    from tallybook.cli.place import here
    from tallybook.cli.render import document, fail_with, say, table, warn
    from tallybook.domain.problems import Refusal
    from tallybook.reports import contract
    from tallybook.reports.costs import dollars, share
    from tallybook.reports.prices import (
        COVERAGE_HEAD,
        COVERAGE_NUMBERS,
        CREDIT_HEAD,
        CREDIT_NUMBERS,
        coverage_cells,
        coverage_json,
        credit_cells,
    )
    from tallybook.usecases.prices import coverage as priced

    found = priced(here(), update=not no_update)
    if isinstance(found, Refusal):
        fail_with(found, json=as_json)
    if as_json:
        document("coverage", {**coverage_json(found), "problems": contract.problems(found.problems)})
    else:
        table(COVERAGE_HEAD, [coverage_cells(row) for row in found.rows], COVERAGE_NUMBERS)
        if found.credits:
            table(CREDIT_HEAD, [credit_cells(one) for one in found.credits], CREDIT_NUMBERS)
        say(f"{dollars(found.total)} USD for {share(found.total.share)} of all tokens; {found.book}")
    warn(found.problems)


@app.command()
def explain(
    response: Annotated[str, Argument(metavar="RESPONSE", help="Its key, as tally why --json tells it.")],
    no_update: NoUpdate = False,
    as_json: AsJson = False,
) -> None:
    """Explain the price of one response: its model, day, tier and size, and what each part came to."""
    from tallybook.cli.place import here
    from tallybook.cli.render import document, fail_with, line, say, warn
    from tallybook.domain.problems import Refusal
    from tallybook.reports import contract
    from tallybook.reports.prices import explained_json, explained_lines
    from tallybook.usecases.prices import explain as explained

    found = explained(here(), response, update=not no_update)
    if isinstance(found, Refusal):
        fail_with(found, json=as_json)
    if as_json:
        document("price-explanation", {**explained_json(found), "problems": contract.problems(found.problems)})
    else:
        for one in found.responses:
            for text in explained_lines(one):
                line(text)
        say(found.book)
    warn(found.problems)
