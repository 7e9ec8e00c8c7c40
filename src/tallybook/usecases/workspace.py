"""Where a command runs: the repository, its settings, its ledger, the data directory, and the time."""

from __future__ import annotations

import errno
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from tallybook.clock import Clock, Ids, SystemClock, SystemIds, timestamp
from tallybook.config import Settings, checkpoint_path, data_directory, ledger_override, load_settings
from tallybook.domain.problems import Problem, Refusal, Where
from tallybook.ledger.store import Ledger, LedgerPlace
from tallybook.repo.worktree import (
    REMEDIES,
    NoRepository,
    Repository,
    SinceGoal,
    Uncertain,
    find_repository,
    started_work,
)

if TYPE_CHECKING:  # questions to the history alone do without what these take to import
    from tallybook.domain.commands import Circumstances
    from tallybook.domain.state import LedgerState  # noqa: TC004 - nobody resolves these
    from tallybook.history.ingest import Progress  # noqa: TC004
    from tallybook.ledger.reading import Reading  # noqa: TC004
    from tallybook.ledger.replica import Replica


class Replayed(msgspec.Struct, frozen=True):
    """The ledger as it was read, and the state that it folds to."""

    reading: Reading
    state: LedgerState

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Faults of the bytes, then faults of the events."""
        return problems_of(self.reading, self.state)


def problems_of(read: Reading | Replica, state: LedgerState) -> tuple[Problem, ...]:
    """Faults of the bytes, then faults of the events."""
    newer: tuple[Problem, ...] = ()
    if read.newer:
        message = f"{read.newer} events were written by a newer tallybook and may be understood in part"
        newer = (Problem("newer-format", message, hint="update tallybook"),)
    return (*read.problems, *newer, *state.problems)


class Workspace(msgspec.Struct, frozen=True):
    """All that a command needs to know of its surroundings."""

    environ: Mapping[str, str]
    cwd: Path
    repository: Repository | None
    """None outside of git."""
    settings: Settings
    problems: tuple[Problem, ...]
    """Found in the settings, or with git."""
    data: Path
    """The data directory."""
    ledger: Ledger
    clock: Clock
    ids: Ids
    progress: Progress | None = None
    """Told of the bytes of logs read so far, and of all that are to be read."""

    def replay(self) -> Replayed:
        """Read the whole ledger and fold it."""
        from tallybook.domain.replay import fold  # noqa: PLC0415

        reading = self.ledger.read()
        return Replayed(reading, fold(reading.events))

    def replica(self) -> Replica:
        """The state of the ledger, from the checkpoint as far as it goes."""
        from tallybook.ledger.replica import Replica  # noqa: PLC0415

        place = self.ledger.place
        return Replica(self.ledger, checkpoint_path(self.data, place.home, place.published))


def open_workspace(ledger: Path | None = None) -> Workspace:
    """The workspace of this process; ``ledger`` overrides where the ledger is."""
    return workspace_at(Surroundings(os.environ, _current_directory(), SystemClock(), SystemIds()), ledger)


def _current_directory() -> Path:
    try:
        return Path.cwd()
    except FileNotFoundError as error:
        raise FileNotFoundError(errno.ENOENT, "the current directory does not exist any more, go to another") from error


class Surroundings(msgspec.Struct, frozen=True):
    """What the process was started with."""

    environ: Mapping[str, str]
    cwd: Path
    clock: Clock
    ids: Ids


def workspace_at(around: Surroundings, ledger: Path | None = None) -> Workspace:
    """The workspace of ``around``."""
    found = find_repository(around.cwd, around.environ)
    repository = found if isinstance(found, Repository) else None
    settings, faults = load_settings(None if repository is None else repository.toplevel)
    problems = [Problem(fault.code, fault.message, Where(fault.file), fault.hint) for fault in faults]
    if isinstance(found, NoRepository) and found.reason != "not-a-repository":
        hint = "goals go into the ledger of the data directory; --ledger names another"
        problems.append(Problem(found.reason, found.message, hint=hint))
    data = data_directory(around.environ)
    return Workspace(
        environ=around.environ,
        cwd=around.cwd,
        repository=repository,
        settings=settings,
        problems=tuple(problems),
        data=data,
        ledger=Ledger(_place(around, repository, settings, ledger), around.clock, around.ids),
        clock=around.clock,
        ids=around.ids,
    )


def _place(around: Surroundings, repository: Repository | None, settings: Settings, flag: Path | None) -> LedgerPlace:
    named = ledger_override(around.environ, None if flag is None else str(flag))
    if repository is None:
        home = data_directory(around.environ) / "events" if named is None else around.cwd / named
        return LedgerPlace(home, None, home)
    home = repository.common_dir / "tallybook" / "events" if named is None else around.cwd / named
    published = None if settings.ledger_publish is None else repository.toplevel / settings.ledger_publish
    return LedgerPlace(home, published, repository.common_dir)


def circumstances_of(workspace: Workspace, state: LedgerState) -> Circumstances:
    """Time and place, without any session: what git tells of this worktree, and which goals are this clone's."""
    from tallybook.domain.commands import Circumstances  # noqa: PLC0415
    from tallybook.domain.workflow import Work  # noqa: PLC0415

    repository = workspace.repository
    bare = Circumstances(
        now=timestamp(workspace.clock.now()),
        writers=workspace.ledger.writers().ids,
        worktree=None if repository is None else repository.worktree,
    )
    if repository is None:
        return bare
    there = started_work(repository, _since(state, bare), workspace.settings.ledger_publish)
    placed = replace(bare, branch=_written(repository.branch()), head=repository.head())
    if isinstance(there, Uncertain):
        return placed
    work = Work.STARTED if there.any else Work.NONE
    return replace(placed, work=work, dirty=there.fingerprint)


def explained(workspace: Workspace, plain: Refusal) -> Refusal:
    """The refusal of what needs a work tree; with the reason why git finds none, and what helps, where it told one."""
    fault = next((problem for problem in workspace.problems if problem.code in REMEDIES), None)
    if fault is None:
        return plain
    return Refusal(plain.code, f"there is no work tree here: {fault.message}", REMEDIES[fault.code])


def _written(branch: str | None) -> str | None:
    """The name for the ledger, which holds Unicode alone: other bytes, that git takes as well, stand as escapes."""
    return None if branch is None else os.fsencode(branch).decode("utf-8", "backslashreplace")


def _since(state: LedgerState, here: Circumstances) -> SinceGoal:
    """What the goal left that was finished last in this worktree."""
    from tallybook.domain.goal import finish_order  # noqa: PLC0415

    ended = state.index.finished
    finished = [ended[place] for place in ((writer, here.worktree) for writer in here.writers) if place in ended]
    last = max((state.goals[goal] for goal in finished), key=finish_order, default=None)
    if last is None or last.outcome is None:
        return SinceGoal()
    return SinceGoal(last.outcome.finished_at, last.finish_head, last.finish_dirty)
