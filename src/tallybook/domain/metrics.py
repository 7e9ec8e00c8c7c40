"""Every reported number as a pure formula over the state: tokens of goals, attempts, stages, and the remainder."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

import attrs

from tallybook.domain.attribution import Segment, attribute, counter_of
from tallybook.domain.goal import Attempt, Goal, ManualUsage
from tallybook.domain.quality import Quality, join
from tallybook.domain.state import LedgerState, kept_goal
from tallybook.domain.tokens import TokenVector, total_of
from tallybook.domain.usage import ClassUsage, SessionKey, merge_classes

if TYPE_CHECKING:
    from collections.abc import Iterable

UNKNOWN_MODEL: Final = "unknown"


@attrs.frozen
class Measure:
    """One number and how far it can be trusted; ``tokens`` is None where nothing was measured."""

    tokens: TokenVector | None
    quality: Quality


@attrs.frozen
class StageUsage:
    """What one stage used; the unmarked tail of an attempt has no name."""

    goal: str
    """Differs from the goal it is counted with after a merge."""
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
class ManualShare:
    """Numbers given by hand for one goal."""

    goal: str
    """Differs from the goal it is counted with after a merge."""
    usage: ManualUsage
    counts: bool
    """Nothing was captured for that goal, so these numbers stand for it."""


@attrs.frozen
class GoalUsage:
    """All numbers of one goal."""

    measure: Measure
    """The goal with its child sessions."""
    own: TokenVector | None
    """Without the child sessions; numbers given by hand are the goal's own."""
    subtree: TokenVector | None
    """The child sessions alone; ``own + subtree`` is the whole."""
    captured: Measure
    """What snapshots tell; equal to ``measure`` unless numbers given by hand stand in for what nobody measured."""
    manual: tuple[ManualShare, ...]
    """Numbers given by hand, kept whether they count or not."""
    classes: tuple[ClassUsage, ...]
    sessions: tuple[SessionShare, ...]
    attempts: tuple[AttemptUsage, ...]
    stages: tuple[StageUsage, ...]
    unreported: tuple[str, ...]

    @property
    def by_model(self) -> tuple[tuple[str, TokenVector], ...]:
        """Tokens per model, sorted by name."""
        parts = [(usage.price_class.model, usage.tokens) for usage in self.classes]
        parts += [(share.usage.model or UNKNOWN_MODEL, share.usage.tokens) for share in self.manual if share.counts]
        models = sorted({model for model, _ in parts})
        return tuple((model, total_of(tokens for name, tokens in parts if name == model)) for model in models)


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
    captured = {goal.id: total_measure(use.measure for use in attempts if use.goal == goal.id) for goal in members}
    manual = tuple(
        ManualShare(goal.id, goal.manual, counts=captured[goal.id].tokens is None)
        for goal in members
        if goal.manual is not None
    )
    by_hand = {share.goal: Measure(share.usage.tokens, Quality.UNVERIFIED) for share in manual if share.counts}
    whole = total_measure({**captured, **by_hand}.values())
    known = whole.tokens is not None
    return GoalUsage(
        measure=whole,
        own=total_of((counter_of(direct), *(share.usage.tokens for share in manual if share.counts)))
        if known
        else None,
        subtree=counter_of(children) if known else None,
        captured=total_measure(captured.values()),
        manual=manual,
        classes=merge_classes(usage for segment in segments for usage in segment.classes),
        sessions=_shares(state, segments),
        attempts=attempts,
        stages=tuple(stage for goal in members for stage in _stages(state, goal, segments)),
        unreported=_unreported(segments, manual),
    )


def _unreported(segments: list[Segment], manual: tuple[ManualShare, ...]) -> tuple[str, ...]:
    by_hand = {name for share in manual if share.counts for name in share.usage.unreported}
    return tuple(sorted(by_hand.union(*(segment.unreported for segment in segments))))


def total_measure(parts: Iterable[Measure]) -> Measure:
    """The sum of what is known; with something unknown beside it that is a lower bound, never null."""
    measures = tuple(parts)
    known = [part.tokens for part in measures if part.tokens is not None]
    return Measure(total_of(known) if known else None, join(part.quality for part in measures))


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
            measure = _measure(goal, attempt, own, measured=measured)
            yield StageUsage(goal.id, attempt.number, name, at, notes, measure)


def _shares(state: LedgerState, segments: list[Segment]) -> tuple[SessionShare, ...]:
    found: dict[SessionKey, list[TokenVector]] = {}
    for segment in segments:
        found.setdefault(segment.session, []).append(segment.tokens)
    return tuple(
        SessionShare(key, state.lines[key].parent, total_of(vectors)) for key, vectors in sorted(found.items())
    )
