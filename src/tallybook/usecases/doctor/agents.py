"""The agents whose logs are here, how well they can be read, and which session the doctor itself runs in."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from tallybook.agents.identity import Ambiguous, Flag, Found, NoSession
from tallybook.agents.registry import reader, readers
from tallybook.clock import timestamp
from tallybook.history.contents import UnreadableLog, read_log
from tallybook.reports.words import counted
from tallybook.usecases.detection import ambiguous, detected
from tallybook.usecases.doctor.finding import note, ok, problem
from tallybook.usecases.doctor.store import sound_store

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tallybook.agents.identity import Answer
    from tallybook.agents.port import LogFile, LogReader
    from tallybook.usecases.doctor.finding import Finding
    from tallybook.usecases.workspace import Workspace


def logs(workspace: Workspace) -> Iterator[Finding]:
    """For each agent: where its logs are, how many, whether all can be opened; the newest one is really read."""
    found = 0
    for one in readers():
        there = [log for log in one.discover(workspace.environ) if not log.is_closed]
        found += len(there)
        yield from _unreadable(one, workspace.environ)
        yield _summary(one, there, workspace.environ)
    if not found:
        message = "no agent has left any log here, so nothing can be measured"
        yield note("logs", message, "if an agent keeps them elsewhere, set its variable: CLAUDE_CONFIG_DIR, CODEX_HOME")


def _unreadable(one: LogReader, environ: Mapping[str, str]) -> Iterator[Finding]:
    """Directories that can't be listed, which a reader passes over."""
    faults: list[OSError] = []
    for root in one.roots(environ):
        if os.path.lexists(root):
            for _ in os.walk(root, onerror=faults.append):
                pass
    if faults:
        first = faults[0]
        more = f" (and {len(faults) - 1:,} more)" if faults[1:] else ""
        message = f"a directory can't be listed: {first.filename}: {first.strerror}{more}"
        yield problem(one.agent, message, "make it readable for your user")


def _summary(one: LogReader, there: list[LogFile], environ: Mapping[str, str]) -> Finding:
    places = ", ".join(str(root) for root in one.roots(environ)) or "no place: HOME is not set"
    if not there:
        return note(one.agent, f"no logs in {places} ({one.version})")
    newest: tuple[int, LogFile] | None = None
    closed: list[tuple[LogFile, str]] = []
    for log in there:
        try:
            handle = os.open(log.path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
        except OSError as error:
            closed.append((log, error.strerror or type(error).__name__))
            continue
        changed = os.fstat(handle).st_mtime_ns
        os.close(handle)
        if newest is None or changed > newest[0]:
            newest = changed, log
    if closed or newest is None:
        log, reason = closed[0]
        message = f"{len(closed):,} of {counted(len(there), 'log')} can't be opened: {reason}"
        return problem(one.agent, message, "make it readable for your user", log.path)
    at = timestamp(datetime.fromtimestamp(newest[0] / 1_000_000_000, UTC))
    return _newest(one, newest[1], f"{counted(len(there), 'log')} in {places}, the newest changed {at}")


def _newest(one: LogReader, log: LogFile, told: str) -> Finding:
    try:
        reading = read_log(one, log, None)
    except UnreadableLog as error:
        return problem(
            one.agent, f"{told}; it can't be read: {error}", "is the disk sound? other logs are read", log.path
        )
    batch = reading.batch
    rows = 0 if batch is None else len(batch.occurrences)
    bad = reading.overlong + (0 if batch is None else batch.bad_lines)
    whole = f"{told}; {one.version} finds {counted(rows, 'row')} in it that tell of usage"
    if bad:
        message = f"{whole}, and {counted(bad, 'line')} that can't be understood"
        return note(one.agent, message, "they are left out; if there are many, update tallybook", log.path)
    return ok(one.agent, whole, log.path)


def session(workspace: Workspace) -> Iterator[Finding]:
    """The agent session that this command runs in and how it was found, or why there is none."""
    answer = _answer(workspace)
    if isinstance(answer, Found):
        yield from _found(answer, workspace)
    elif isinstance(answer, Ambiguous):
        refusal = ambiguous(answer)
        yield note("session", refusal.message, refusal.hint)
    elif isinstance(answer, NoSession):
        message = "this runs in no agent's session: a goal that is started here is not measured"
        yield note("session", message, f"in an agent's shell: {answer.hint}")
    else:
        yield problem("session", answer.message, answer.hint)


def _answer(workspace: Workspace) -> Answer:
    """With the history where it is sound, as it was last read."""
    with sound_store(workspace) as store:
        return detected(workspace, store, Flag())


def _found(answer: Found, workspace: Workspace) -> Iterator[Finding]:
    told = f"{answer.agent} {answer.session}, found by {answer.detected_by}"
    name = answer.session.rpartition("/")[2]
    there = reader(answer.agent).discover(workspace.environ)
    log = next((log for log in there if not log.is_closed and (name in log.place or log.journal is not None)), None)
    if log is not None:
        yield ok("session", told, log.path)
        return
    places = ", ".join(str(root) for root in reader(answer.agent).roots(workspace.environ))
    hint = f"does the agent write its logs to {places}? its variable must be the same here"
    yield note("session", f"{told}, but none of the logs is of it: its tokens can't be counted", hint)
