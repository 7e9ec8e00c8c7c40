"""Usage snapshots as queries over the history: what the sessions of a command have used up to now.

A response belongs before the boundary of the command that it issued. Where its usage is not logged yet, the
snapshot says so (``pending``), and ``settlements`` states that boundary anew as soon as the log tells.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, TypeVar

import msgspec
from msgspec.structs import replace

from tallybook.agents.registry import AGENTS, reader, readers
from tallybook.domain.events import NewEvent, UsageSnapshot
from tallybook.domain.goal import moment
from tallybook.domain.quality import Quality
from tallybook.domain.usage import SessionKey, SessionUsage, SnapshotReason
from tallybook.history import queries
from tallybook.history.as_it_is import read_store, store_as_it_is
from tallybook.history.ingest import IngestReport, ingest
from tallybook.history.store import Store, StoreDamaged, StoreUnavailable, open_store

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator

    from tallybook.domain.problems import Problem
    from tallybook.domain.state import LedgerState, PendingBoundary
    from tallybook.history.sighting import Awaited
    from tallybook.usecases.workspace import Workspace

T = TypeVar("T")


class Wanted(msgspec.Struct, frozen=True):
    """The sessions a snapshot is taken of."""

    sessions: tuple[SessionKey, ...]
    goal_started_at: str | None = None
    """When the goal began that they are to join; None for a goal that begins with this command."""
    calls: Mapping[SessionKey, str] = msgspec.field(default_factory=dict)
    """The tool call that runs the command, where its agent names it."""


def with_history(
    workspace: Workspace,
    use: Callable[[Store, IngestReport], T],
    agents: Collection[str] | None = None,
    awaited: Awaited | None = None,
) -> T:
    """What ``use`` makes of the store, brought up to date; one found damaged on the way is rebuilt, and used anew.

    Logs of ``agents`` alone are read where these are given: those of others stand in the store as they were last read.
    A session that is ``awaited`` is waited for before its log is looked at.

    Raises:
        StoreUnavailable: the history can't be used.

    """
    wanted = readers() if agents is None else tuple(reader(agent) for agent in sorted(agents))
    with open_store(workspace.data) as store:
        try:
            return use(store, ingest(store, wanted, workspace.environ, workspace.progress, awaited))
        except StoreDamaged:
            store.rebuild()
            return use(store, ingest(store, readers(), workspace.environ))


def look_into(workspace: Workspace, use: Callable[[Store, tuple[Problem, ...]], T], *, update: bool) -> T:
    """What ``use`` makes of the store and of what stood in the way; with ``update`` the logs are read first.

    Where nothing can be written, the store is read as it was last written, and its problems tell so.

    Raises:
        StoreUnavailable: the history can't be used.

    """

    def updated(store: Store, report: IngestReport) -> T:
        return use(store, report.problems)

    if not update:
        with read_store(workspace.data) as store:
            return use(store, ())
    try:
        return with_history(workspace, updated)
    except StoreUnavailable as error:
        with store_as_it_is(workspace.data, error) as store:
            return use(store, ())


def reader_versions() -> str:
    """The versions of all readers, for the snapshot event."""
    return " ".join(sorted(reader(agent).version for agent in AGENTS))


def usage_now(store: Store, wanted: Wanted) -> tuple[SessionUsage, ...]:
    """The counters of the sessions and all their child sessions, each once."""
    found: dict[SessionKey, SessionUsage] = {}
    for root in wanted.sessions:
        tree = queries.session_tree(store, root)
        born = _born_after(store, root, wanted.goal_started_at)
        for key in tree or (root,):
            if key not in found:
                usage = _usage(store, key, born_after_start=born)
                found[key] = _with_call(store, usage, wanted.calls.get(key))
    return tuple(found[key] for key in sorted(found))


def settlements(store: Store, state: LedgerState, sessions: Iterable[SessionKey]) -> Iterator[NewEvent]:
    """A correcting snapshot for each pending boundary of ``sessions`` whose response the log now tells."""
    wanted = set(sessions)
    for (snapshot, key), boundary in state.pending.items():
        if key not in wanted:
            continue
        settled = _settled(store, boundary)
        if settled is not None:
            body = UsageSnapshot(SnapshotReason.SETTLE, (settled,), reader_versions(), settles=snapshot)
            yield NewEvent(boundary.goal, body)


def _usage(store: Store, key: SessionKey, *, born_after_start: bool) -> SessionUsage:
    counter = queries.usage_of(store, key)
    if counter is None:
        return SessionUsage(key.agent, key.session, (), Quality.UNMEASURED, born_after_start=born_after_start)
    return SessionUsage(
        agent=key.agent,
        session=key.session,
        classes=counter.classes,
        quality=counter.quality,
        parent=counter.parent,
        born_after_start=born_after_start,
        pending=counter.pending,
        high_water=counter.high_water,
        pending_call=counter.pending_call,
        unreported=counter.unreported,
    )


def _with_call(store: Store, usage: SessionUsage, call: str | None) -> SessionUsage:
    """The response of the running call counts as missing, even where the log does not show the call yet."""
    if call is None or usage.quality is Quality.UNMEASURED or queries.response_of_call(store, usage.key, call):
        return usage
    return replace(usage, pending=True, pending_call=call)


def _born_after(store: Store, key: SessionKey, goal_started_at: str | None) -> bool:
    if goal_started_at is None:
        return False
    born_at = queries.born_at(store, key)
    return born_at is not None and born_at > _microseconds(goal_started_at)


def _microseconds(text: str | None) -> int:
    at = None if text is None else moment(text)
    return 0 if at is None else int(at.timestamp() * 1_000_000)


def _settled(store: Store, boundary: PendingBoundary) -> SessionUsage | None:
    """The counter at the boundary with the response that issued the command; None as long as it is not logged."""
    before = boundary.usage
    now = queries.usage_of(store, before.key)
    if now is None:
        return None
    response = before.high_water
    if before.pending_call is not None:
        response = queries.response_of_call(store, before.key, before.pending_call)
        moved_on = (now.last_at or 0) > _microseconds(boundary.at) and now.pending_call != before.pending_call
        if response is None and not moved_on:
            return None
    unfinished = now.pending and now.pending_call in {None, before.pending_call}
    if unfinished and now.high_water == response:
        return None
    through = None if response is None else queries.usage_through(store, before.key, response)
    if through is None:
        # The call was given up: its response never gets any usage, so the counter was right as it stood.
        return replace(before, pending=False)
    return replace(before, classes=through.classes, quality=through.quality, pending=False, high_water=response)
