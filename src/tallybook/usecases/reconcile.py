"""Compares the history with the report of another tool, or with what agents count themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from tallybook.domain.problems import Problem, Refusal
from tallybook.history.own_cells import OwnCounters, own_compared
from tallybook.history.reconcile import Reconciled, compared, dimensions
from tallybook.usecases.capture import look_into
from tallybook.usecases.ccusage_file import read_report
from tallybook.usecases.usage import usage_of_history

if TYPE_CHECKING:
    from pathlib import Path

    from tallybook.history.store import Store
    from tallybook.usecases.usage import Request
    from tallybook.usecases.workspace import Workspace


class Comparison(msgspec.Struct, frozen=True):
    """What was found, and what stood in the way."""

    found: Reconciled
    problems: tuple[Problem, ...]


def reconcile_file(workspace: Workspace, path: Path, request: Request) -> Comparison | Refusal:
    """Compare a report with the history, in the time zone and with the filters of ``request``.

    Raises:
        StoreUnavailable: the history can't be used.

    """
    report = read_report(workspace.cwd / path)
    if isinstance(report, Refusal):
        return report
    answer = usage_of_history(workspace, replace(request, by=dimensions(report.view)))
    if isinstance(answer, Refusal):
        return answer
    return Comparison(compared(report, answer.usage.rows), answer.problems)


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
