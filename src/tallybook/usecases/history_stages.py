"""Stages of the history: logs are read, sessions classified, and what follows from both is derived."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

import msgspec

from tallybook.domain.problems import Problem
from tallybook.history.classify import classify
from tallybook.history.derive import derive_attempts, derive_threads
from tallybook.history.ingest import IngestReport
from tallybook.history.probe import git_probe
from tallybook.history.projects import settle_projects
from tallybook.history.settling import NAME, VERSION, settle_activity
from tallybook.history.stages import Outcome
from tallybook.history.store import open_store
from tallybook.usecases.capture import with_history

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from tallybook.history.store import Store
    from tallybook.usecases.workspace import Workspace

Command = Literal["ingest", "classify", "derive"]


class StagesDone(msgspec.Struct, frozen=True):
    """What a run of some stages has done."""

    report: IngestReport | None
    """None where no logs were to be read."""
    outcomes: tuple[Outcome, ...]
    problems: tuple[Problem, ...]


def run_stages(workspace: Workspace, commands: Sequence[Command]) -> StagesDone:
    """Run these stages in their order; what has nothing new to work on changes nothing.

    Raises:
        StoreUnavailable: the history can't be used.

    """

    def run(store: Store, report: IngestReport | None) -> StagesDone:
        done: dict[str, Outcome] = {}
        for command in commands:
            for one in _STAGES[command](store, workspace):
                done.setdefault(one.name, one)  # both of two commands may need a stage
        problems = () if report is None else report.problems
        return StagesDone(report, tuple(done.values()), (*workspace.problems, *problems, *store.problems))

    if "ingest" in commands:
        return with_history(workspace, run)
    with open_store(workspace.data) as store:
        return run(store, None)


def _nothing(_: Store, __: Workspace) -> Iterator[Outcome]:
    """Logs are read before any stage."""
    yield from ()


def _classified(store: Store, _: Workspace) -> Iterator[Outcome]:
    yield _activity(store)
    yield classify(store)


def _derived(store: Store, workspace: Workspace) -> Iterator[Outcome]:
    yield _activity(store)
    yield derive_threads(store)
    yield derive_attempts(store)
    yield settle_projects(store, git_probe(workspace.environ))


def _activity(store: Store) -> Outcome:
    logs = settle_activity(store)
    return Outcome(NAME, VERSION, ran=logs > 0, rows=logs)


_STAGES: Final[dict[Command, Callable[[Store, Workspace], Iterator[Outcome]]]] = {
    "ingest": _nothing,
    "classify": _classified,
    "derive": _derived,
}
