"""What the history tells of goals that nobody measured: candidates, each with its counters at the goal's boundaries."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from tallybook.domain.backfill import Candidate, Evidence, Window
from tallybook.domain.events import BackfilledPart, BackfilledSession
from tallybook.domain.quality import Quality, worst
from tallybook.domain.usage import SessionKey, SessionUsage
from tallybook.history.counters import Counters, counters_before
from tallybook.history.kin import Kin, read_kin
from tallybook.history.windows import at_work
from tallybook.repo.places import worktree_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

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


def candidates(
    store: Store, around: Around, asked: Sequence[tuple[Goal, Window]]
) -> Mapping[str, tuple[Candidate, ...]]:
    """Every session that can be a goal's, with what it used in the goal's window; by goal id."""
    kin = read_kin(store)
    look = _Look(around, kin, {})
    busy = at_work(store, kin, {(window.since, window.until) for _, window in asked})
    drafts = {goal.id: [*_drafts(look, goal, window, busy[window.since, window.until])] for goal, window in asked}
    moments: dict[SessionKey, set[int]] = defaultdict(set)
    for draft in (each for some in drafts.values() for each in some):
        for key in draft.sessions:
            moments[key].update(draft.moments)
    counters = counters_before(store, kin, moments)
    return {goal: tuple(_candidate(kin, draft, counters) for draft in some) for goal, some in drafts.items()}


class _Look(msgspec.Struct, frozen=True):
    """What is known of the surroundings, and of all sessions."""

    around: Around
    kin: Kin
    worktrees: dict[str, str | None]
    """In which worktree a directory lies, as far as that was asked."""

    def worktree(self, cwd: str) -> str | None:
        """The name of the worktree that a directory lies in; None where it lies in none."""
        if cwd not in self.worktrees:
            self.worktrees[cwd] = worktree_of(self.around.places, cwd)
        return self.worktrees[cwd]


class _Draft(msgspec.Struct, frozen=True):
    """A candidate of which the counters are still to be told."""

    root: SessionKey
    evidence: Evidence
    window: Window
    sessions: tuple[SessionKey, ...]
    """Those of its tree that were at work, and all that stand between them and it."""

    @property
    def moments(self) -> tuple[int, ...]:
        """The boundaries of the goal."""
        return (self.window.since, *(part.until for part in self.window.stretches))


def _drafts(look: _Look, goal: Goal, window: Window, at_work: frozenset[SessionKey]) -> Iterator[_Draft]:
    around, kin = look.around, look.kin
    busy = frozenset(key for key in at_work if around.agent in {None, key.agent})
    own = _own(around, kin, goal)
    ranked: list[tuple[SessionKey, Evidence | None]] = [(key, Evidence.SESSION) for key in own]
    if goal.writer in around.writers:
        roots = sorted({kin.lineage(key)[-1] for key in busy} - set(own))
        ranked += [(key, _evidence(look, goal, key)) for key in roots]
    for root, evidence in ranked:
        tree = kin.tree(root)
        inside = [key for key in busy if key in tree]
        if inside and evidence is not None:
            needed = {root, *(above for key in inside for above in _up_to(kin.lineage(key), root) if above in tree)}
            yield _Draft(root, evidence, window, tuple(sorted(needed, key=tree.__getitem__)))


def _own(around: Around, kin: Kin, goal: Goal) -> list[SessionKey]:
    named = () if goal.session is None else (SessionKey(goal.session.agent, goal.session.id),)
    return kin.without_children((*named, *around.joined.get(goal.id, ())))


def _evidence(look: _Look, goal: Goal, root: SessionKey) -> Evidence | None:
    told = look.kin.told(root)
    place = None if told is None or told.cwd is None else look.worktree(told.cwd)
    named = goal.agent or look.around.agent
    if goal.agent not in {None, root.agent}:
        return None
    if place is not None and goal.worktree is not None:
        return Evidence.WORKTREE if place == goal.worktree else Evidence.REPOSITORY
    return Evidence.TIME if named == root.agent else None


def _up_to(line: tuple[SessionKey, ...], root: SessionKey) -> tuple[SessionKey, ...]:
    return line[: line.index(root)] if root in line else line


def _candidate(kin: Kin, draft: _Draft, counters: Counters) -> Candidate:
    told = kin.told(draft.root)
    sessions = (_session(kin, key, draft, counters) for key in draft.sessions)
    return Candidate(
        draft.root,
        draft.evidence,
        tuple(session for session in sessions if session is not None),
        None if told is None else told.cwd,
        None if told is None else told.span.last_at,
    )


def _session(kin: Kin, key: SessionKey, draft: _Draft, counters: Counters) -> BackfilledSession | None:
    told = kin.told(key)
    if told is None:
        return None
    before, *rest = (
        SessionUsage(key.agent, key.session, *counters[key, at], parent=told.parent, unreported=told.unreported)
        for at in draft.moments
    )
    is_proof = draft.evidence.is_proof
    doubted = rest if is_proof else [replace(usage, quality=_doubted(usage.quality)) for usage in rest]
    ends = zip(draft.window.stretches, doubted, strict=True)
    parts = (BackfilledPart(it.attempt, it.stage, usage) for it, usage in ends)
    return BackfilledSession(draft.evidence.name.lower(), before, tuple(parts))


def _doubted(quality: Quality) -> Quality:
    return quality if quality is Quality.UNMEASURED else worst(quality, Quality.UNVERIFIED)
