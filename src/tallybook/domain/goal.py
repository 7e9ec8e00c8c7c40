"""Goals, their attempts and stages, and the invariants that hold for each of them."""

from __future__ import annotations

import unicodedata
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Final

import msgspec
from msgspec.structs import replace

from tallybook.domain.events import ImportSource, SessionRef
from tallybook.domain.tokens import TokenVector
from tallybook.domain.usage import SessionKey

if TYPE_CHECKING:
    from collections.abc import Iterator


KINDS: Final = ("product", "retro", "meta", "check")
FAILURE_REASONS: Final = (
    "unclear_task",
    "missing_context",
    "validation_failed",
    "environment_issue",
    "model_mistake",
    "scope_too_large",
    "tooling_issue",
    "other",
)
RESULT_FITS: Final = ("exact_fit", "partial_fit", "miss")
OUTCOMES: Final = ("success", "fail")
LONGEST_TEXT: Final = 2_000
LARGEST_COUNT: Final = 2**53 - 1


class Status(StrEnum):
    """What became of a goal."""

    OPEN = "open"
    SUCCESS = "success"
    FAIL = "fail"
    SUPERSEDED = "superseded"
    MERGED = "merged"


class Outcome(msgspec.Struct, frozen=True, array_like=True):
    """How a goal or an attempt ended."""

    status: str
    """``success`` or ``fail``."""
    finished_at: str
    failure_reason: str | None = None
    result_fit: str | None = None


class Stage(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A named part of an attempt; it ends at ``at``."""

    name: str
    at: str
    notes: str | None = None
    key: str | None = None


class Attempt(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One pass at a goal."""

    number: int
    """From 1."""
    started_at: str
    outcome: Outcome | None = None
    stages: tuple[Stage, ...] = ()


class Budget(msgspec.Struct, frozen=True):
    """What a goal, or one stage of it, may use."""

    tokens: int | None
    nano_usd: int | None
    stage: str | None = None


class ManualUsage(msgspec.Struct, frozen=True):
    """What somebody says that the goal used."""

    tokens: TokenVector
    unreported: tuple[str, ...] = ()
    """Components that were not told."""
    model: str | None = None


class Backfill(msgspec.Struct, frozen=True):
    """Usage that was found in the history after the goal was closed."""

    event: str
    """Id of the event that told it."""
    since: str
    until: str
    sessions: tuple[tuple[SessionKey, str], ...]
    """Each with the evidence that it is the goal's."""


class Claims(msgspec.Struct, frozen=True):
    """How many statements a check took from its source; None where it was not told."""

    extracted: int | None = None
    updated: int | None = None


class Link(msgspec.Struct, frozen=True):
    """A commit, branch, pull request or reference that belongs to a goal."""

    kind: str
    target: str
    evidence: str


class Goal(msgspec.Struct, frozen=True, array_like=True):
    """One unit of work with an outcome, as the events so far tell it."""

    id: str
    title: str
    kind: str
    started_at: str
    attempts: tuple[Attempt, ...]
    writer: str
    """The writer that started it; with ``worktree`` it says where the goal is open."""
    activated: tuple[str, str, int]
    """Place in the order of events of its last start or continuation."""
    worktree: str | None = None
    outcome: Outcome | None = None
    agent: str | None = None
    model: str | None = None
    session: SessionRef | None = None
    untracked: bool = False
    notes: str | None = None
    refs: tuple[str, ...] = ()
    inputs: tuple[str, ...] = ()
    input_sources: tuple[str, ...] = ()
    source_id: str | None = None
    pass_number: int | None = None
    branch: str | None = None
    links: tuple[Link, ...] = ()
    manual: ManualUsage | None = None
    """Kept beside what was captured, never overwritten by it."""
    backfill: Backfill | None = None
    claims: Claims | None = None
    supersedes: str | None = None
    superseded_by: str | None = None
    merged_into: str | None = None
    corrections: int = 0
    finish_head: str | None = None
    finish_dirty: str | None = None
    source: ImportSource | None = None
    """The record of another system that it is, with all facts that were taken from it."""

    @property
    def is_open(self) -> bool:
        """Whether commands can still be run for it."""
        return self.outcome is None and self.merged_into is None

    @property
    def status(self) -> Status:
        """What became of it; superseded and merged hide the outcome it had, and no unknown outcome is a success."""
        if self.merged_into is not None:
            return Status.MERGED
        if self.outcome is None:
            return Status.OPEN
        if self.superseded_by is not None:
            return Status.SUPERSEDED
        return Status.SUCCESS if self.outcome.status == "success" else Status.FAIL

    @property
    def attempt(self) -> Attempt:
        """The last attempt."""
        return self.attempts[-1]


def with_attempt(goal: Goal, attempt: Attempt) -> Goal:
    """The goal with its last attempt replaced: what most events do."""
    return replace(goal, attempts=(*goal.attempts[:-1], attempt))


def moment(text: str) -> datetime | None:
    """The aware moment that ``text`` (ISO 8601 with a zone) names, or None."""
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError:
        return None
    return None if parsed.tzinfo is None or parsed.utcoffset() is None else parsed


def finish_order(goal: Goal) -> tuple[float, str]:
    """Sorts goals by their ends; one without an end, or without a time that can be read, comes first."""
    at = None if goal.outcome is None else moment(goal.outcome.finished_at)
    return (0.0 if at is None else at.timestamp(), goal.id)


def text_fault(text: str) -> str | None:
    """What is wrong with a text field, or None."""
    if not text.strip():
        return "is empty"
    if len(text) > LONGEST_TEXT:
        return f"has {len(text)} characters, more than {LONGEST_TEXT}"
    bad = next((char for char in text if unicodedata.category(char) in {"Cc", "Cs", "Zl", "Zp"}), None)
    return None if bad is None else f"has the control character U+{ord(bad):04X}"


def outcome_faults(goal: Goal, outcome: Outcome) -> Iterator[str]:
    """Each invariant that ``outcome`` would break on ``goal``, as a sentence."""
    if outcome.status not in OUTCOMES:
        yield f"the status {outcome.status!r} is none of {', '.join(OUTCOMES)}"
    if outcome.status == "fail" and outcome.failure_reason is None:
        yield "a failed goal needs a failure reason"
    if outcome.status == "success" and outcome.failure_reason is not None:
        yield "a successful goal has no failure reason"
    if outcome.failure_reason is not None and outcome.failure_reason not in FAILURE_REASONS:
        yield f"the failure reason {outcome.failure_reason!r} is none of {', '.join(FAILURE_REASONS)}"
    yield from _fit_faults(goal.kind, outcome)
    yield from time_faults(goal, outcome.finished_at)


def _fit_faults(kind: str, outcome: Outcome) -> Iterator[str]:
    fit = outcome.result_fit
    if fit is None:
        return
    if fit not in RESULT_FITS:
        yield f"the result fit {fit!r} is none of {', '.join(RESULT_FITS)}"
    if kind != "product":
        yield f"only product goals have a result fit, this one is of kind {kind}"
    if outcome.status == "success" and fit == "miss":
        yield "a success can't be a miss"
    if outcome.status == "fail" and fit != "miss":
        yield "a failed goal is a miss or has no result fit"


def time_faults(goal: Goal, finished_at: str) -> Iterator[str]:
    """What is wrong with ``finished_at`` as the end of the goal and its last attempt, as a sentence."""
    end = moment(finished_at)
    if end is None:
        yield f"the finish time {finished_at!r} is no ISO 8601 time with a zone"
        return
    for what, started_at in (("start", goal.started_at), ("start of its attempt", goal.attempt.started_at)):
        begin = moment(started_at)
        if begin is not None and end < begin:
            yield f"the finish time {finished_at} lies before the {what} {started_at}"
            return


def goal_faults(goal: Goal) -> Iterator[str]:
    """Each invariant that a goal as it stands breaks, as a sentence."""
    for name, text in (("title", goal.title), ("notes", goal.notes)):
        fault = None if text is None else text_fault(text)
        if fault is not None:
            yield f"the {name} {fault}"
    if goal.kind not in KINDS:
        yield f"the kind {goal.kind!r} is none of {', '.join(KINDS)}"
    if moment(goal.started_at) is None:
        yield f"the start time {goal.started_at!r} is no ISO 8601 time with a zone"
    if goal.outcome is not None:
        yield from outcome_faults(goal, goal.outcome)
