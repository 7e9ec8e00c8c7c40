"""What an import comes to: the events that bring a ledger to what records of another system say.

A fact that was taken once changes nothing when it is told again, so that what was changed here since stays.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from tallybook.domain.events import Body, GoalsMerged, GoalStarted, GoalUpdated, NewEvent, UsageManual
from tallybook.domain.import_changes import Known, changes, finished, mark, passes
from tallybook.domain.imports import ImportedGoal, Note

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from tallybook.domain.state import LedgerState


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
    """What of the records could not be followed."""


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
        self._new: dict[str, None] = {}
        self._grown: dict[str, None] = {}
        goals = state.goals.values()
        self._taken = {f"{goal.source.system}:{goal.source.id}": goal for goal in goals if goal.source is not None}
        self._superseded = {goal.supersedes for goal in goals if goal.supersedes is not None}
        self._merged = {goal.id: goal.merged_into for goal in goals if goal.merged_into is not None}

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
            ahead = [self._records[name] for name in _named(one) if name in self._records] if first else []
            ahead = [other for other in ahead if other.reference not in self._done and other.reference not in begun]
            if ahead:
                waiting += ahead
                continue
            waiting.pop()
            if one.reference not in self._done:
                self._put(one)
                self._done[one.reference] = one

    def _put(self, record: ImportedGoal) -> None:
        goal = self._state.goals.get(record.goal)
        if goal is None:
            self._new[record.goal] = None
            self._add(record, self._bodies(record))
            return
        known = Known(goal, record)
        if not known.fresh:
            return
        self._grown[record.goal] = None
        inputs = self._inputs(record) if "inputs" in known.fresh else ()
        self._add(record, changes(known, inputs))
        self._notes += known.notes()

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
            refs=(record.reference, *record.refs),
            supersedes=self._supersedes(record),
            inputs=self._inputs(record),
            input_sources=record.input_sources,
            source_id=record.source_id,
            pass_number=record.pass_number,
            source=record.source,
        )
        yield from passes(record, 1)
        yield from (mark(stage, number) for number, stage in enumerate(record.stages))
        claims = GoalUpdated(claims_extracted=record.claims_extracted, claims_updated=record.claims_updated)
        if claims != GoalUpdated():
            yield claims
        if record.tokens is not None:
            yield UsageManual(record.tokens, record.unreported, record.model)
        if record.outcome is not None:
            yield finished(record.outcome)

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
        if record.merged_into is None or record.goal in self._merged:
            return
        kept = self._known(record.system, record.merged_into)
        if kept is None or kept[0] == record.goal:
            self._note(record, f"that it was merged into {record.merged_into} was left out: that is not here")
        elif self._root(kept[0]) == record.goal:
            self._note(record, f"that it was merged into {record.merged_into} was left out: it closes a circle")
        else:
            self._merged[record.goal] = kept[0]
            if record.goal not in self._new:
                self._grown[record.goal] = None
            self._events.append(NewEvent(kept[0], GoalsMerged(record.goal)))

    def _root(self, goal: str) -> str:
        """What is kept of all that the goal was merged into; the way there is shorter the next time."""
        way = []
        while goal in self._merged:
            way.append(goal)
            goal = self._merged[goal]
        self._merged.update(dict.fromkeys(way, goal))
        return goal

    def _note(self, record: ImportedGoal, text: str) -> None:
        self._notes.append(Note(record.id, text, record.where))


def _named(record: ImportedGoal) -> list[str]:
    names = (*((record.supersedes,) if record.supersedes is not None else ()), *record.inputs)
    return [f"{record.system}:{name}" for name in names if name != record.id]
