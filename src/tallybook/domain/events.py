"""One flat frozen class per event type: what a line of the ledger can say.

Times inside bodies are text as the user gave them, ISO 8601 with a zone; ``Event.at`` is when the line was written.
"""

from __future__ import annotations

from typing import ClassVar, Final

import msgspec

from tallybook.domain.tokens import TokenVector
from tallybook.domain.usage import SessionUsage, SnapshotReason

WATCHED: Final = ("descendant", "born")
"""How a session is found below a command: nothing that worked for its goal came before it, so nothing is unmeasured."""


class SessionRef(msgspec.Struct, frozen=True):
    """The session a command was run in, and how that was found."""

    agent: str
    id: str
    detected_by: str
    """``flag``, ``environment``, ``variable``, ``process``, ``registry``, ``directory``, ``log``; or of ``WATCHED``."""


class ImportSource(msgspec.Struct, frozen=True):
    """The record of another system that an import brought a goal to."""

    system: str
    """What sort of ledger it stands in, such as ``events`` or ``analyses``."""
    id: str
    """Of the goal there."""
    told_at: str | None = None
    """When the record was last told something there; an older state of it takes nothing back."""
    facts: tuple[str, ...] = ()
    """What the record says, as ``NAME:`` and 12 hex digits for the value: the same fact is taken once."""


class GoalStarted(msgspec.Struct, frozen=True):
    """A goal is opened; its first attempt begins."""

    TYPE: ClassVar = "goal_started"

    title: str
    kind: str
    """``product``, ``retro``, ``meta`` or ``check``."""
    started_at: str
    worktree: str | None = None
    """Opaque name of the worktree in which it is open; None outside of git."""
    session: SessionRef | None = None
    untracked: bool = False
    """The user asked for no session; not the same as finding none."""
    agent: str | None = None
    model: str | None = None
    notes: str | None = None
    refs: tuple[str, ...] = ()
    supersedes: str | None = None
    inputs: tuple[str, ...] = ()
    """Goals whose results went into this one."""
    input_sources: tuple[str, ...] = ()
    source_id: str | None = None
    pass_number: int | None = None
    branch: str | None = None
    head: str | None = None
    """Commit that was checked out."""
    source: ImportSource | None = None
    """Of a goal that was imported; a second start from the same record is an update."""


class GoalContinued(msgspec.Struct, frozen=True):
    """The attempt that runs has failed; the next one begins."""

    TYPE: ClassVar = "goal_continued"

    continued_at: str
    failure_reason: str | None = None
    """Why the attempt before failed."""
    notes: str | None = None
    session: SessionRef | None = None
    number: int | None = None
    """Of the attempt that begins; a goal that has so many already was continued before. None for one more."""


class GoalFinished(msgspec.Struct, frozen=True):
    """The goal is closed: one compound register, status and reason and fit and time together."""

    TYPE: ClassVar = "goal_finished"

    status: str
    """``success`` or ``fail``."""
    finished_at: str
    failure_reason: str | None = None
    result_fit: str | None = None
    """``exact_fit``, ``partial_fit`` or ``miss``; product goals only."""
    notes: str | None = None
    session: SessionRef | None = None
    head: str | None = None
    dirty: str | None = None
    """Fingerprint of the uncommitted changes that were left, None where there were none."""


class GoalCorrected(msgspec.Struct, frozen=True):
    """A closed goal's outcome was wrong; the old value stays in the ledger."""

    TYPE: ClassVar = "goal_corrected"

    status: str
    finished_at: str
    failure_reason: str | None = None
    result_fit: str | None = None
    notes: str | None = None
    reason: str | None = None


class GoalUpdated(msgspec.Struct, frozen=True):
    """Some fields have a new value; None leaves a field as it is."""

    TYPE: ClassVar = "goal_updated"

    title: str | None = None
    notes: str | None = None
    result_fit: str | None = None
    model: str | None = None
    refs: tuple[str, ...] = ()
    """Added to those it has, like the inputs."""
    inputs: tuple[str, ...] = ()
    input_sources: tuple[str, ...] = ()
    claims_extracted: int | None = None
    """Of a check: statements that it took from its source."""
    claims_updated: int | None = None
    """Of a check: statements known before that it changed."""
    source: ImportSource | None = None
    """The record whose present state this is."""


class GoalsMerged(msgspec.Struct, frozen=True):
    """The goal named by the event is kept; ``dropped`` is counted with it from now on."""

    TYPE: ClassVar = "goals_merged"

    dropped: str


class StageMarked(msgspec.Struct, frozen=True, gc=False):
    """The part of the attempt that ends here has a name."""

    TYPE: ClassVar = "stage_marked"

    stage: str
    marked_at: str
    notes: str | None = None
    key: str | None = None
    """A second mark with the same key is the same mark."""


class UsageSnapshot(msgspec.Struct, frozen=True, gc=False):
    """What sessions had used when a command ran for the goal."""

    TYPE: ClassVar = "usage_snapshot"

    reason: SnapshotReason
    sessions: tuple[SessionUsage, ...]
    reader: str
    """Versions of the readers that counted, such as ``claude/1 codex/1``."""
    settles: str | None = None
    """Id of the earlier snapshot whose sessions this one states anew."""


class BackfilledPart(msgspec.Struct, frozen=True):
    """What a session used for one part of an attempt: all since the part before, or since the window began."""

    attempt: int
    stage: int
    """Index of the stage within the attempt; equal to the number of its marks for the unmarked tail."""
    until: SessionUsage
    """The counter when the part ended."""


class BackfilledSession(msgspec.Struct, frozen=True):
    """One session's counters at the boundaries of a goal, found in the history afterwards."""

    evidence: str
    """Why it is the goal's: ``session``, ``worktree``, ``repository`` or ``time``."""
    before: SessionUsage
    """The counter when the window began."""
    parts: tuple[BackfilledPart, ...]
    """In the order of time."""


class UsageBackfilled(msgspec.Struct, frozen=True):
    """What the goal used, as the history tells afterwards; of two such events the later holds."""

    TYPE: ClassVar = "usage_backfilled"

    since: str
    """Start of the window in which the goal was worked on."""
    until: str
    """Its end, which is not part of it."""
    sessions: tuple[BackfilledSession, ...]
    """None at all takes back what an earlier one said."""
    reader: str
    """Versions of the readers that counted."""


class UsageManual(msgspec.Struct, frozen=True):
    """What the goal used, as a person or a script says; of two such events the later holds."""

    TYPE: ClassVar = "usage_manual"

    tokens: TokenVector
    unreported: tuple[str, ...] = ()
    """Components of ``tokens`` that were not told."""
    model: str | None = None


class GoalLinked(msgspec.Struct, frozen=True):
    """A commit, branch or pull request belongs to the goal."""

    TYPE: ClassVar = "goal_linked"

    kind: str
    """``commit``, ``branch``, ``pr`` or ``ref``."""
    target: str
    evidence: str = "declared"


class BudgetSet(msgspec.Struct, frozen=True):
    """What the goal (or one stage of it) may use from now on; with no number it has no budget any more."""

    TYPE: ClassVar = "budget_set"

    tokens: int | None = None
    nano_usd: int | None = None
    stage: str | None = None


class UnknownBody(msgspec.Struct, frozen=True):
    """An event of a type that this version does not know; kept and counted, never an error."""

    TYPE: ClassVar = "unknown"

    type: str


Body = (
    GoalStarted
    | GoalContinued
    | GoalFinished
    | GoalCorrected
    | GoalUpdated
    | GoalsMerged
    | StageMarked
    | UsageSnapshot
    | UsageBackfilled
    | UsageManual
    | GoalLinked
    | BudgetSet
    | UnknownBody
)

KNOWN_BODIES: Final = (
    GoalStarted,
    GoalContinued,
    GoalFinished,
    GoalCorrected,
    GoalUpdated,
    GoalsMerged,
    StageMarked,
    UsageSnapshot,
    UsageBackfilled,
    UsageManual,
    GoalLinked,
    BudgetSet,
)


class NewEvent(msgspec.Struct, frozen=True):
    """An event that has been decided and not been written yet."""

    goal: str
    body: Body


class Event(msgspec.Struct, frozen=True, gc=False):
    """One line of the ledger, read."""

    id: str
    """UUID version 7, lowercase with hyphens; the same event in two files is one event."""
    writer: str
    seq: int
    """From 1, without gaps, per writer."""
    at: str
    """UTC, microseconds, ``Z``."""
    hlc: str
    """Hybrid logical clock: 13 digits of milliseconds, ``-``, 4 hex digits."""
    goal: str
    body: Body

    @property
    def order(self) -> tuple[str, str, int]:
        """The place in the total order of all events."""
        return (self.hlc, self.writer, self.seq)

    @property
    def type(self) -> str:
        """The type as it stands in the line."""
        return self.body.type if isinstance(self.body, UnknownBody) else self.body.TYPE
