"""What a user can ask the domain to decide, and what is known when they do."""

from __future__ import annotations

import msgspec

from tallybook.domain.events import NewEvent, SessionRef
from tallybook.domain.usage import SessionUsage
from tallybook.domain.workflow import Work


class Circumstances(msgspec.Struct, frozen=True):
    """Time, place and usage at the moment of a command: all that a pure decision can't find out itself."""

    now: str
    """ISO 8601 with a zone."""
    writers: frozenset[str] = frozenset()
    """This clone's writer ids, present and former."""
    worktree: str | None = None
    work: Work = Work.UNKNOWN
    session: SessionRef | None = None
    usage: tuple[SessionUsage, ...] = ()
    """Counters of the sessions concerned, children included."""
    reader: str = ""
    branch: str | None = None
    head: str | None = None
    dirty: str | None = None


class ManualNumbers(msgspec.Struct, frozen=True):
    """Tokens that were given by hand; None where a number was not given."""

    input: int | None = None
    """Uncached input."""
    cache_read: int | None = None
    cache_write: int | None = None
    output: int | None = None
    reasoning: int | None = None
    """A part of ``output``."""
    model: str | None = None

    def counts(self) -> dict[str, int]:
        """The numbers that were given, by component."""
        named = {
            "input": self.input,
            "cache_read": self.cache_read,
            "cache_write_unknown": self.cache_write,
            "output": self.output,
            "reasoning": self.reasoning,
        }
        return {name: count for name, count in named.items() if count is not None}


class Changes(msgspec.Struct, frozen=True):
    """New values of a goal's fields; None leaves a field as it is, lists are added to."""

    title: str | None = None
    notes: str | None = None
    result_fit: str | None = None
    model: str | None = None
    refs: tuple[str, ...] = ()
    inputs: tuple[str, ...] = ()
    input_sources: tuple[str, ...] = ()
    claims_extracted: int | None = None
    claims_updated: int | None = None


class StartTask(msgspec.Struct, frozen=True):
    """Open a goal."""

    goal: str
    """The new goal's id."""
    title: str
    kind: str
    started_at: str | None = None
    agent: str | None = None
    model: str | None = None
    notes: str | None = None
    refs: tuple[str, ...] = ()
    supersedes: str | None = None
    inputs: tuple[str, ...] = ()
    input_sources: tuple[str, ...] = ()
    source_id: str | None = None
    pass_number: int | None = None
    """None: the one after the last pass over the source."""
    budget_tokens: int | None = None
    budget_nano_usd: int | None = None
    untracked: bool = False
    allow_secret_like: bool = False


class ContinueTask(msgspec.Struct, frozen=True):
    """Close the attempt that runs as failed and open the next."""

    goal: str | None = None
    failure_reason: str | None = None
    notes: str | None = None
    allow_secret_like: bool = False


class MarkStage(msgspec.Struct, frozen=True):
    """Close a stage."""

    stage: str
    goal: str | None = None
    notes: str | None = None
    key: str | None = None
    kind: str | None = None
    """The kind that the goal must be of; None for any."""
    allow_secret_like: bool = False


class FinishTask(msgspec.Struct, frozen=True):
    """Close a goal, or correct one that is closed."""

    status: str
    goal: str | None = None
    failure_reason: str | None = None
    result_fit: str | None = None
    notes: str | None = None
    finished_at: str | None = None
    amend: bool = False
    manual: ManualNumbers | None = None
    changes: Changes = Changes()
    """What else is known of it now; notes and fit stand in the fields above."""
    kind: str | None = None
    """The kind that the goal must be of; None for any."""
    allow_secret_like: bool = False


class UpdateTask(msgspec.Struct, frozen=True):
    """Give fields of a goal, open or closed, new values; the old ones stay in the ledger."""

    changes: Changes
    goal: str | None = None
    manual: ManualNumbers | None = None
    allow_secret_like: bool = False


class MergeTasks(msgspec.Struct, frozen=True):
    """Count one goal with another from now on."""

    keep: str
    drop: str


class SetBudget(msgspec.Struct, frozen=True):
    """Say what a goal, or one stage of it, may use."""

    goal: str | None = None
    stage: str | None = None
    tokens: int | None = None
    nano_usd: int | None = None
    clear: bool = False
    """Take the budget away."""
    allow_secret_like: bool = False


class AddCheck(msgspec.Struct, frozen=True):
    """Record a check that is over: opened and closed in one batch."""

    start: StartTask
    finish: FinishTask


class EnsureTask(msgspec.Struct, frozen=True):
    """Draft a goal for work that was started without one."""

    goal: str
    """The new goal's id, if one is needed."""
    notes: str | None = None
    allow_secret_like: bool = False


Request = (
    StartTask | ContinueTask | MarkStage | FinishTask | EnsureTask | UpdateTask | MergeTasks | SetBudget | AddCheck
)


class Decision(msgspec.Struct, frozen=True):
    """The events that carry a command out, in the order in which they are written."""

    goal: str | None
    """None where there was nothing to do for any."""
    events: tuple[NewEvent, ...]
    notices: tuple[str, ...] = ()
    """What the user should hear though nothing is wrong."""
