"""What an audit finds, what it is told, and where its limits lie."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import TYPE_CHECKING, Final

import msgspec

from tallybook.domain.backfill import microseconds
from tallybook.domain.money import Cost
from tallybook.domain.usage import SessionKey

if TYPE_CHECKING:
    from tallybook.domain.goal import Goal

HOUR: Final = 3_600 * 1_000_000
DAY: Final = 24 * HOUR
_MILLISECOND: Final = 1_000


class Code(StrEnum):
    """What is wrong with a goal."""

    LIKELY_MISS = "likely-miss"
    LIKELY_PARTIAL_FIT = "likely-partial-fit"
    STALE_OPEN = "stale-open"
    SYNC_GAP = "sync-gap"
    INCOMPLETE_WINDOW = "incomplete-window"
    UNRESOLVED_SESSION = "unresolved-session"
    LOW_COST_COVERAGE = "low-cost-coverage"


class Finding(msgspec.Struct, frozen=True):
    """One thing that somebody should look at."""

    code: Code
    message: str
    hint: str
    """The command that comes next."""
    goal: str | None = None
    related: tuple[str, ...] = ()
    """Other goals that it has to do with."""
    session: SessionKey | None = None
    note: bool = False
    """Nothing is wrong; it is good to know."""


class Limits(msgspec.Struct, frozen=True):
    """From where on something is a finding."""

    follow_up_days: int = 7
    """Work that began so long after a goal's end at most has followed it."""
    crowd: int = 3
    """A reference or file that more goals have in common than this says nothing."""
    few_files: int = 2
    """A goal that changed fewer files is not judged by its files."""
    miss_percent: int = 50
    """So much of a goal's files changed again is a likely miss."""
    partial_percent: int = 20
    """So much is a likely partial fit."""
    attempts: int = 3
    """So many attempts up to an exact fit are a likely partial fit."""
    idle_hours: int = 72
    """An open goal without any command or response for so long is stale."""
    silent_days: int = 14
    """An open goal without any command for so long is stale, whatever its sessions do."""
    priced_percent: int = 90
    """A goal of which less has a price costs nobody knows what."""
    gap_hours: int = 24
    """A session may go on for so long after the last command of its open goal."""


class Facts(msgspec.Struct, frozen=True):
    """What is known besides the ledger."""

    now: int
    """Microseconds since the epoch, UTC."""
    writers: frozenset[str] = frozenset()
    """Of this clone."""
    last_at: Mapping[SessionKey, int | None] = msgspec.field(default_factory=dict)
    """The last activity of each session that logs tell of, in microseconds since the epoch, UTC."""
    settleable: frozenset[tuple[str, SessionKey]] = frozenset()
    """Boundaries that wait for a response which is logged by now."""
    fillable: frozenset[str] = frozenset()
    """Closed goals of which the history knows more than was counted for them."""
    files: Mapping[str, frozenset[str]] = msgspec.field(default_factory=dict)
    """What the commits of each goal changed, by goal id."""
    costs: Mapping[str, Cost] = msgspec.field(default_factory=dict)
    """What each goal cost, by goal id."""
    unpublished: int = 0
    """Events that are on this machine alone."""
    publishes: bool = False
    """Whether a published copy is kept."""


def commanded_at(goal: Goal) -> int:
    """When a command was run for the goal last, in microseconds since the epoch, UTC."""
    texts = [goal.started_at, *(attempt.started_at for attempt in goal.attempts)]
    texts += [stage.at for attempt in goal.attempts for stage in attempt.stages]
    clock = goal.activated[0].partition("-")[0]
    known = [at for at in map(microseconds, texts) if at is not None]
    return max([*known, int(clock) * _MILLISECOND if clock.isdecimal() else 0])


def ended_at(goal: Goal) -> int | None:
    """When it was closed, in microseconds since the epoch, UTC; None where it is open, or its end can't be read."""
    return None if goal.outcome is None else microseconds(goal.outcome.finished_at)
