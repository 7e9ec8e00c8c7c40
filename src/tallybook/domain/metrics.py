"""Every reported number as a pure formula over the state: tokens of goals, attempts, stages, and the remainder."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import attrs

from tallybook.domain.attribution import Segment, attribute, counter_of
from tallybook.domain.goal import Attempt, Goal
from tallybook.domain.quality import Quality, join
from tallybook.domain.state import LedgerState, kept_goal
from tallybook.domain.tokens import TokenVector, total_of
from tallybook.domain.usage import ClassUsage, SessionKey, merge_classes

if TYPE_CHECKING:
    from collections.abc import Iterable


@attrs.frozen
class Measure:
    """One number and how far it can be trusted; ``tokens`` is None where nothing was measured."""

    tokens: TokenVector | None
    quality: Quality


@attrs.frozen
class StageUsage:
    """What one stage used; the unmarked tail of an attempt has no name."""

    attempt: int
    name: str | None
    at: str | None
    notes: str | None
    measure: Measure


@attrs.frozen
class AttemptUsage:
    """What one attempt used."""

    attempt: Attempt
    goal: str
    """Differs from the goal it is counted with after a merge."""
    measure: Measure


@attrs.frozen
class SessionShare:
    """What one session used for the goal."""

    key: SessionKey
    parent: str | None
    tokens: TokenVector


@attrs.frozen
class GoalUsage:
    """All numbers of one goal."""

    measure: Measure
    """The goal with its child sessions."""
    own: TokenVector | None
    """Without the child sessions."""
    subtree: TokenVector | None
    """The child sessions alone; ``own + subtree`` is the whole."""
    classes: tuple[ClassUsage, ...]
    sessions: tuple[SessionShare, ...]
    attempts: tuple[AttemptUsage, ...]
    stages: tuple[StageUsage, ...]
    unreported: tuple[str, ...]

    @property
    def by_model(self) -> tuple[tuple[str, TokenVector], ...]:
        """Tokens per model, sorted by name."""
        models = sorted({usage.price_class.model for usage in self.classes})
        return tuple(
            (model, total_of(usage.tokens for usage in self.classes if usage.price_class.model == model))
            for model in models
        )


@attrs.frozen
class Accounts:
    """The whole ledger handed out: every goal, and what belongs to none."""

    goals: Mapping[str, GoalUsage]
    """By goal id; a merged goal has no usage of its own."""
    remainder: tuple[SessionShare, ...]
    """Per session, in sessions that goals have touched, up to the last snapshot."""
    remainder_tokens: TokenVector
    counter: TokenVector
    """All that snapshots have seen: Σ goals + remainder, always."""


def accounts(state: LedgerState) -> Accounts:
    """Hand out all tokens that the ledger knows."""
    segments = attribute(state.lines)
    mine: dict[str | None, list[Segment]] = {}
    for segment in segments:
        owner = None if segment.owner is None else kept_goal(state.goals, segment.owner.goal)
        mine.setdefault(owner, []).append(segment)
    members: dict[str, list[Goal]] = {}
    for goal in state.goals.values():
        members.setdefault(kept_goal(state.goals, goal.id), []).append(goal)
    rest = mine.get(None, [])
    return Accounts(
        goals={
            goal.id: _usage(state, members.get(goal.id, []), mine.get(goal.id, [])) for goal in state.goals.values()
        },
        remainder=_shares(state, rest),
        remainder_tokens=counter_of(rest),
        counter=counter_of(segments),
    )


def _usage(state: LedgerState, members: list[Goal], segments: list[Segment]) -> GoalUsage:
    attempts = tuple(usage for goal in members for usage in _attempts(state, goal, segments))
    direct = [segment for segment in segments if segment.owner is not None and segment.owner.direct]
    children = [segment for segment in segments if segment.owner is not None and not segment.owner.direct]
    whole = Measure(
        _sum_known(usage.measure.tokens for usage in attempts), join(usage.measure.quality for usage in attempts)
    )
    known = whole.tokens is not None
    return GoalUsage(
        measure=whole,
        own=counter_of(direct) if known else None,
        subtree=counter_of(children) if known else None,
        classes=merge_classes(usage for segment in segments for usage in segment.classes),
        sessions=_shares(state, segments),
        attempts=attempts,
        stages=tuple(stage for goal in members for stage in _stages(state, goal, segments)),
        unreported=tuple(sorted({name for segment in segments for name in segment.unreported})),
    )


def _sum_known(parts: Iterable[TokenVector | None]) -> TokenVector | None:
    known = [part for part in parts if part is not None]
    return total_of(known) if known else None


def _is_measured(state: LedgerState, goal: Goal) -> bool:
    """Whether some session of the goal has a counter."""
    return any(
        point.quality is not Quality.UNMEASURED
        for key in state.joined.get(goal.id, ())
        for point in state.lines[key].points
    )


def _attempts(state: LedgerState, goal: Goal, segments: list[Segment]) -> Iterable[AttemptUsage]:
    measured = _is_measured(state, goal)
    for attempt in goal.attempts:
        own = [
            segment
            for segment in segments
            if segment.owner is not None and (segment.owner.goal, segment.owner.attempt) == (goal.id, attempt.number)
        ]
        yield AttemptUsage(attempt, goal.id, _measure(goal, attempt, own, measured=measured))


def _measure(goal: Goal, attempt: Attempt, segments: list[Segment], *, measured: bool) -> Measure:
    qualities = [segment.quality for segment in segments]
    if goal.session is None and attempt.number == 1:
        qualities.append(Quality.UNMEASURED)
    if measured and not qualities:
        qualities.append(Quality.EXACT)
    quality = join(qualities)
    known = quality is not Quality.UNMEASURED
    return Measure(counter_of(segments) if known else None, quality)


def _stages(state: LedgerState, goal: Goal, segments: list[Segment]) -> Iterable[StageUsage]:
    measured = _is_measured(state, goal)
    for attempt in goal.attempts:
        places: list[tuple[str | None, str | None, str | None]] = [
            (stage.name, stage.at, stage.notes) for stage in attempt.stages
        ]
        end = None if attempt.outcome is None else attempt.outcome.finished_at
        places.append((None, end, None))
        for index, (name, at, notes) in enumerate(places):
            own = [
                segment
                for segment in segments
                if segment.owner is not None
                and (segment.owner.goal, segment.owner.attempt, segment.owner.stage) == (goal.id, attempt.number, index)
            ]
            yield StageUsage(attempt.number, name, at, notes, _measure(goal, attempt, own, measured=measured))


def _shares(state: LedgerState, segments: list[Segment]) -> tuple[SessionShare, ...]:
    found: dict[SessionKey, list[TokenVector]] = {}
    for segment in segments:
        found.setdefault(segment.session, []).append(segment.tokens)
    return tuple(
        SessionShare(key, state.lines[key].parent, total_of(vectors)) for key, vectors in sorted(found.items())
    )
