"""Compares the history with the report of another tool, or with what agents count themselves."""

from __future__ import annotations

from datetime import UTC
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from tallybook.domain.problems import Problem, Refusal
from tallybook.history.ccusage import View
from tallybook.history.own_cells import OwnCounters, own_compared
from tallybook.history.reconcile import Reconciled, compared, dimensions
from tallybook.history.reconcile_money import Priced, Pricing, priced
from tallybook.history.report_parts import Slice, report_parts
from tallybook.pricing.book import GenaiBook
from tallybook.pricing.port import Asked
from tallybook.usecases.capture import look_into
from tallybook.usecases.ccusage_file import read_report
from tallybook.usecases.usage import answered, query_of

if TYPE_CHECKING:
    from pathlib import Path

    from tallybook.domain.money import Rates, Unpriced
    from tallybook.domain.usage import PriceClass
    from tallybook.history.store import Store
    from tallybook.usecases.usage import Request
    from tallybook.usecases.workspace import Workspace


class Comparison(msgspec.Struct, frozen=True):
    """What was found, and what stood in the way."""

    found: Reconciled
    priced: Priced
    book: str
    """Which prices were used."""
    problems: tuple[Problem, ...]


def reconcile_file(workspace: Workspace, path: Path, request: Request) -> Comparison | Refusal:
    """Compare a report with the history, in the time zone and with the filters of ``request``.

    Raises:
        StoreUnavailable: the history can't be used.

    """
    report = read_report(workspace.cwd / path)
    if isinstance(report, Refusal):
        return report
    asked = replace(request, by=dimensions(report.view))
    query = query_of(asked)
    if isinstance(query, Refusal):
        return query
    answer = answered(workspace, asked, query)
    counted, book = compared(report, answer.usage.rows), GenaiBook()
    wanted = Slice(query.zone, report.view is View.SESSION, query.where.since, query.where.until)
    today = f"{workspace.clock.now().astimezone(UTC):%Y-%m-%d}"

    def price(store: Store, problems: tuple[Problem, ...]) -> Comparison:
        def price_of(agent: str, it: PriceClass) -> Rates | Unpriced:
            del agent
            return book.rates(Asked(*msgspec.structs.astuple(it)))

        found = priced(report, counted, report_parts(store, wanted), Pricing(price_of, today))
        return Comparison(counted, found, book.version, (*answer.problems, *problems))

    return look_into(workspace, price, update=False)


class OwnComparison(msgspec.Struct, frozen=True):
    """What was found, and what stood in the way."""

    found: OwnCounters
    problems: tuple[Problem, ...]


def reconcile_agents(workspace: Workspace, *, update: bool) -> OwnComparison:
    """Compare the history with the counters that agents keep in their logs.

    Raises:
        StoreUnavailable: the history can't be used.

    """

    def answer(store: Store, problems: tuple[Problem, ...]) -> OwnComparison:
        return OwnComparison(own_compared(store), (*workspace.problems, *problems, *store.problems))

    return look_into(workspace, answer, update=update)
