"""Compares the history with the report of another tool, or with what agents count themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec
from msgspec.structs import replace

from tallybook.domain.problems import Problem, Refusal
from tallybook.history.ccusage import LARGEST, NotAReport, Report, report_of
from tallybook.history.own_cells import OwnCounters, own_compared
from tallybook.history.reconcile import Reconciled, compared, dimensions
from tallybook.history.store import open_store
from tallybook.usecases.capture import with_history
from tallybook.usecases.usage import usage_of_history

if TYPE_CHECKING:
    from pathlib import Path

    from tallybook.history.store import Store
    from tallybook.usecases.usage import Request
    from tallybook.usecases.workspace import Workspace

_HINT: Final = "such as `ccusage daily --json > FILE`"


class Comparison(msgspec.Struct, frozen=True):
    """What was found, and what stood in the way."""

    found: Reconciled
    problems: tuple[Problem, ...]


def reconcile_file(workspace: Workspace, path: Path, request: Request) -> Comparison | Refusal:
    """Compare a report with the history, in the time zone and with the filters of ``request``.

    Raises:
        StoreUnavailable: the history can't be used.

    """
    report = _read(workspace.cwd / path)
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

    if update:
        return with_history(workspace, lambda store, report: answer(store, report.problems))
    with open_store(workspace.data) as store:
        return answer(store, ())


def _read(path: Path) -> Report | Refusal:
    try:
        if not path.is_file():
            return Refusal("no-report", f"{path}: there is no such file", _HINT, usage=True)
        if path.stat().st_size > LARGEST:
            return Refusal("no-report", f"{path}: it is longer than {LARGEST:,} bytes", _HINT)
        return report_of(path.read_bytes())
    except NotAReport as error:
        return Refusal("no-report", f"{path}: {error}", _HINT)
    except OSError as error:
        return Refusal("no-report", f"{path}: {error.strerror or error}", _HINT)
