"""One goal as the audit of costs looks at it: with the goals that are counted with it, its sessions and boundaries."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

import msgspec

from tallybook.domain.attribution import segments_of
from tallybook.domain.backfill import Verdict, microseconds
from tallybook.domain.figures import GoalUsage
from tallybook.domain.findings import Finding
from tallybook.domain.goal import Goal
from tallybook.domain.lost_ends import lost
from tallybook.domain.metrics import accounts, members_of
from tallybook.domain.money import NOTHING, Cost
from tallybook.domain.shortfalls import Known
from tallybook.domain.state import LedgerState
from tallybook.domain.tokens import total_of
from tallybook.domain.usage import SessionKey
from tallybook.domain.usage_audit import blank_sessions, sessions_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tallybook.domain.attribution import Point
    from tallybook.domain.tokens import TokenVector


class Case(msgspec.Struct, frozen=True):
    """One goal, and what there is to know of it."""

    state: LedgerState
    known: Known
    goal: Goal
    members: tuple[Goal, ...]
    """The goals that are counted with it and have no numbers by hand in the place of measured ones."""
    usage: GoalUsage
    sessions: tuple[SessionKey, ...]
    gaps: tuple[Finding, ...]

    @property
    def elsewhere(self) -> bool:
        """Whether another clone started it."""
        return self.goal.writer not in self.known.facts.writers

    @property
    def is_captured(self) -> bool:
        """Whether some part of it is measured."""
        return self.usage.captured.tokens is not None

    @property
    def cost(self) -> Cost:
        """What it cost, as far as that is known."""
        return self.known.facts.costs.get(self.goal.id, NOTHING)

    @property
    def verdict(self) -> Verdict | None:
        """What a backfill would give to it; None where nobody looked."""
        return self.known.verdicts.get(self.goal.id)

    def command(self, word: str, *more: str) -> str:
        """A command of it that a shell takes as it is."""
        return shlex.join(("tally", word, self.goal.id, *more))

    def backfill(self) -> str:
        """The command that looks for what is missing."""
        return self.command("backfill", *(("--force",) if self.is_captured else ()))


def case_of(state: LedgerState, known: Known, goal: Goal, gaps: tuple[Finding, ...]) -> Case:
    """All there is to know of one goal; ``gaps`` are what the audit of the history finds of it."""
    usage = accounts(state).goals[goal.id]
    by_hand = {share.goal for share in usage.manual if share.counts}
    together = members_of(state, goal.id)
    sessions = dict.fromkeys(key for member in together for key in sessions_of(state, member))
    members = tuple(member for member in together if member.id not in by_hand)
    return Case(state, known, goal, members, usage, tuple(sessions), gaps)


def begins_unknown(goal: Goal) -> bool:
    """Whether nothing tells what it used from its start on."""
    return goal.session is None and goal.backfill is None


def has_gaps(case: Case) -> bool:
    """Whether it lacks a boundary other than its last: a counter at its start, or in the session that it began in."""
    if not case.is_captured:
        return True
    for member in case.members:
        named = None if member.session is None else SessionKey(member.session.agent, member.session.id)
        unowned = named is not None and named not in case.state.index.owned.get(member.id, ())
        if begins_unknown(member) or blank_sessions(case.state, member) or unowned:
            return True
    return False


def lost_by(case: Case) -> Iterator[tuple[SessionKey, TokenVector]]:
    """What each of its sessions used at its end without a boundary behind it."""
    for member in case.members:
        for end in case.known.ends.get(member.id, ()):
            yield end.key, lost(case.state.lines.get(end.key), member.id, end)


def given_by_backfill(case: Case) -> TokenVector:
    """What an earlier backfill gave to it, which a new one would give again."""
    told = [(member.id, member.backfill) for member in case.members if member.backfill is not None]
    return total_of(
        segment.tokens
        for goal, backfill in told
        for key, _ in backfill.sessions
        for segment in segments_of(key, case.state.lines[key])
        if segment.snapshot == backfill.event and segment.owner is not None and segment.owner.goal == goal
    )


def points_of(case: Case) -> Iterator[tuple[SessionKey, Point]]:
    """The boundaries that end a part of it, each with its session."""
    for member in case.members:
        for key in sorted(case.state.index.owned.get(member.id, ())):
            for point in case.state.lines[key].points:
                if point.owner is not None and point.owner.goal == member.id:
                    yield key, point


def waiting_of(case: Case) -> list[tuple[str, SessionKey]]:
    """The boundaries next to a part of it of which a response is still missing, as event and session."""
    ids = {member.id for member in case.members}
    found = {(point.snapshot, key) for key, point in points_of(case) if point.pending}
    found |= {place for place, boundary in case.state.pending.items() if boundary.goal in ids}
    return sorted(found)


def times_of(goal: Goal) -> Iterator[tuple[int, str]]:
    """Its times in the order in which they were told, those that can be read."""
    texts = [goal.started_at]
    for attempt in goal.attempts:
        texts += [attempt.started_at, *(stage.at for stage in attempt.stages)]
        texts += [] if attempt.outcome is None else [attempt.outcome.finished_at]
    for text in texts:
        at = microseconds(text)
        if at is not None:
            yield at, text
