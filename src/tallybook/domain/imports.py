"""Goals that another system kept: brought into the form of this ledger, and decided as events that are still missing.

A goal's id follows from its id there, so the same record is the same goal wherever and however often it is taken. A
record that says what it said when it was taken changes nothing, so that later changes made here stay.
"""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, Final

import msgspec

from tallybook.domain.events import (
    Body,
    GoalContinued,
    GoalCorrected,
    GoalFinished,
    GoalsMerged,
    GoalStarted,
    GoalUpdated,
    NewEvent,
    StageMarked,
    UsageManual,
)
from tallybook.domain.goal import Outcome
from tallybook.domain.problems import Where
from tallybook.domain.tokens import TokenVector

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from tallybook.domain.goal import Goal
    from tallybook.domain.state import LedgerState

_LETTERS: Final = "0123456789abcdefghjkmnpqrstvwxyz"
SYSTEMS: Final = ("events", "analyses")
"""Where goals can come from: a goal refers to its id there behind the name and a colon."""
DIGEST: Final = "import:"
"""Begins the reference that tells which state of its record a goal was brought to."""


class ImportedAttempt(msgspec.Struct, frozen=True):
    """One pass at the goal; of all but the last one the reason of the failure counts."""

    started_at: str
    failure_reason: str | None = None


class ImportedStage(msgspec.Struct, frozen=True):
    """A named part of the last attempt."""

    name: str
    at: str
    notes: str | None = None


class ImportedGoal(msgspec.Struct, frozen=True):
    """A record of another system, tidied: it breaks none of our invariants by itself."""

    system: str
    """Where it is from: ``events`` or ``analyses``."""
    id: str
    """There."""
    date: str
    """YYMMDD, part of its id there."""
    title: str
    kind: str
    started_at: str
    outcome: Outcome | None = None
    notes: str | None = None
    agent: str | None = None
    model: str | None = None
    refs: tuple[str, ...] = ()
    supersedes: str | None = None
    """An id there, like the inputs and ``merged_into``."""
    inputs: tuple[str, ...] = ()
    input_sources: tuple[str, ...] = ()
    source_id: str | None = None
    pass_number: int | None = None
    attempts: tuple[ImportedAttempt, ...] = ()
    """At least one."""
    stages: tuple[ImportedStage, ...] = ()
    tokens: TokenVector | None = None
    unreported: tuple[str, ...] = ()
    claims_extracted: int | None = None
    claims_updated: int | None = None
    merged_into: str | None = None
    where: Where = Where()

    @property
    def goal(self) -> str:
        """Its id here."""
        return imported_id(self.system, self.id, self.date)

    @property
    def reference(self) -> str:
        """Its id there, as a reference."""
        return f"{self.system}:{self.id}"

    @property
    def digest(self) -> str:
        """Stands for all that the record says, wherever it was read."""
        said = msgspec.json.encode(msgspec.structs.replace(self, where=Where()), order="deterministic")
        return DIGEST + sha256(said).hexdigest()[:16]


def imported_id(system: str, identity: str, date: str) -> str:
    """The id of a goal, from its id in the other system; ``date`` is YYMMDD."""
    value = int.from_bytes(sha256(f"{system}\0{identity}".encode()).digest()[:5])
    return f"g{date}-{''.join(_LETTERS[value >> shift & 31] for shift in range(35, -5, -5))}"


class Note(msgspec.Struct, frozen=True):
    """Something that had to be said of a record."""

    id: str
    text: str
    where: Where


class ImportPlan(msgspec.Struct, frozen=True):
    """What an import comes to."""

    events: tuple[NewEvent, ...]
    new: tuple[str, ...]
    """Ids here of goals that were not known."""
    grown: tuple[str, ...]
    """Of goals whose records say more, or something else, than when they were taken."""
    known: int
    """Goals that are as they were."""
    notes: tuple[Note, ...]
    """Links that were left out."""


def plan(state: LedgerState, records: Sequence[ImportedGoal]) -> ImportPlan:
    """The events that bring the ledger to what the records say."""
    return _Planning(state, records).plan()


class _Planning:
    def __init__(self, state: LedgerState, records: Sequence[ImportedGoal]) -> None:
        self._state = state
        self._records = {record.reference: record for record in records}
        self._events: list[NewEvent] = []
        self._done: dict[str, ImportedGoal] = {}
        self._notes: list[Note] = []
        self._new: list[str] = []
        self._grown: list[str] = []
        self._taken = {ref: goal for goal in state.goals.values() for ref in goal.refs if ":" in ref}
        self._superseded = {goal.supersedes for goal in state.goals.values() if goal.supersedes is not None}

    def plan(self) -> ImportPlan:
        for record in sorted(self._records.values(), key=lambda record: (record.started_at, record.reference)):
            self._take(record)
        merges = [record for record in self._records.values() if record.merged_into is not None]
        for record in sorted(merges, key=lambda record: record.reference):
            self._merge(record)
        known = len(self._records) - len(self._new) - len(self._grown)
        return ImportPlan(tuple(self._events), tuple(self._new), tuple(self._grown), known, tuple(self._notes))

    def _take(self, record: ImportedGoal) -> None:
        """The record, after those that it names; a circle is cut where it closes."""
        waiting = [record]
        begun: set[str] = set()
        while waiting:
            one = waiting[-1]
            first = one.reference not in begun
            begun.add(one.reference)
            ahead = [self._records[name] for name in _named(one) if name in self._records]
            ahead = [other for other in ahead if other.reference not in self._done and other.reference not in begun]
            if first and ahead:
                waiting += ahead
                continue
            waiting.pop()
            if one.reference not in self._done:
                self._put(one)
                self._done[one.reference] = one

    def _put(self, record: ImportedGoal) -> None:
        goal = self._state.goals.get(record.goal)
        if goal is None:
            self._new.append(record.goal)
            self._add(record, self._bodies(record))
        elif record.digest not in goal.refs:
            self._grown.append(record.goal)
            self._add(record, _changes(goal, record, self._inputs(record)))

    def _add(self, record: ImportedGoal, bodies: Iterable[Body]) -> None:
        self._events += [NewEvent(record.goal, body) for body in bodies]

    def _bodies(self, record: ImportedGoal) -> Iterator[Body]:
        yield GoalStarted(
            title=record.title,
            kind=record.kind,
            started_at=record.started_at,
            untracked=True,
            agent=record.agent,
            model=record.model,
            notes=record.notes,
            refs=(record.reference, *record.refs, record.digest),
            supersedes=self._supersedes(record),
            inputs=self._inputs(record),
            input_sources=record.input_sources,
            source_id=record.source_id,
            pass_number=record.pass_number,
        )
        yield from _passes(record, 1)
        yield from (_mark(stage, number) for number, stage in enumerate(record.stages))
        claims = GoalUpdated(claims_extracted=record.claims_extracted, claims_updated=record.claims_updated)
        if claims != GoalUpdated():
            yield claims
        if record.tokens is not None:
            yield UsageManual(record.tokens, record.unreported, record.model)
        if record.outcome is not None:
            yield _finished(record.outcome)

    def _known(self, system: str, identity: str) -> tuple[str, str, bool] | None:
        """Id here, kind, and whether it is closed, of a record that was taken now or before."""
        record = self._done.get(f"{system}:{identity}")
        if record is not None:
            return record.goal, record.kind, record.outcome is not None
        goal = self._taken.get(f"{system}:{identity}")
        return None if goal is None else (goal.id, goal.kind, goal.outcome is not None)

    def _supersedes(self, record: ImportedGoal) -> str | None:
        if record.supersedes is None:
            return None
        known = self._known(record.system, record.supersedes)
        why = None
        if known is None:
            why = "it is not here"
        elif known[1] != record.kind:
            why = "it is of another kind"
        elif not known[2]:
            why = "it is open"
        elif known[0] in self._superseded:
            why = "another goal has replaced it already"
        if known is None or why is not None:
            self._note(record, f"that it replaces {record.supersedes} was left out: {why}")
            return None
        self._superseded.add(known[0])
        return known[0]

    def _inputs(self, record: ImportedGoal) -> tuple[str, ...]:
        found = []
        for name in dict.fromkeys(record.inputs):
            known = self._known(record.system, name)
            if known is None or name == record.id:
                self._note(record, f"the input {name} was left out: it is not here")
            else:
                found.append(known[0])
        return tuple(found)

    def _merge(self, record: ImportedGoal) -> None:
        goal = self._state.goals.get(record.goal)
        if record.merged_into is None or (goal is not None and goal.merged_into is not None):
            return
        kept = self._known(record.system, record.merged_into)
        if kept is None or kept[0] == record.goal:
            self._note(record, f"that it was merged into {record.merged_into} was left out: that is not here")
        elif kept[0] in _kept_below(record, self._records):
            self._note(record, f"that it was merged into {record.merged_into} was left out: it closes a circle")
        else:
            self._events.append(NewEvent(kept[0], GoalsMerged(record.goal)))

    def _note(self, record: ImportedGoal, text: str) -> None:
        self._notes.append(Note(record.id, text, record.where))


def _named(record: ImportedGoal) -> list[str]:
    names = (*((record.supersedes,) if record.supersedes is not None else ()), *record.inputs)
    return [f"{record.system}:{name}" for name in names if name != record.id]


def _kept_below(record: ImportedGoal, records: Mapping[str, ImportedGoal]) -> set[str]:
    """Those of a circle of merges that the record is the first of, by its name."""
    found, here = [record], record
    while here.merged_into is not None:
        after = records.get(f"{here.system}:{here.merged_into}")
        if after is None:
            return set()
        if after in found:
            circle = found[found.index(after) :]
            first = min(circle, key=lambda one: one.reference)
            return {one.goal for one in circle} if record is first else set()
        found.append(after)
        here = after
    return set()


def _passes(record: ImportedGoal, after: int) -> Iterator[GoalContinued]:
    """The continuations that lead to the attempts behind the first ``after``."""
    for before, attempt in zip(record.attempts[after - 1 :], record.attempts[after:], strict=False):
        yield GoalContinued(attempt.started_at, before.failure_reason or "other")


def _mark(stage: ImportedStage, number: int) -> StageMarked:
    return StageMarked(stage.name, stage.at, stage.notes, f"{DIGEST}{number}")


def _finished(outcome: Outcome) -> GoalFinished:
    return GoalFinished(outcome.status, outcome.finished_at, outcome.failure_reason, outcome.result_fit)


def _changes(goal: Goal, record: ImportedGoal, inputs: tuple[str, ...]) -> Iterator[Body]:
    """What the record says that the goal does not have; an older state of a record takes nothing back."""
    yield GoalUpdated(
        title=record.title if record.title != goal.title else None,
        notes=record.notes if record.notes != goal.notes else None,
        model=record.model if record.model != goal.model else None,
        refs=tuple(ref for ref in (*record.refs, record.digest) if ref not in goal.refs),
        inputs=tuple(one for one in inputs if one not in goal.inputs),
        input_sources=tuple(one for one in record.input_sources if one not in goal.input_sources),
        claims_extracted=record.claims_extracted,
        claims_updated=record.claims_updated,
    )
    if goal.is_open:
        yield from _passes(record, len(goal.attempts))
        keys = {stage.key for attempt in goal.attempts for stage in attempt.stages}
        marks = (_mark(stage, number) for number, stage in enumerate(record.stages))
        yield from (mark for mark in marks if mark.key not in keys)
    manual = None if record.tokens is None else UsageManual(record.tokens, record.unreported, record.model)
    known = None if goal.manual is None else UsageManual(goal.manual.tokens, goal.manual.unreported, goal.manual.model)
    if manual is not None and manual != known:
        yield manual
    if record.outcome is None or record.outcome == goal.outcome:
        return
    if goal.outcome is None:
        yield _finished(record.outcome)
    else:
        it = record.outcome
        yield GoalCorrected(it.status, it.finished_at, it.failure_reason, it.result_fit, reason="imported anew")
