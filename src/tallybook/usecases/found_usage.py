"""What the history tells of goals that nobody measured: candidates, each with its counters at the goal's boundaries."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from tallybook.domain.backfill import Candidate, Evidence, Window
from tallybook.domain.events import BackfilledPart, BackfilledSession
from tallybook.domain.quality import Quality, worst
from tallybook.domain.usage import SessionKey, SessionUsage
from tallybook.history import queries
from tallybook.history.queries import Selection, SessionRow, session_rows
from tallybook.history.windows import at_work, lineage
from tallybook.repo.places import worktree_of
from tallybook.usecases.joining import without_children

if TYPE_CHECKING:
    from tallybook.domain.goal import Goal
    from tallybook.history.store import Store


class Around(msgspec.Struct, frozen=True):
    """What is known besides the history."""

    writers: frozenset[str]
    """Of this clone; goals of others were worked on elsewhere."""
    places: Mapping[str, str]
    """The directories of this clone's worktrees, by their names."""
    joined: Mapping[str, tuple[SessionKey, ...]]
    """Sessions that ran a command of the goal, by goal id."""
    agent: str | None = None
    """Sessions of this agent alone."""


def candidates(store: Store, around: Around, goal: Goal, window: Window) -> tuple[Candidate, ...]:
    """Every session that can be the goal's, with what it used in the goal's window."""
    busy = frozenset(key for key in at_work(store, window.since, window.until) if around.agent in {None, key.agent})
    own = _own(store, around, goal)
    found = [_candidate(store, (key, Evidence.SESSION), busy, window) for key in own]
    if goal.writer in around.writers:
        roots = sorted({lineage(store, key)[-1] for key in busy} - set(own))
        rows = [(key, row) for key in roots for row in session_rows(store, Selection(key.agent, key.session))]
        ranked = ((key, _evidence(around, goal, row)) for key, row in rows)
        found += [_candidate(store, (key, rank), busy, window) for key, rank in ranked if rank is not None]
    return tuple(candidate for candidate in found if candidate is not None)


def _own(store: Store, around: Around, goal: Goal) -> list[SessionKey]:
    named = () if goal.session is None else (SessionKey(goal.session.agent, goal.session.id),)
    return without_children(store, (*named, *around.joined.get(goal.id, ())))


def _evidence(around: Around, goal: Goal, row: SessionRow) -> Evidence | None:
    place = None if row.cwd is None else worktree_of(around.places, row.cwd)
    named = goal.agent or around.agent
    if goal.agent not in {None, row.agent}:
        return None
    if place is not None and goal.worktree is not None:
        return Evidence.WORKTREE if place == goal.worktree else Evidence.REPOSITORY
    return Evidence.TIME if named == row.agent else None


def _candidate(
    store: Store, ranked: tuple[SessionKey, Evidence], busy: frozenset[SessionKey], window: Window
) -> Candidate | None:
    root, evidence = ranked
    tree = queries.session_tree(store, root)
    needed = {root, *(above for key in tree if key in busy for above in _up_to(lineage(store, key), root))}
    found = [_session(store, key, evidence, window) for key in tree if key in needed]
    if busy.isdisjoint(tree):
        return None
    row = session_rows(store, Selection(root.agent, root.session))[0]
    sessions = tuple(session for session in found if session is not None)
    return Candidate(root, evidence, sessions, row.cwd, row.last_at)


def _up_to(line: tuple[SessionKey, ...], root: SessionKey) -> tuple[SessionKey, ...]:
    return line[: line.index(root)] if root in line else line


def _session(store: Store, key: SessionKey, evidence: Evidence, window: Window) -> BackfilledSession | None:
    ends = [_counter(store, key, at) for at in (window.since, *(part.until for part in window.stretches))]
    known = [usage for usage in ends if usage is not None]
    if len(known) < len(ends):
        return None
    before, *rest = known
    doubted = rest if evidence.is_proof else [replace(usage, quality=_doubted(usage.quality)) for usage in rest]
    parts = (BackfilledPart(it.attempt, it.stage, usage) for it, usage in zip(window.stretches, doubted, strict=True))
    return BackfilledSession(evidence.name.lower(), before, tuple(parts))


def _doubted(quality: Quality) -> Quality:
    return quality if quality is Quality.UNMEASURED else worst(quality, Quality.UNVERIFIED)


def _counter(store: Store, key: SessionKey, at: int) -> SessionUsage | None:
    counter = queries.usage_before(store, key, at)
    if counter is None:
        return None
    return SessionUsage(
        key.agent,
        key.session,
        counter.classes,
        counter.quality,
        parent=counter.parent,
        unreported=counter.unreported,
    )
