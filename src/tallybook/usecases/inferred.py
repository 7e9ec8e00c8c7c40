"""Work that nobody opened a goal for, handed to branches by what the logs tell of it."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING

from tallybook.domain.cost_rows import Confidence, Spent
from tallybook.domain.figures import Measure
from tallybook.domain.money import Cost, total_cost
from tallybook.domain.problems import Refusal
from tallybook.domain.quality import Quality, worst
from tallybook.domain.tokens import ZERO, TokenVector, total_of
from tallybook.domain.usage import SessionKey
from tallybook.history.projects import directory_of
from tallybook.usecases.price_book import PriceBook

if TYPE_CHECKING:
    from tallybook.history.usage import UsageRow
    from tallybook.repo.worktree import Repository
    from tallybook.reports.model import ReportData
    from tallybook.usecases.workspace import Workspace

_BY = ("agent", "session", "project", "branch")


def inferred(workspace: Workspace, data: ReportData) -> tuple[Spent, ...]:
    """What sessions used that no goal has touched, in this repository and on a branch; one part for each branch.

    The history is taken as it is. Where it has changed since ``data`` was read, nothing is told.
    """
    if data.unattributed is None or not data.unattributed or workspace.repository is None:
        return ()
    found: dict[str, list[UsageRow]] = defaultdict(list)
    for row in _rows(workspace):
        agent, session, project, branch = row.key
        key = SessionKey(agent or "", session or "")
        if branch is not None and key not in data.accounts.shares and _is_here(workspace.repository, project):
            found[branch].append(row)
    spent = tuple(_spent(branch, rows) for branch, rows in sorted(found.items()))
    return spent if data.unattributed.covers(tokens_of(spent)) else ()


def tokens_of(spent: tuple[Spent, ...]) -> TokenVector:
    """All of it together."""
    return total_of(one.measure.tokens or ZERO for one in spent)


def _rows(workspace: Workspace) -> tuple[UsageRow, ...]:
    from tallybook.history.as_it_is import read_store  # noqa: PLC0415 - most questions do without the history
    from tallybook.history.store import StoreUnavailable  # noqa: PLC0415
    from tallybook.history.usage import Query, usage  # noqa: PLC0415
    from tallybook.history.zones import LocalZone  # noqa: PLC0415

    prices = PriceBook(workspace).prices()
    known = None if isinstance(prices, Refusal) else prices
    try:
        with read_store(workspace.data) as store:
            return usage(store, Query(_BY, LocalZone(), prices=known)).rows
    except StoreUnavailable:
        return ()


def _is_here(repository: Repository, project: str | None) -> bool:
    if project is None:
        return False
    place = Path(project)
    return place == Path(directory_of(str(repository.common_dir))) or place.is_relative_to(repository.toplevel)


def _spent(branch: str, rows: list[UsageRow]) -> Spent:
    known = [row for row in rows if row.tokens is not None]
    quality = Quality.EXACT
    for row in rows:
        quality = worst(quality, row.quality)
    costs: list[Cost] = [row.cost for row in known if row.cost is not None]
    measure = Measure(total_of(row.tokens or ZERO for row in known), quality)
    return Spent(None, measure, total_cost(costs) if costs else None, ((branch, Confidence.INFERRED),))
