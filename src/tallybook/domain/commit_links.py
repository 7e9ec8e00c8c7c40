"""Which goals commits belong to that name none: proposals, each with what it rests on."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import msgspec

from tallybook.domain.backfill import microseconds
from tallybook.domain.cost_rows import Confidence
from tallybook.domain.findings import ended_at
from tallybook.domain.goal import Goal

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_SECOND = 1_000_000


class Candidate(msgspec.Struct, frozen=True):
    """A commit that names no goal and gives no reason."""

    commit: str
    subject: str
    at: int
    """When its author made it, in seconds since the epoch."""
    ours: bool
    """Made by the one who uses this clone."""


class Proposal(msgspec.Struct, frozen=True):
    """A commit that seems to belong to a goal."""

    commit: str
    subject: str
    goal: str
    evidence: str
    """``patch-id``: it changes the same as a commit of the goal; ``pull-request``: it came with one that was said to be
    the goal's; ``time``: it was made while that goal alone ran."""
    confidence: Confidence


class Evidence(msgspec.Struct, frozen=True):
    """What ties commits to goals."""

    patches: Mapping[str, str]
    """What a commit changes, as git's patch id, by commit."""
    named: Mapping[str, frozenset[str]]
    """The goals of commits that have some."""
    pulls: Mapping[str, frozenset[str]]
    """The goals of the pull requests that a commit came with, by commit."""
    own: Sequence[Goal]
    """The goals that were worked on in this clone."""


def proposals(candidates: Iterable[Candidate], evidence: Evidence) -> tuple[Proposal, ...]:
    """What each candidate may belong to: by the surest evidence that there is for it."""
    of_patch: dict[str, set[str]] = defaultdict(set)
    patches = evidence.patches
    for commit, goals in evidence.named.items():
        if commit in patches:
            of_patch[patches[commit]] |= goals
    found: list[Proposal] = []
    for one in candidates:
        same = sorted(of_patch.get(patches.get(one.commit, ""), ()))
        name, sure = ("patch-id", same) if same else ("pull-request", sorted(evidence.pulls.get(one.commit, ())))
        found += (Proposal(one.commit, one.subject, goal, name, Confidence.TRAILER) for goal in sure)
        if not sure:
            found += _by_time(one, evidence.own)
    return tuple(found)


def _by_time(one: Candidate, own: Sequence[Goal]) -> Iterator[Proposal]:
    """The goal that ran when it was made, where it was one alone."""
    if not one.ours:
        return
    running = [goal for goal in own if _ran(goal, one.at * _SECOND)]
    if len(running) == 1:
        yield Proposal(one.commit, one.subject, running[0].id, "time", Confidence.INFERRED)


def _ran(goal: Goal, at: int) -> bool:
    begun, ended = microseconds(goal.started_at), ended_at(goal)
    if begun is None or goal.merged_into is not None:
        return False
    return begun <= at and (ended is None or at <= ended)
