"""Compares the history with the report of another tool, or with what agents count themselves."""

from __future__ import annotations

from datetime import UTC
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from tallybook.domain.price_causes import Pricing
from tallybook.domain.problems import Problem, Refusal
from tallybook.history.ccusage import View
from tallybook.history.own_cells import OwnCounters, own_compared
from tallybook.history.reconcile import Reconciled, compared, dimensions
from tallybook.history.reconcile_money import Priced, priced
from tallybook.history.report_parts import Slice, report_parts
from tallybook.usecases.capture import look_into
from tallybook.usecases.ccusage_file import read_report
from tallybook.usecases.price_book import PriceBook
from tallybook.usecases.usage import answered, query_of

if TYPE_CHECKING:
    from pathlib import Path

    from tallybook.history.store import Store
    from tallybook.usecases.usage import Request
    from tallybook.usecases.workspace import Workspace


class Comparison(msgspec.Struct, frozen=True):
    """What was found, and what stood in the way."""

    found: Reconciled
    priced: Priced
    book: str | None
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
    book = PriceBook(workspace)
    query = query_of(asked, book)
    if isinstance(query, Refusal):
        return query
    answer = answered(workspace, asked, query, book)
    counted = compared(report, answer.usage.rows)
    wanted = Slice(query.zone, report.view is View.SESSION, query.where.since, query.where.until)
    today = f"{workspace.clock.now().astimezone(UTC):%Y-%m-%d}"

    def price(store: Store, problems: tuple[Problem, ...]) -> Comparison:
        found = priced(report, counted, report_parts(store, wanted), Pricing(book.of_class, book.listed, today))
        return Comparison(counted, found, book.version, (*answer.problems, *problems))

    done = look_into(workspace, price, update=False)
    book.keep()
    return done


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
