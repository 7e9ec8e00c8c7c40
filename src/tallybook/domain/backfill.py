"""Whose a session was that no command ran in: candidates by evidence, and a doubt is told, never decided."""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

from tallybook.domain.attribution import Segment, SessionLine, segments_of
from tallybook.domain.events import BackfilledSession
from tallybook.domain.goal import Goal, moment
from tallybook.domain.insertion import Obstacle, insert, waits, without
from tallybook.domain.replay_backfill import cuts_of
from tallybook.domain.tokens import TokenVector, total_of
from tallybook.domain.usage import SessionKey

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from tallybook.domain.attribution import Owner
    from tallybook.domain.usage import ClassUsage

_SECOND: Final = 1_000_000


class Evidence(IntEnum):
    """Why a session can be the goal's, from best to least."""

    SESSION = 0
    """A command of the goal named it, or ran in it."""
    WORKTREE = 1
    """Its directory lies in the worktree of the goal."""
    REPOSITORY = 2
    """Its directory lies in another worktree of the same clone."""
    TIME = 3
    """Its agent is the one that was named, and it was at work at that time."""

    @property
    def is_proof(self) -> bool:
        """Whether what the session used is taken for the goal's without a doubt."""
        return self <= Evidence.WORKTREE


class Stretch(NamedTuple):
    """One part of a goal's window."""

    attempt: int
    stage: int
    until: int
    """Microseconds since the epoch, UTC; the part ends before."""


class Window(msgspec.Struct, frozen=True):
    """When a goal was worked on."""

    since: int
    """Microseconds since the epoch, UTC."""
    until: int
    stretches: tuple[Stretch, ...]
    """None of them empty; the last ends with the window."""


class Candidate(msgspec.Struct, frozen=True):
    """A session that used something in the window, with its child sessions."""

    key: SessionKey
    evidence: Evidence
    sessions: tuple[BackfilledSession, ...]
    """Those of it and its child sessions that were at work, and all that stand between them and it."""
    cwd: str | None = None
    last_at: int | None = None
    """Microseconds since the epoch, UTC."""

    @property
    def tokens(self) -> TokenVector:
        """All that it used in the window, whoever owns it."""
        return total_of(
            _tokens(each.parts[-1].until.classes).growth_since(_tokens(each.before.classes)) for each in self.sessions
        )


class Weighed(msgspec.Struct, frozen=True):
    """What of a candidate the goal can get."""

    candidate: Candidate
    gain: TokenVector | None
    """None where nothing new is there for it."""
    owners: tuple[str, ...] = ()
    """Other goals that own a part of it."""
    obstacle: Obstacle | None = None


class Verdict(msgspec.Struct, frozen=True):
    """What is to become of one goal."""

    goal: str
    reason: str | None
    """None where usage was found; else ``nothing``, ``counted``, ``owned``, ``ambiguous`` or an obstacle."""
    taken: tuple[Weighed, ...] = ()
    weighed: tuple[Weighed, ...] = ()
    """All candidates, the best evidence first."""

    @property
    def sessions(self) -> tuple[BackfilledSession, ...]:
        """What goes into the ledger."""
        return tuple(session for each in self.taken for session in each.candidate.sessions)


def window_of(goal: Goal) -> Window | None:
    """From its start to its end, cut at attempts and stages; None where it has no such times, or no time between."""
    since = microseconds(goal.started_at)
    until = None if goal.outcome is None else microseconds(goal.outcome.finished_at)
    if since is None or until is None or since >= until:
        return None
    stretches: list[Stretch] = []
    reached = since
    for attempt, stage, text in _ends(goal):
        at = min(microseconds(text) or reached, until)
        if at > reached:
            stretches.append(Stretch(attempt, stage, at))
            reached = at
    if reached < until:
        last = goal.attempt
        stretches.append(Stretch(last.number, len(last.stages), until))
    return Window(since, until, tuple(stretches))


def _ends(goal: Goal) -> Iterator[tuple[int, int, str]]:
    for attempt in goal.attempts:
        for number, stage in enumerate(attempt.stages):
            yield attempt.number, number, stage.at
        if attempt.outcome is not None:
            yield attempt.number, len(attempt.stages), attempt.outcome.finished_at


def innermost_first(goals: Iterable[Goal]) -> list[Goal]:
    """In the order in which goals are given what they used: the one that was started last first.

    So of two within each other the inner one comes before the outer one, which may have been continued since.
    """
    return sorted(goals, key=_depth, reverse=True)


def _depth(goal: Goal) -> tuple[int, int, tuple[str, str, int], str]:
    """Of goals that began at one moment the one that ended first lies deepest."""
    ended = None if goal.outcome is None else microseconds(goal.outcome.finished_at)
    return (microseconds(goal.started_at) or 0, -(ended or 0), goal.activated, goal.id)


def microseconds(text: str) -> int | None:
    """Since the epoch, UTC; None where ``text`` is no time with a zone."""
    at = moment(text)
    return None if at is None else round(at.timestamp() * _SECOND)


class Book:
    """The lines of sessions while goals are backfilled one after the other; the state stays as it is."""

    def __init__(self, lines: Mapping[SessionKey, SessionLine]) -> None:
        self._lines = lines
        self._changed: dict[SessionKey, SessionLine] = {}

    def line(self, key: SessionKey) -> SessionLine:
        """The line of a session as it is by now."""
        return self._changed.get(key) or self._lines.get(key) or SessionLine()

    def take_back(self, goal: Goal) -> None:
        """Leave out what an earlier backfill gave to the goal."""
        if goal.backfill is not None:
            for key, _ in goal.backfill.sessions:
                self._changed[key] = without(self.line(key), goal.id, goal.backfill.event)

    def give(self, goal: Goal, candidates: Iterable[Candidate]) -> Verdict:
        """Choose among ``candidates``, and hand out to the goal what it gets."""
        ranked = sorted(candidates, key=lambda one: (one.evidence, one.key))
        tried = [self._tried(goal, candidate) for candidate in ranked]
        weighed = tuple(each for each, _ in tried)
        reason, taken = _chosen(weighed)
        for each, lines in tried:
            if each in taken:
                self._changed |= lines
        return Verdict(goal.id, reason, taken, weighed)

    def _tried(self, goal: Goal, candidate: Candidate) -> tuple[Weighed, dict[SessionKey, SessionLine]]:
        """What the goal would get, and the lines as they would be."""
        lines: dict[SessionKey, SessionLine] = {}
        for session in candidate.sessions:
            key, cuts = session.before.key, cuts_of(goal.id, session, candidate.sessions)
            line = self.line(key)
            inserted = Obstacle.PENDING if waits(line, cuts) else insert(line, cuts, _mark(goal))
            if isinstance(inserted, Obstacle):
                return Weighed(candidate, None, obstacle=inserted), {}
            lines[key] = inserted
        return _weighed(goal, candidate, lines), lines


def _weighed(goal: Goal, candidate: Candidate, lines: Mapping[SessionKey, SessionLine]) -> Weighed:
    mark = _mark(goal)
    parts = [part for key, line in lines.items() for part in _within(key, line, mark) if part.classes]
    gain = [part.tokens for part in parts if part.snapshot == mark and _is_of(part.owner, goal)]
    owners = {part.owner.goal for part in parts if part.owner is not None} - {goal.id}
    return Weighed(candidate, total_of(gain) if gain else None, tuple(sorted(owners)))


def _mark(goal: Goal) -> str:
    """Stands for the event that is not written yet."""
    return f"backfill of {goal.id}"


def _is_of(owner: Owner | None, goal: Goal) -> bool:
    return owner is not None and owner.goal == goal.id


def _within(key: SessionKey, line: SessionLine, mark: str) -> list[Segment]:
    """What lies between the first and the last boundary that were put in."""
    segments = list(segments_of(key, line))
    places = [number for number, segment in enumerate(segments) if segment.snapshot == mark]
    return segments[places[0] + 1 : places[-1] + 1]


def _chosen(weighed: tuple[Weighed, ...]) -> tuple[str | None, tuple[Weighed, ...]]:
    """Why nothing is taken, or what is."""
    open_to = [each for each in weighed if each.gain is not None or each.obstacle is not None]
    if not open_to:
        return _nothing(weighed), ()
    best = [each for each in open_to if each.candidate.evidence == open_to[0].candidate.evidence]
    if len(best) > 1 and best[0].candidate.evidence is not Evidence.SESSION:
        return "ambiguous", ()
    obstacle = next((each.obstacle for each in best if each.obstacle is not None), None)
    return (None, tuple(best)) if obstacle is None else (str(obstacle), ())


def _nothing(weighed: tuple[Weighed, ...]) -> str:
    if any(each.owners for each in weighed):
        return "owned"
    return "counted" if weighed else "nothing"


def _tokens(classes: Iterable[ClassUsage]) -> TokenVector:
    return total_of(usage.tokens for usage in classes)
