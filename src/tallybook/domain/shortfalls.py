"""Goals whose cost or usage is not whole: each of them stands in one of six categories."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import TYPE_CHECKING

import msgspec

from tallybook.domain.backfill import Verdict, microseconds
from tallybook.domain.findings import Facts, ended_at
from tallybook.domain.lost_ends import End
from tallybook.domain.money import Cost
from tallybook.domain.usage import SessionKey

if TYPE_CHECKING:
    from tallybook.domain.goal import Goal


class Category(StrEnum):
    """Why a goal is not whole, the worst first; where several are so, the first of them is its category."""

    SYNC_GAP = "sync-gap"
    """The history knows of usage that the ledger has not taken, and a command takes it now."""
    PARTIAL_COVERAGE = "partial-coverage"
    """A part of it is measured, or has a price, and another part is or has not."""
    UNRESOLVED_SESSION = "unresolved-session"
    """It has a session or an agent, and no log tells of it; or several sessions could be meant."""
    NO_DATA = "no-data"
    """Nothing ever told of any usage, nor of an agent."""
    UNAVAILABLE_TELEMETRY = "unavailable-telemetry"
    """Nothing here could tell: it was not to be measured, its agent has no logs, or they are on another machine."""
    INCOMPLETE_WINDOW = "incomplete-window"
    """Its time is not known from end to end: it is open, a boundary is missing, or its times go back."""


class Reason(msgspec.Struct, frozen=True):
    """One thing that keeps a goal from being whole."""

    category: Category
    message: str
    command: str
    """What to run next."""
    sessions: tuple[SessionKey, ...] = ()
    snapshots: tuple[str, ...] = ()
    """Ids of the events of boundaries that wait."""
    missing: int = 0
    """Tokens that are known to be missing from the goal, or from what has a price."""


class Coverage(msgspec.Struct, frozen=True):
    """How many of some things have a number."""

    measured: int
    all: int


class Shortfall(msgspec.Struct, frozen=True):
    """One goal that is not whole."""

    goal: str
    reasons: tuple[Reason, ...]
    """All, the one that counts first."""
    tokens: int | None
    """What is counted; None where nothing is."""
    attempts: Coverage
    stages: Coverage
    """The unmarked tails among them."""
    cost: Cost
    """Of what is counted."""
    writer: str
    elsewhere: bool
    """It was worked on in another clone, so all but its ledger is there."""
    backfill: str | None = None
    """Why `tally backfill` finds nothing for it, where that was looked at."""

    @property
    def reason(self) -> Reason:
        """Why it stands in its category."""
        return self.reasons[0]

    @property
    def category(self) -> Category:
        """The one that it stands in."""
        return self.reason.category

    @property
    def also(self) -> tuple[Category, ...]:
        """The other categories that it would stand in."""
        found = {reason.category for reason in self.reasons} - {self.category}
        return tuple(category for category in Category if category in found)


class Known(msgspec.Struct, frozen=True):
    """What is known besides the ledger."""

    facts: Facts
    agents: Mapping[str, tuple[str, ...]] = msgspec.field(default_factory=dict)
    """Those whose logs can be read, each with what its logs never hold."""
    captures: bool = True
    """Whether usage is measured in this place at all."""
    verdicts: Mapping[str, Verdict] = msgspec.field(default_factory=dict)
    """What `tally backfill` would give to closed goals, by goal id."""
    ends: Mapping[str, tuple[End, ...]] = msgspec.field(default_factory=dict)
    """What sessions of closed goals had used when these were closed, by goal id."""


class Scope(msgspec.Struct, frozen=True):
    """Which goals are looked at; all but those that are counted with another one, without limits."""

    since: int | None = None
    """Those that were open at this moment or later, in microseconds since the epoch, UTC."""
    until: int | None = None
    """Those that began before."""
    kinds: frozenset[str] = frozenset()

    def has(self, goal: Goal) -> bool:
        """Whether a goal is looked at; one whose times can't be read is."""
        begun, ended = microseconds(goal.started_at), ended_at(goal)
        if goal.merged_into is not None or (self.kinds and goal.kind not in self.kinds):
            return False
        if self.since is not None and ended is not None and ended < self.since:
            return False
        return self.until is None or begun is None or begun < self.until


class CostAudit(msgspec.Struct, frozen=True):
    """All goals that were looked at."""

    shortfalls: tuple[Shortfall, ...]
    """By category, the worst first; within one, those first of which the most is missing."""
    whole: tuple[str, ...]
    """The goals of which nothing is missing."""

    @property
    def looked(self) -> int:
        """How many goals there are in all."""
        return len(self.shortfalls) + len(self.whole)

    def count(self, category: Category) -> int:
        """How many goals stand in a category."""
        return sum(one.category is category for one in self.shortfalls)
