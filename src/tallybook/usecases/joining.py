"""Lets sessions join a goal though no command of it ran in them: those that worked below a wrapped command.

A session that was born for the goal joins with all it has used; one that was resumed joins as it stood when the goal
began, so what it had used by then stays where it was.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from tallybook.domain.events import NewEvent, UsageSnapshot
from tallybook.domain.goal import moment
from tallybook.domain.quality import Quality, worst
from tallybook.domain.usage import SessionKey, SessionUsage, SnapshotReason
from tallybook.history import queries
from tallybook.history.moments import response_before
from tallybook.history.queries import Selection
from tallybook.usecases.capture import Wanted, reader_versions, usage_now

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from tallybook.agents.offspring import AtWork
    from tallybook.domain.state import LedgerState
    from tallybook.history.store import Store
    from tallybook.usecases.workspace import Workspace


class Span(msgspec.Struct, frozen=True):
    """The goal, and when it began."""

    goal: str
    started_at: str

    @property
    def since(self) -> int:
        """Its start in microseconds since the epoch, UTC."""
        at = moment(self.started_at)
        return 0 if at is None else int(at.timestamp() * 1_000_000)


class Born(msgspec.Struct, frozen=True):
    """Where to look for sessions that began while a command ran."""

    directories: tuple[str, ...]
    agents: frozenset[str] | None = None
    """These agents' alone; None means any agent's."""


def shown_by(store: Store, process: AtWork, since: int) -> tuple[SessionKey, ...]:
    """The sessions that a process of an agent has shown and logs tell of, those of its registry first."""
    registered = (SessionKey(process.agent, session) for session in process.registered)
    found = [key for key in registered if queries.usage_of(store, key) is not None]
    if process.logs:
        for row in queries.session_rows(store, Selection(agent=process.agent, since=since)):
            own = (path for path in row.paths if row.session in os.path.basename(path))  # noqa: PTH119 - text
            if any(os.path.realpath(path) in process.logs for path in own):
                found.append(row.key)
    return tuple(dict.fromkeys(found))


def born_there(store: Store, born: Born, since: int) -> tuple[SessionKey, ...]:
    """Sessions, children aside, that began in one of the directories after ``since``; the latest to move first."""
    rows = [
        row
        for row in queries.session_rows(store, Selection(directories=born.directories, since=since))
        if row.born_at is not None and row.born_at > since and (born.agents is None or row.agent in born.agents)
    ]
    keys = {(row.agent, row.session) for row in rows}
    return tuple(row.key for row in rows if (row.agent, row.parent) not in keys)


def without_children(store: Store, keys: Iterable[SessionKey], beside: Iterable[SessionKey] = ()) -> list[SessionKey]:
    """Those that are no child sessions of others among them or ``beside``, with which they count."""
    own = list(dict.fromkeys(keys))
    below = {child for root in (*own, *beside) for child in queries.session_tree(store, root)[1:]}
    return [key for key in own if key not in below]


def join(workspace: Workspace, store: Store, span: Span, sessions: Sequence[SessionKey], quality: Quality) -> None:
    """Write one snapshot with those of ``sessions`` that have not joined the goal yet; nothing if it is closed.

    ``quality`` is the best that can be said of what they used.

    Raises:
        LedgerError: the ledger can't be written.

    """

    def deciding(state: LedgerState) -> Sequence[NewEvent]:
        goal = state.goals.get(span.goal)
        if goal is None or not goal.is_open:
            return ()
        already = state.joined.get(span.goal, ())
        new = [key for key in without_children(store, sessions, already) if key not in already]
        usage = {part.key: part for key in new for part in _joining(store, span, key)}
        if not usage:
            return ()
        parts = tuple(_doubted(usage[key], quality) for key in sorted(usage))
        return (NewEvent(span.goal, UsageSnapshot(SnapshotReason.START, parts, reader_versions())),)

    workspace.replica().transact(deciding)


def _joining(store: Store, span: Span, root: SessionKey) -> Iterator[SessionUsage]:
    """The counters with which a session and its child sessions join."""
    now = {usage.key: usage for usage in usage_now(store, Wanted((root,), span.started_at))}
    if now[root].born_after_start or now[root].quality is Quality.UNMEASURED:
        # What ran below the command states no boundary of its own: no response of it is waited for here.
        yield from (replace(usage, pending=False, pending_call=None) for usage in now.values())
        return
    for key, usage in now.items():
        response = response_before(store, key, span.since)
        through = None if response is None else queries.usage_through(store, key, response)
        before = replace(usage, pending=False, pending_call=None, high_water=response)
        if through is not None:
            yield replace(before, classes=through.classes, quality=through.quality)
        elif key == root:
            yield replace(before, classes=(), quality=Quality.EXACT)


def _doubted(usage: SessionUsage, quality: Quality) -> SessionUsage:
    if usage.quality is Quality.UNMEASURED:
        return usage
    return replace(usage, quality=worst(usage.quality, quality))
