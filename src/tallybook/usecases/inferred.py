"""Work that nobody opened a goal for, handed to branches by what the logs tell of it."""

from __future__ import annotations

from bisect import bisect_left
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from tallybook.domain.cost_rows import Confidence, Spent
from tallybook.domain.figures import Measure
from tallybook.domain.money import Cost
from tallybook.domain.problems import Refusal
from tallybook.domain.tokens import ZERO, TokenVector, total_of
from tallybook.domain.usage import SessionKey
from tallybook.history.projects import directory_of
from tallybook.repo.head_history import HeadHistory, head_history
from tallybook.usecases.price_book import PriceBook

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from tallybook.domain.commit_links import Candidate
    from tallybook.history.usage_rows import UsageRow
    from tallybook.repo.branch_reach import BranchReach
    from tallybook.repo.worktree import Repository
    from tallybook.reports.model import ReportData
    from tallybook.usecases.workspace import Workspace

_BY: Final = ("agent", "session", "project", "branch")
_DETACHED: Final = "HEAD"
"""So agents write where no branch is checked out."""
_SECOND: Final = 1_000_000
_AFTER: Final = 3600 * _SECOND


class Alone(msgspec.Struct, frozen=True):
    """What one session used on one branch of this repository, without any goal."""

    key: SessionKey
    branch: str | None
    """As its log tells, else that which was checked out all the time; None where that is not known either."""
    measure: Measure
    cost: Cost | None
    begun: int | None
    """Microseconds since the epoch, as ``last``."""
    last: int | None


def worked_alone(workspace: Workspace, data: ReportData) -> tuple[Alone, ...]:
    """Sessions that no goal has touched, in this repository, by session and branch.

    The history is taken as it is. Where it has changed since ``data`` was read, nothing is told.
    """
    if data.unattributed is None or not data.unattributed or workspace.repository is None:
        return ()
    found = tuple(_alone(workspace, workspace.repository, data))
    return found if data.unattributed.covers(total_of(one.measure.tokens or ZERO for one in found)) else ()


def by_branch(found: Sequence[Alone]) -> tuple[Spent, ...]:
    """Each to its branch."""
    return tuple(
        Spent(None, one.measure, one.cost, ((one.branch, Confidence.INFERRED),))
        for one in found
        if one.branch is not None
    )


def made_meanwhile(
    reach: BranchReach, found: Sequence[Alone], candidates: Sequence[Candidate]
) -> tuple[tuple[Alone, tuple[str, ...]], ...]:
    """With each one's own commits without a goal that were made while it ran, or in the hour after.

    Where the branch is still there, they have to be on it.
    """
    ours = sorted((it.at, it.commit) for it in candidates if it.ours)
    return tuple((one, tuple(sorted(_made_meanwhile(reach, one, ours)))) for one in found)


def _made_meanwhile(reach: BranchReach, one: Alone, ours: Sequence[tuple[int, str]]) -> list[str]:
    if one.begun is None or one.last is None:
        return []
    first = bisect_left(ours, (-(-one.begun // _SECOND), ""))
    last = bisect_left(ours, ((one.last + _AFTER) // _SECOND + 1, ""))
    made = [commit for _, commit in ours[first:last]]
    on = reach.of(one.branch) if made and one.branch else None
    return made if on is None else [commit for commit in made if commit in on]


def by_commit(told: Iterable[tuple[Alone, tuple[str, ...]]]) -> tuple[Spent, ...]:
    """Each to the commits that were made meanwhile; what has none is left out."""
    return tuple(
        Spent(None, one.measure, one.cost, tuple((commit, Confidence.INFERRED) for commit in made))
        for one, made in told
        if made
    )


def tokens_of(spent: tuple[Spent, ...]) -> TokenVector:
    """All of it together."""
    return total_of(one.measure.tokens or ZERO for one in spent)


def _alone(workspace: Workspace, repository: Repository, data: ReportData) -> Iterator[Alone]:
    from tallybook.history.as_it_is import read_store  # noqa: PLC0415 - most questions do without the history
    from tallybook.history.choice import Filter, known_projects  # noqa: PLC0415
    from tallybook.history.queries import session_times  # noqa: PLC0415
    from tallybook.history.store import StoreUnavailable  # noqa: PLC0415
    from tallybook.history.usage import Query, usage  # noqa: PLC0415
    from tallybook.history.zones import LocalZone  # noqa: PLC0415

    prices = PriceBook(workspace).prices()
    known = None if isinstance(prices, Refusal) else prices
    try:
        with read_store(workspace.data) as store, store.as_of_now():
            here = frozenset(one for one in known_projects(store) if _is_here(repository, one))
            rows = usage(store, Query(_BY, LocalZone(), Filter(projects=tuple(here)), known)).rows if here else ()
            times = session_times(store, {_key(row) for row in rows})
    except StoreUnavailable:
        return
    heads: HeadHistory | None = None
    for row in rows:
        *_, project, branch = row.key
        key = _key(row)
        if project in here and key not in data.accounts.shares:
            begun, last = times.get(key, (None, None))
            branch = None if branch == _DETACHED else branch
            if branch is None and begun is not None and last is not None:
                heads = heads or head_history(repository.git)
                branch = heads.between(begun // _SECOND, last // _SECOND)
            yield Alone(key, branch, Measure(row.tokens, row.quality), row.cost, begun, last)


def _key(row: UsageRow) -> SessionKey:
    agent, session, *_ = row.key
    return SessionKey(agent or "", session or "")


def _is_here(repository: Repository, project: str) -> bool:
    place, top = str(Path(project)), str(repository.toplevel)
    return place in {top, directory_of(str(repository.common_dir))} or place.startswith(top.rstrip("/") + "/")
