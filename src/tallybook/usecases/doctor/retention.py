"""Logs that their agents will delete soon: when, and how many tokens of them the history has not seen."""

from __future__ import annotations

import os
import tempfile
from collections import defaultdict
from contextlib import suppress
from datetime import UTC, datetime
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from tallybook.agents.port import Keeping, LogFile, LogReader
from tallybook.agents.registry import readers
from tallybook.clock import unix_milliseconds
from tallybook.history.contents import UnreadableLog, read_log
from tallybook.history.harvest import harvest
from tallybook.history.queries import tokens_by_key
from tallybook.history.secret import store_key
from tallybook.history.store import Store, open_store
from tallybook.history.survey import survey
from tallybook.history.write import write
from tallybook.reports.words import counted
from tallybook.usecases.doctor.finding import note, ok, problem
from tallybook.usecases.doctor.store import sound_store
from tallybook.usecases.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from tallybook.usecases.doctor.finding import Finding

SOON: Final = 7
"""Days."""
_DAY: Final = 86_400
_REMEDY: Final = "tally usage reads them into the history, where they stay"


class _Doomed(msgspec.Struct, frozen=True):
    """A log and the moment, in seconds since the epoch, from which its agent may delete it."""

    log: LogFile
    at: float


def retention(workspace: Workspace) -> Iterator[Finding]:
    """For each agent that deletes logs by itself: which go within a week, and what of them would be lost."""
    now = unix_milliseconds(workspace.clock.now()) / 1000
    with sound_store(workspace) as store:
        for reader in readers():
            keepings = reader.keepings(workspace.environ)
            if keepings and any(os.path.lexists(keeping.root) for keeping in keepings):
                doomed = [one for one in _doomed(reader, workspace.environ, now) if one.at < now + SOON * _DAY]
                yield _finding(_Case(workspace, store, reader, keepings, tuple(doomed)))


def _doomed(reader: LogReader, environ: Mapping[str, str], now: float) -> Iterator[_Doomed]:
    keepings = reader.keepings(environ)
    homes: dict[Path, list[tuple[float, LogFile, Keeping]]] = defaultdict(list)
    for log in reader.discover(environ):
        keeping = next((one for one in keepings if log.path.is_relative_to(one.root)), None)
        if keeping is not None and not log.is_closed:
            with suppress(OSError):
                homes[log.path.parent].append((log.path.stat().st_mtime, log, keeping))
    for logs in homes.values():
        logs.sort(key=itemgetter(0), reverse=True)
        for place, (changed, log, keeping) in enumerate(logs):
            at = changed + keeping.days * _DAY
            is_next = log.place in keeping.at_once or (keeping.most is not None and place >= keeping.most)
            yield _Doomed(log, min(at, now) if is_next else at)


class _Case(msgspec.Struct, frozen=True):
    workspace: Workspace
    store: Store | None
    reader: LogReader
    keepings: tuple[Keeping, ...]
    doomed: tuple[_Doomed, ...]


def _finding(case: _Case) -> Finding:
    agent, doomed = case.reader.agent, case.doomed
    told = f"{agent} deletes logs {counted(min(one.days for one in case.keepings), 'day')} after their last change"
    most = [one.most for one in case.keepings if one.most is not None]
    if most:
        told = f"{told}, and all but the {min(most):,} newest of each project"
    if not doomed:
        return ok("retention", f"{told}; none of them goes within {SOON} days")
    first = min(one.at for one in doomed)
    day = f"{datetime.fromtimestamp(first, UTC):%Y-%m-%d}"
    told = f"{told}; {counted(len(doomed), 'log')} may go within {SOON} days, from {day} on"
    unread = _unread(case)
    if not unread:
        return ok("retention", f"{told}, and the history has all of them")
    tokens = _unseen(case, unread)
    where = unread[0].path
    if not tokens:
        return note("retention", f"{told}; {counted(len(unread), 'log')} of them without tokens are unread", "", where)
    message = f"{told}; with {counted(len(unread), 'log')} of them {tokens:,} tokens would go unseen"
    return problem("retention", message, _REMEDY, where)


def _unread(case: _Case) -> list[LogFile]:
    """Those that the history has not read to their end."""
    logs = {one.log.key: one.log for one in case.doomed}
    if case.store is None:
        return list(logs.values())
    changed = {task.log.key for task in survey(case.store, case.reader, case.workspace.environ).tasks}
    return [log for key, log in logs.items() if key in changed]


def _unseen(case: _Case, logs: Sequence[LogFile]) -> int:
    """The tokens that these logs tell of and the history does not; counted in a store that is thrown away."""
    readings = []
    for log in logs:
        with suppress(UnreadableLog):
            readings.append(read_log(case.reader, log, None))
    with tempfile.TemporaryDirectory(prefix="tally-") as place, open_store(Path(place)) as scratch:
        key = store_key(scratch)
        write(scratch, case.reader, [(reading, harvest(case.reader, reading, key)) for reading in readings])
        told = tokens_by_key(scratch, case.reader.agent)
    seen = {} if case.store is None else tokens_by_key(case.store, case.reader.agent, told)
    return sum(max(tokens - seen.get(key, 0), 0) for key, tokens in told.items())
