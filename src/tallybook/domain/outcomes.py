"""What became of the work of goals in git, and what an accepted goal costs.

Accepted is what is on the main line and was not taken back. The work of all other goals was paid too: it stays in the
sum that is divided by the number of accepted ones.
"""

from __future__ import annotations

from enum import StrEnum
from fractions import Fraction
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence


class Landing(StrEnum):
    """What became of the commits of a goal."""

    MERGED = "merged"
    """One of them at least is on the main line, and no revert has taken it back."""
    REVERTED = "reverted"
    """They were on the main line, and all of them were taken back."""
    OPEN = "open"
    """They are on other branches alone, and somebody may still merge them."""
    ABANDONED = "abandoned"
    """They are on other branches alone, and the goal failed, was superseded, or nothing moved for long."""
    NO_COMMITS = "no-commits"
    """No commit here names it."""


class Made(msgspec.Struct, frozen=True):
    """One commit that names goals."""

    id: str
    at: int
    """Seconds since the epoch."""
    goals: frozenset[str]
    on_main: bool
    reverts: frozenset[str] = frozenset()
    """What it takes back; of a merge all that came with it."""


class Work(msgspec.Struct, frozen=True):
    """The commits of one goal."""

    commits: tuple[str, ...] = ()
    landed: tuple[str, ...] = ()
    """Those on the main line."""
    alive: tuple[str, ...] = ()
    """Those of them that were not taken back."""
    last_at: int | None = None
    """Seconds since the epoch."""


def work_of(commits: Sequence[Made]) -> Mapping[str, Work]:
    """The commits of each goal; they are given newest first, so that a revert comes before what it takes back."""
    dead: set[str] = set()
    found: dict[str, list[Made]] = {}
    for commit in commits:
        if commit.on_main and commit.id not in dead:
            dead |= commit.reverts
        for goal in commit.goals:
            found.setdefault(goal, []).append(commit)
    return {goal: _work(made, dead) for goal, made in found.items()}


def _work(made: Sequence[Made], dead: set[str]) -> Work:
    landed = tuple(one.id for one in made if one.on_main)
    return Work(
        tuple(one.id for one in made),
        landed,
        tuple(commit for commit in landed if commit not in dead),
        max(one.at for one in made),
    )


def joined(works: Iterable[Work]) -> Work:
    """The work of goals that are counted as one."""
    commits: dict[str, None] = {}
    landed: dict[str, None] = {}
    alive: dict[str, None] = {}
    last: int | None = None
    for work in works:
        commits |= dict.fromkeys(work.commits)
        landed |= dict.fromkeys(work.landed)
        alive |= dict.fromkeys(work.alive)
        if work.last_at is not None:
            last = work.last_at if last is None else max(last, work.last_at)
    return Work(tuple(commits), tuple(landed), tuple(alive), last)


def landing_of(work: Work, *, given_up: bool, stale_at: int) -> Landing:
    """What became of a goal; one that is ``given_up`` failed or was superseded. ``stale_at`` is in seconds."""
    if not work.commits:
        return Landing.NO_COMMITS
    if work.alive:
        return Landing.MERGED
    if work.landed:
        return Landing.REVERTED
    late = work.last_at is not None and work.last_at < stale_at
    return Landing.ABANDONED if given_up or late else Landing.OPEN


class PerAccepted(msgspec.Struct, frozen=True):
    """What accepted goals take, in whole units; None where that is unknown or there is none."""

    accepted: int
    known: int
    """Accepted goals of which a number is known."""
    spent: int | None
    """By all goals that were looked at, whatever became of them, as far as a number is known."""
    mean: int | None
    """Spent by all, for each accepted goal, rounded half to even."""
    median: int | None
    """Of what the accepted goals themselves took; of two in the middle their mean, rounded half to even."""
    p90: int | None
    """Nine tenths of them took no more: the smallest such number among them."""


def per_accepted(numbers: Iterable[tuple[bool, int | None]]) -> PerAccepted:
    """From whether each goal is accepted, and what it took."""
    told = list(numbers)
    accepted = sum(yes for yes, _ in told)
    own = sorted(number for yes, number in told if yes and number is not None)
    known = [number for _, number in told if number is not None]
    spent = sum(known) if known else None
    mean = None if spent is None or not accepted else round(Fraction(spent, accepted))
    return PerAccepted(accepted, len(own), spent, mean, _median(own), own[-(-9 * len(own) // 10) - 1] if own else None)


def _median(ordered: Sequence[int]) -> int | None:
    if not ordered:
        return None
    half = len(ordered) // 2
    return ordered[half] if len(ordered) % 2 else round(Fraction(ordered[half - 1] + ordered[half], 2))
