"""Brings the store up to date with the logs: the same result cold or step by step, and after any interruption."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

import msgspec

from tallybook.domain.problems import Problem
from tallybook.history.names import stored_text
from tallybook.history.sighting import remember
from tallybook.history.store import Store, StoreDamaged
from tallybook.history.survey import Task, marks, record_moves, survey, unreadable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tallybook.agents.port import LogReader
    from tallybook.history.contents import Reading
    from tallybook.history.harvest import Harvest
    from tallybook.history.sighting import Awaited
    from tallybook.history.visits import Job, Visit

FILES_AT_ONCE: Final = 256
BYTES_AT_ONCE: Final = 32 * 1024 * 1024


class Progress(Protocol):
    """Is told how far an ingest has come."""

    def __call__(self, done: int, total: int) -> None:
        """``done`` of ``total`` bytes of the logs that must be opened."""
        ...


class IngestReport(msgspec.Struct, frozen=True):
    """What one ingest saw and did."""

    files_seen: int
    files_read: int
    """Logs that were opened and stored."""
    bytes_read: int
    """Bytes of complete lines that were new."""
    bad_lines: int
    unknown_records: int
    problems: tuple[Problem, ...]


def ingest(
    store: Store,
    readers: Sequence[LogReader],
    environ: Mapping[str, str],
    progress: Progress | None = None,
    awaited: Awaited | None = None,
) -> IngestReport:
    """Read what is new in all logs of all agents; a store found damaged on the way is rebuilt.

    A session that is ``awaited`` has been waited for before its log is looked at.

    Raises:
        StoreUnavailable: the store cannot be written.

    """
    try:
        with store.together():
            return _ingest(store, _Logs(readers, environ, awaited), progress)
    except StoreDamaged:
        store.rebuild()
        with store.together():
            return _ingest(store, _Logs(readers, environ, awaited), progress)


class _Logs(NamedTuple):
    """All logs of some agents."""

    readers: Sequence[LogReader]
    environ: Mapping[str, str]
    awaited: Awaited | None

    def awaited_of(self, reader: LogReader) -> Awaited | None:
        return self.awaited if self.awaited is not None and self.awaited.agent == reader.agent else None


def _ingest(store: Store, logs: _Logs, progress: Progress | None) -> IngestReport:
    environ = logs.environ
    surveys = [(reader, survey(store, reader, environ, logs.awaited_of(reader))) for reader in logs.readers]
    run = _Run(store, progress, sum(task.size for _, found in surveys for task in found.tasks))
    run.problems.extend(store.problems)
    for reader, found in surveys:
        run.problems.extend(found.problems)
        record_moves(store, reader.agent, found)
        run.take(reader, found.tasks)
    for reader, found in surveys:
        if found.sight is not None:
            remember(store, reader, environ, found.sight)
    return IngestReport(
        sum(found.seen for _, found in surveys),
        len(run.stored),
        sum(run.stored.values()),
        run.bad_lines,
        run.unknown_records,
        tuple(run.problems),
    )


class _Run(msgspec.Struct):
    store: Store
    progress: Progress | None
    total: int
    done: int = 0
    stored: dict[tuple[str, str], int] = msgspec.field(default_factory=dict)
    bad_lines: int = 0
    unknown_records: int = 0
    problems: list[Problem] = msgspec.field(default_factory=list)

    def take(self, reader: LogReader, tasks: Sequence[Task]) -> None:
        """Read and store the logs of one agent, batch by batch; again those that have more, or were read meanwhile."""
        if not tasks:
            return
        from tallybook.history.crew import visits  # noqa: PLC0415 - most runs find nothing new
        from tallybook.history.secret import store_key  # noqa: PLC0415
        from tallybook.history.write import write  # noqa: PLC0415

        while tasks:
            again: list[Task] = []
            batches = self._batches(reader, tasks)
            for number, found in enumerate(visits(reader, batches, store_key(self.store)), 1):
                written = write(self.store, reader, self._readable(found))
                self.problems.extend(written.problems)
                for reading in written.stored:
                    self._count(reading)
                again.extend(Task(log, 0) for log in written.overtaken)
                again.extend(Task(reading.log, 0) for reading in written.stored if reading.more)
                if number == len(batches) or _takes_long(batches[number]):
                    self.store.commit()
            tasks = again

    def _batches(self, reader: LogReader, tasks: Sequence[Task]) -> list[list[Job]]:
        from tallybook.history.visits import Job  # noqa: PLC0415

        known = marks(self.store, reader.agent, [stored_text(task.log.key) for task in tasks])
        jobs = deque(Job(task, known.get(stored_text(task.log.key))) for task in tasks)
        batches = []
        while jobs:
            batches.append(_next_batch(jobs))
        return batches

    def _readable(self, found: Sequence[Visit]) -> list[tuple[Reading, Harvest]]:
        for one in found:
            self._advance(one.task.size)
            if one.fault is not None:
                self.problems.append(unreadable(one.task.log, one.fault))
        return [(one.reading, one.harvest) for one in found if one.reading is not None and one.harvest is not None]

    def _advance(self, size: int) -> None:
        self.done += size
        if self.progress is not None:
            self.progress(self.done, self.total)

    def _count(self, reading: Reading) -> None:
        key = (reading.log.agent, reading.log.key)
        self.stored[key] = self.stored.get(key, 0) + reading.bytes_read
        self.bad_lines += reading.overlong
        if reading.batch is not None and not reading.more:  # whose last part has the sum of all
            self.bad_lines += reading.batch.bad_lines
            self.unknown_records += reading.batch.unknown_records


def _takes_long(batch: Sequence[Job]) -> bool:
    """Whether others should not have to wait until it is read."""
    return sum(job.task.size for job in batch) > 2 * BYTES_AT_ONCE


def _next_batch(jobs: deque[Job]) -> list[Job]:
    batch: list[Job] = []
    size = 0
    while jobs and len(batch) < FILES_AT_ONCE and size < BYTES_AT_ONCE:
        batch.append(jobs.popleft())
        size += batch[-1].task.size
    return batch
