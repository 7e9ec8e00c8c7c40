"""Which goals commits belong to that name none: proposals, each with what it rests on."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

import msgspec

from tallybook.domain.backfill import microseconds
from tallybook.domain.cost_rows import Confidence
from tallybook.domain.findings import ended_at

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from tallybook.domain.goal import Goal

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
    """``patch-id``: it changes the same as a commit of the goal; ``time``: it was made while that goal alone ran."""
    confidence: Confidence


def proposals(
    candidates: Iterable[Candidate],
    patches: Mapping[str, str],
    named: Mapping[str, frozenset[str]],
    own: Sequence[Goal],
) -> tuple[Proposal, ...]:
    """What each candidate may belong to.

    Args:
        candidates: commits without a goal.
        patches: what a commit changes, as git's patch id, by commit.
        named: the goals of commits that have some.
        own: the goals that were worked on in this clone.
    """
    of_patch: dict[str, set[str]] = defaultdict(set)
    for commit, goals in named.items():
        if commit in patches:
            of_patch[patches[commit]] |= goals
    found: list[Proposal] = []
    for one in candidates:
        same = sorted(of_patch.get(patches.get(one.commit, ""), ()))
        if same:
            found += (Proposal(one.commit, one.subject, goal, "patch-id", Confidence.TRAILER) for goal in same)
        else:
            found += _by_time(one, own)
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
