"""What one session log tells, wherever it lies: counted by the same readers, in the same store, as all other usage."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from tallybook.agents.identity import Candidate
from tallybook.agents.registry import AGENTS, reader
from tallybook.domain.events import SessionRef
from tallybook.domain.problems import Refusal
from tallybook.domain.usage import SessionKey
from tallybook.history.contents import UnreadableLog, read_log
from tallybook.history.harvest import harvest
from tallybook.history.queries import sessions_in_log
from tallybook.history.secret import store_key
from tallybook.history.store import Store, open_store
from tallybook.history.write import write
from tallybook.usecases.capture import Wanted, usage_now, with_history
from tallybook.usecases.detection import described
from tallybook.usecases.tasks import Logged

if TYPE_CHECKING:
    from tallybook.history.ingest import IngestReport
    from tallybook.history.queries import SessionRow
    from tallybook.usecases.workspace import Workspace


class _Log(msgspec.Struct, frozen=True):
    agent: str
    path: Path
    session: str | None
    """The one that is meant, where the log holds several."""


def usage_of_log(workspace: Workspace, named: str, session: str | None) -> Logged | Refusal:
    """The counters of the session in a log and of its child sessions, as of a session that was born for its goal.

    ``named`` is ``AGENT:PATH``. A log in the history has its child sessions there; another one is counted by itself.

    Raises:
        StoreUnavailable: the history can't be used.

    """
    agent, colon, place = named.partition(":")
    if not colon or agent not in AGENTS:
        message = f"{named!r} does not begin with an agent and a colon"
        return Refusal("unknown-agent", message, f"write AGENT:PATH; known: {', '.join(AGENTS)}", usage=True)
    path = workspace.cwd / place
    if not path.is_file():
        return Refusal("no-log", f"{path}: there is no such file", "tally sessions lists the sessions", usage=True)
    log = _Log(agent, path, session)

    def looking(store: Store, _: IngestReport) -> Logged | Refusal | None:
        rows = sessions_in_log(store, agent, [str(path), os.path.realpath(path)])
        return _logged(store, log, rows) if rows else None

    return with_history(workspace, looking) or _alone(workspace, log)


def _alone(workspace: Workspace, log: _Log) -> Logged | Refusal:
    """The same for a log that the history does not have."""
    it = reader(log.agent)
    with tempfile.TemporaryDirectory(prefix="log-", dir=workspace.data) as place, open_store(Path(place)) as store:
        key = store_key(store)
        try:
            reading = read_log(it, it.log_at(log.path), None)
            write(store, it, [(reading, harvest(it, reading, key))])
            while reading.more:
                reading = read_log(it, reading.log, reading.mark)
                write(store, it, [(reading, harvest(it, reading, key))])
        except UnreadableLog as error:
            return Refusal("no-log", f"{log.path}: the log was not read: {error}", "give one that can be read")
        return _logged(store, log, sessions_in_log(store, log.agent, [str(log.path)]))


def _logged(store: Store, log: _Log, rows: tuple[SessionRow, ...]) -> Logged | Refusal:
    meant = [row for row in rows if log.session in {None, row.session}]
    if not meant:
        what = "no session of it" if log.session is None else f"no session {log.session}"
        hint = f"is it a log of {log.agent}?" if not rows else f"it holds {', '.join(row.session for row in rows)}"
        return Refusal("no-session-in-log", f"{log.path}: {what} is in this log", hint)
    if len(meant) > 1:
        candidates = (Candidate(row.agent, row.session, row.last_at, row.cwd, row.total) for row in meant)
        listed = "; ".join(described(one) for one in candidates)
        return Refusal("several-sessions", f"the log holds several sessions: {listed}", "name one with --session")
    usage = usage_now(store, Wanted((SessionKey(log.agent, meant[0].session),)))
    if not any(part.classes for part in usage):
        message = f"{log.path}: no usage is in this log"
        return Refusal("no-usage-in-log", message, f"is it a log of {log.agent}? numbers can be told by hand")
    born = tuple(replace(part, born_after_start=True) for part in usage)
    return Logged(SessionRef(log.agent, meant[0].session, "log"), born)
