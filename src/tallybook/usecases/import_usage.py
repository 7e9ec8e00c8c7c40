"""Takes the sums of a report of ccusage into the history, for days whose logs are gone."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from tallybook.agents.registry import AGENTS
from tallybook.domain.problems import Problem, Refusal
from tallybook.history.imported import ImportedSum, Standing, Taken, imported_sums, take
from tallybook.history.zones import LocalZone
from tallybook.usecases.capture import look_into
from tallybook.usecases.ccusage_file import read_report

if TYPE_CHECKING:
    from tallybook.history.ccusage import Report
    from tallybook.history.store import Store
    from tallybook.usecases.workspace import Workspace


class Request(msgspec.Struct, frozen=True):
    """What a person asks."""

    path: Path
    agent: str | None = None
    """The agent that the report is of, where it does not say so itself."""
    dry_run: bool = False


class ImportedReport(msgspec.Struct, frozen=True):
    """What became of a report."""

    taken: Taken
    sums: tuple[ImportedSum, ...]
    """All sums that are in the history after it."""
    problems: tuple[Problem, ...]

    @property
    def gone(self) -> tuple[ImportedSum, ...]:
        """Those that stand for logs which are gone."""
        return tuple(one for one in self.sums if one.standing is Standing.GONE)


class _Tried(Exception):  # noqa: N818
    """Ends a transaction that nothing may be left of."""

    def __init__(self, found: ImportedReport) -> None:
        self.found = found


def import_usage(workspace: Workspace, request: Request) -> ImportedReport | Refusal:
    """Keep the sums of the report; with ``dry_run`` only tell what would become of them.

    Raises:
        StoreUnavailable: the history can't be used.

    """
    if request.agent is not None and request.agent not in AGENTS:
        known = f"known: {', '.join(AGENTS)}"
        return Refusal("unknown-agent", f"there is no agent {request.agent!r}", known, usage=True)
    path = workspace.cwd / request.path
    report = read_report(path)
    if isinstance(report, Refusal):
        return report
    named = _named(report, request.agent)
    digest = sha256(repr(sorted(named.told)).encode("utf-8", "backslashreplace")).hexdigest()[:16]

    def taking(store: Store, problems: tuple[Problem, ...]) -> ImportedReport:
        with store.transaction() as connection:
            taken = take(connection, named, digest)
            told = (*workspace.problems, *problems, *store.problems)
            found = ImportedReport(taken, imported_sums(store, LocalZone()), told)
            if request.dry_run:
                raise _Tried(found)
        return found

    try:
        return look_into(workspace, taking, update=True)
    except _Tried as tried:
        return tried.found


def _named(report: Report, agent: str | None) -> Report:
    """The report with the agent for rows that name none."""
    if agent is None:
        return report
    return replace(report, told=tuple(one if one.agents else one._replace(agents=(agent,)) for one in report.told))
