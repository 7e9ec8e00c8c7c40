"""Prices as the book has them, and how much of the history has one."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Final

import msgspec

from tallybook.domain.money import NOTHING, Rates, Unpriced, cost_of
from tallybook.domain.problems import Refusal
from tallybook.domain.usage import CONTEXT_BANDS, LONGEST_BAND
from tallybook.history.priced import priced_sums
from tallybook.pricing.book import GenaiBook
from tallybook.pricing.port import Asked
from tallybook.reports.prices import Coverage, ModelCoverage, Priced
from tallybook.usecases.capture import look_into

if TYPE_CHECKING:
    from tallybook.domain.problems import Problem
    from tallybook.history.store import Store
    from tallybook.usecases.workspace import Workspace

BANDS: Final = (*(name for _, name in CONTEXT_BANDS), LONGEST_BAND)


class Request(msgspec.Struct, frozen=True):
    """What a person asks of one model."""

    model: str
    at: str | None = None
    """A day; None for today."""
    tier: str = "standard"


def price_of(workspace: Workspace, request: Request) -> Priced | Refusal:
    """The prices of a model on a day."""
    day = _day(workspace, request.at)
    if isinstance(day, Refusal):
        return day
    book = GenaiBook()
    found: list[tuple[str, Rates | Unpriced]] = []
    for band in BANDS:
        rates = book.rates(Asked(request.model, request.tier, band, day))
        if found and found[-1][1] == rates:
            found[-1] = (band, rates)
        else:
            found.append((band, rates))
    return Priced(request.model, request.tier, day, book.version, tuple(found))


def _day(workspace: Workspace, told: str | None) -> str | Refusal:
    if told is None:
        return f"{workspace.clock.now().astimezone(UTC):%Y-%m-%d}"
    try:
        return date.fromisoformat(told).isoformat()
    except ValueError:
        hint = "a date such as 2026-06-19"
        return Refusal("unreadable-date", f"{told[:40]!r} is no date", hint, usage=True)


def coverage(workspace: Workspace, *, update: bool) -> Coverage:
    """Price every response of the history by its own day, tier and size.

    Raises:
        StoreUnavailable: the history can't be used.

    """
    book = GenaiBook()

    def look(store: Store, problems: tuple[Problem, ...]) -> Coverage:
        rows: dict[tuple[str, str], ModelCoverage] = {}
        for one in priced_sums(store):
            day = one.day or f"{datetime.now(UTC):%Y-%m-%d}"
            rates = book.rates(Asked(one.model, one.tier, one.context, day))
            cost = cost_of(rates, one.tokens, one.web_searches)
            before = rows.get((one.model, one.tier))
            rows[one.model, one.tier] = ModelCoverage(
                one.model,
                one.tier,
                one.responses + (before.responses if before else 0),
                one.tokens + before.tokens if before else one.tokens,
                cost + before.cost if before else cost,
            )
        found = tuple(rows[key] for key in sorted(rows))
        total = sum((row.cost for row in found), NOTHING)
        return Coverage(book.version, found, total, (*workspace.problems, *problems, *store.problems))

    return look_into(workspace, look, update=update)
