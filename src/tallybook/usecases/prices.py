"""Prices as they hold here, how much of the history has one, and how the price of one response was found."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from typing import TYPE_CHECKING, Final

import msgspec

from tallybook.domain.money import NOTHING, cost_of, total_cost
from tallybook.domain.problems import Problem, Refusal
from tallybook.domain.sizes import Size
from tallybook.history.choice import Filter
from tallybook.history.served import served
from tallybook.history.usage import Query, usage
from tallybook.history.zones import LocalZone
from tallybook.pricing.agreed import Asked
from tallybook.pricing.book import GenaiBook
from tallybook.reports.prices import Coverage, CreditUse, Explained, Explanation, Listed, ModelCoverage, Priced
from tallybook.usecases.capture import look_into
from tallybook.usecases.price_book import PriceBook

if TYPE_CHECKING:
    from tallybook.history.served import Served
    from tallybook.history.store import Store
    from tallybook.pricing.agreed import Credit
    from tallybook.pricing.prices import Prices
    from tallybook.usecases.workspace import Workspace

STANDARD: Final = "standard"
_MOMENT: Final = 1_000_000
_SMALL: Final = Size(-1, 0)


class Request(msgspec.Struct, frozen=True):
    """What a person asks of one model."""

    model: str
    at: str | None = None
    """A day; None for today."""
    tier: str = STANDARD
    agent: str = ""
    """Whose prices, where something was agreed for one agent."""


def price_of(workspace: Workspace, request: Request) -> Priced | Refusal:
    """The prices of a model on a day, by the size of the request."""
    book = PriceBook(workspace)
    prices, day = book.prices(), _day(workspace, request.at)
    if isinstance(prices, Refusal):
        return prices
    if isinstance(day, Refusal):
        return day
    bands = prices.tariff(request.agent, request.model, request.tier).stretch(day).bands
    ends = [*(band.above for band in bands[1:]), None]
    found = tuple((Size(band.above, end), band.rates) for band, end in zip(bands, ends, strict=True))
    return Priced(request.model, request.tier, day, prices.version, found)


def listed(workspace: Workspace, at: str | None, vendor: str | None) -> Listed | Refusal:
    """The standard prices of small requests on a day, of all models of the book that can be named."""
    prices, day = PriceBook(workspace).prices(), _day(workspace, at)
    if isinstance(prices, Refusal):
        return prices
    if isinstance(day, Refusal):
        return day
    book = GenaiBook()
    names = sorted(book.models())
    vendors = sorted({one for one, _ in names})
    if vendor is not None and vendor not in vendors:
        hint = f"known: {', '.join(vendors)}"
        return Refusal("unknown-vendor", f"the book has no vendor {vendor!r}", hint, usage=True)
    rows = []
    for one, model in names:
        if vendor in {None, one}:
            rates = prices.tariff("", model, STANDARD).rates(day, _SMALL)
            rows.append((one, model.removeprefix(f"{one}/"), rates))
    return Listed(day, prices.version, book.latest, tuple(rows))


def coverage(workspace: Workspace, *, update: bool) -> Coverage | Refusal:
    """What the whole history cost by model and tier, each response by its own day, tier and size.

    Raises:
        StoreUnavailable: the history can't be used.

    """
    book = PriceBook(workspace)
    prices = book.prices()
    if isinstance(prices, Refusal):
        return prices

    def look(store: Store, problems: tuple[Problem, ...]) -> Coverage:
        found = usage(store, Query(("model", "tier"), LocalZone(), prices=prices))
        rows = tuple(
            ModelCoverage(row.key[0] or "", row.key[1] or "", row.responses, row.tokens, row.cost)
            for row in found.rows
            if row.tokens is not None and row.cost is not None
        )
        credit = tuple(_credit(store, prices, one) for one in prices.agreed.credits)
        told = (*workspace.problems, *problems, *store.problems)
        return Coverage(prices.version, rows, found.total.cost or NOTHING, credit, told)

    answer = look_into(workspace, look, update=update)
    book.keep()
    return answer


def explain(workspace: Workspace, key: str, *, update: bool) -> Explained | Refusal:
    """How the price of one response was found; of all that have this key, where several agents have one.

    Raises:
        StoreUnavailable: the history can't be used.

    """
    book = PriceBook(workspace)
    prices = book.prices()
    if isinstance(prices, Refusal):
        return prices

    def look(store: Store, problems: tuple[Problem, ...]) -> Explained:
        found = tuple(_explained(prices, one) for one in served(store, key))
        return Explained(prices.version, found, (*workspace.problems, *problems, *store.problems))

    answer = look_into(workspace, look, update=update)
    book.keep()
    if not answer.responses:
        hint = "tally why SESSION --json tells the keys of its responses"
        return Refusal("unknown-response", f"no response has the key {key[:80]!r}", hint, usage=True)
    return answer


def _explained(prices: Prices, it: Served) -> Explanation:
    day = f"{datetime.fromtimestamp(it.at // _MOMENT, UTC):%Y-%m-%d}"
    rates = prices.tariff(it.agent, it.model, it.tier).rates(day, Size(it.tokens.context - 1, it.tokens.context))
    return Explanation(it, rates, cost_of(rates, it.tokens, it.web_searches))


def _credit(store: Store, prices: Prices, credit: Credit) -> CreditUse:
    """How much of a credit is used up by what was used in its time."""
    where = credit.where
    query = Query(("agent", "model", "tier"), LocalZone(), Filter(_begin(where.since), _begin(where.until)), prices)
    rows = usage(store, query).rows
    fitting = (row.cost for row in rows if row.cost is not None and where.fits(Asked(*(one or "" for one in row.key))))
    return CreditUse(credit.source, where.since or None, where.until, credit.pico_usd, total_cost(fitting))


def _begin(day: str | None) -> int | None:
    """Of a day, UTC, in microseconds."""
    return int(datetime.combine(date.fromisoformat(day), time(), UTC).timestamp()) * _MOMENT if day else None


def _day(workspace: Workspace, told: str | None) -> str | Refusal:
    if told is None:
        return f"{workspace.clock.now().astimezone(UTC):%Y-%m-%d}"
    try:
        return date.fromisoformat(told).isoformat()
    except ValueError:
        hint = "a date such as 2026-06-19"
        return Refusal("unreadable-date", f"{told[:40]!r} is no date", hint, usage=True)
