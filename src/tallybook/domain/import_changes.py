"""What a record of another system says that the goal which was made of it does not have yet."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tallybook.domain.events import (
    Body,
    GoalContinued,
    GoalCorrected,
    GoalFinished,
    GoalUpdated,
    StageMarked,
    UsageManual,
)
from tallybook.domain.imports import Note

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tallybook.domain.goal import Goal, Outcome
    from tallybook.domain.imports import ImportedGoal, ImportedStage

_KEY: Final = "import:"
"""Begins the keys of stages that were imported; their numbers follow."""
_FIXED: Final = {
    "start": "its kind, start, agent or source is another one there now; here it stays as it was taken",
    "supersedes": "it replaces another goal there now; here that stays as it was taken",
}
"""Facts that a goal has from its start."""


class Known:
    """A goal that is here, and the record that it was made of as it is now."""

    def __init__(self, goal: Goal, record: ImportedGoal) -> None:
        self.goal, self.record = goal, record
        self.source = record.source
        self.fresh = self._fresh()
        """The kinds of facts that have changed there since; none in a state that is older than what was taken."""

    def _fresh(self) -> frozenset[str]:
        before = self.goal.source
        facts: tuple[str, ...] = ()
        if before is not None and (before.system, before.id) == (self.record.system, self.record.id):
            facts = before.facts
            if self.source.told_at is not None and self.source.told_at < (before.told_at or ""):
                return frozenset()
        return frozenset(fact.partition(":")[0] for fact in self.source.facts if fact not in facts)

    def notes(self) -> Iterator[Note]:
        """What has changed there and can't be followed here."""
        record, goal = self.record, self.goal
        texts = [text for name, text in _FIXED.items() if name in self.fresh]
        if "outcome" in self.fresh and record.outcome is None and not goal.is_open:
            texts.append("it is open there again; a goal that was closed here stays closed")
        if "attempts" in self.fresh and len(record.attempts) > len(goal.attempts) and not goal.is_open:
            texts.append(f"attempts after the {len(goal.attempts)} that are here were left out: the goal is closed")
        if "stages" in self.fresh and not goal.is_open:
            texts.append("stages that came since were left out: the goal is closed")
        return (Note(record.id, text, record.where) for text in texts)


def changes(known: Known, inputs: tuple[str, ...]) -> Iterator[Body]:
    """The events that follow the record; ``inputs`` are ids here."""
    goal, record, fresh = known.goal, known.record, known.fresh
    claims = "claims" in fresh
    yield GoalUpdated(
        title=record.title if "title" in fresh and record.title != goal.title else None,
        notes=record.notes if "notes" in fresh and record.notes != goal.notes else None,
        model=record.model if "model" in fresh and record.model != goal.model else None,
        refs=tuple(ref for ref in (record.reference, *record.refs) if ref not in goal.refs),
        inputs=tuple(one for one in inputs if one not in goal.inputs),
        input_sources=tuple(one for one in record.input_sources if one not in goal.input_sources),
        claims_extracted=record.claims_extracted if claims else None,
        claims_updated=record.claims_updated if claims else None,
        source=known.source,
    )
    if goal.is_open:
        yield from passes(record, len(goal.attempts))
        keys = {stage.key for attempt in goal.attempts for stage in attempt.stages}
        marks = (mark(stage, number) for number, stage in enumerate(record.stages))
        yield from (one for one in marks if one.key not in keys)
    if "tokens" in fresh:
        yield from _told(goal, record)
    if "outcome" in fresh:
        yield from _outcome(goal, record.outcome)


def _told(goal: Goal, record: ImportedGoal) -> Iterator[UsageManual]:
    manual = None if record.tokens is None else UsageManual(record.tokens, record.unreported, record.model)
    before = None if goal.manual is None else UsageManual(goal.manual.tokens, goal.manual.unreported, goal.manual.model)
    if manual is not None and manual != before:
        yield manual


def _outcome(goal: Goal, outcome: Outcome | None) -> Iterator[Body]:
    if outcome is None or outcome == goal.outcome:
        return
    if goal.outcome is None:
        yield finished(outcome)
    else:
        it = outcome
        yield GoalCorrected(it.status, it.finished_at, it.failure_reason, it.result_fit, reason="imported anew")


def passes(record: ImportedGoal, after: int) -> Iterator[GoalContinued]:
    """The continuations that lead to the attempts behind the first ``after``."""
    pairs = zip(record.attempts[after - 1 :], record.attempts[after:], strict=False)
    for number, (before, attempt) in enumerate(pairs, after + 1):
        yield GoalContinued(attempt.started_at, before.failure_reason or "other", number=number)


def mark(stage: ImportedStage, number: int) -> StageMarked:
    """The stage with a key of its own, so that it is marked once."""
    return StageMarked(stage.name, stage.at, stage.notes, f"{_KEY}{number}")


def finished(outcome: Outcome) -> GoalFinished:
    """The end."""
    return GoalFinished(outcome.status, outcome.finished_at, outcome.failure_reason, outcome.result_fit)
