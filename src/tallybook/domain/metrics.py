"""Every reported number as a pure formula over the state: tokens of goals, attempts, stages, and the remainder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from operator import itemgetter
from typing import TYPE_CHECKING, TypeVar

import msgspec

from tallybook.domain.attribution import Part, Segment, Tally, counter_of, segments_of, tallies_of, tally_of
from tallybook.domain.figures import (
    AttemptUsage,
    GoalUsage,
    ManualShare,
    Measure,
    SessionShare,
    Share,
    Spending,
    StageUsage,
)
from tallybook.domain.goal import Goal
from tallybook.domain.quality import Quality, join
from tallybook.domain.tokens import ZERO, TokenVector, total_of
from tallybook.domain.usage import ClassUsage, SessionKey, merge_classes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, MutableMapping

    from tallybook.domain.goal import Attempt
    from tallybook.domain.state import LedgerState

T = TypeVar("T")


class Accounts:
    """The whole ledger handed out, each number worked out when it is asked for, of the state as it is."""

    def __init__(self, state: LedgerState) -> None:
        self._state = state

    @property
    def goals(self) -> Mapping[str, GoalUsage]:
        """By goal id; a merged goal has no usage of its own."""
        return _OfGoals(self._state, self._state.figures.usages, lambda goal: usage_of(self._state, goal))

    @property
    def measures(self) -> Mapping[str, Measure]:
        """The measure of each goal alone, by goal id."""
        return _OfGoals(self._state, self._state.figures.measures, lambda goal: measure_of(self._state, goal))

    @property
    def spending(self) -> Mapping[str, Spending]:
        """Of each goal, all that its price depends on, by goal id."""
        return _OfGoals(self._state, self._state.figures.spending, lambda goal: spending_of(self._state, goal))

    @property
    def remainder(self) -> tuple[SessionShare, ...]:
        """Per session, in sessions that goals have touched, up to the last snapshot."""
        state, shares = self._state, self.shares
        return tuple(
            SessionShare(key, state.lines[key].parent, share.rest)
            for key, share in sorted(shares.items())
            if share.rest is not None
        )

    @property
    def remainder_tokens(self) -> TokenVector:
        """The sum of ``remainder``."""
        return self.total().rest or ZERO

    @property
    def counter(self) -> TokenVector:
        """All that snapshots have seen: Σ goals + remainder, always."""
        return self.total().counter

    @property
    def shares(self) -> Mapping[SessionKey, Share]:
        """Of every session, what it counted and what of that belongs to no goal."""
        self.total()
        return self._state.figures.shares

    def total(self) -> Share:
        """The sum of all shares, each brought up to date."""
        state, figures = self._state, self._state.figures
        counter, rest = figures.total.counter, figures.total.rest or ZERO
        for key in figures.changed:
            old, new = figures.shares.get(key, Share()), _share(state, key)
            counter = counter.growth_since(old.counter) + new.counter
            rest = rest.growth_since(old.rest or ZERO) + (new.rest or ZERO)
            figures.shares[key] = new
        figures.changed.clear()
        figures.total = Share(counter, rest)
        return figures.total


class _OfGoals(Mapping[str, T]):
    """A number of each goal: as it is remembered, else worked out and remembered."""

    def __init__(self, state: LedgerState, known: MutableMapping[str, T], work_out: Callable[[str], T]) -> None:
        self._state = state
        self._known = known
        self._work_out = work_out

    def __getitem__(self, goal: str) -> T:
        found = self._known.get(goal)
        if found is None:
            found = self._known[goal] = self._work_out(goal)
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(self._state.goals)

    def __len__(self) -> int:
        return len(self._state.goals)


def accounts(state: LedgerState) -> Accounts:
    """Hand out all tokens that the ledger knows."""
    return Accounts(state)


def usage_of(state: LedgerState, goal_id: str) -> GoalUsage:
    """All numbers of one goal, those of the goals that were merged into it among them.

    Raises:
        KeyError: there is no such goal.
    """
    members = members_of(state, goal_id)
    return _usage(state, members, segments_of_goal(state, members))


def measure_of(state: LedgerState, goal_id: str) -> Measure:
    """``usage_of(...).measure``, and no more than is needed for it.

    Raises:
        KeyError: there is no such goal.
    """
    members = members_of(state, goal_id)
    tallies = [_tallies(state, key) for key in _owned(state, members)]
    attempts = []
    for goal in members:
        measured = _is_measured(state, goal)
        for attempt in goal.attempts:
            part = (goal.id, attempt.number)
            own = [of_session[part] for of_session in tallies if part in of_session]
            attempts.append(AttemptUsage(attempt, goal.id, _measure(goal, attempt, own, measured=measured)))
    return _whole(attempts, members).measure


def spending_of(state: LedgerState, goal_id: str) -> Spending:
    """What snapshots tell of a goal, added up by agent, price class and whether searches were counted.

    Raises:
        KeyError: there is no such goal.
    """
    found: dict[tuple[str, bool], list[ClassUsage]] = {}
    for segment in segments_of_goal(state, members_of(state, goal_id)):
        for usage in segment.classes:
            found.setdefault((segment.session.agent, usage.web_searches is None), []).append(usage)
    return tuple((agent, usage) for (agent, _), some in sorted(found.items()) for usage in merge_classes(some))


def _owned(state: LedgerState, members: list[Goal]) -> list[SessionKey]:
    """The sessions of which these goals own a part."""
    return sorted({key for goal in members for key in state.index.owned.get(goal.id, ())})


def segments_of_goal(state: LedgerState, members: list[Goal]) -> tuple[Segment, ...]:
    """What these goals own, session by session and in the order of events."""
    return tuple(segment for key in _owned(state, members) for segment in _of_goals(state, key, members))


def members_of(state: LedgerState, goal_id: str) -> list[Goal]:
    """The goals that are counted with this one, in the order in which they were started."""
    if state.goals[goal_id].merged_into is not None:
        return []
    found = [goal_id]
    for goal in found:
        found += state.index.dropped.get(goal, ())
    ordered = found if len(found) == 1 else [goal for goal in state.goals if goal in set(found)]
    return [state.goals[goal] for goal in ordered]


def _of_goals(state: LedgerState, key: SessionKey, members: list[Goal]) -> Iterable[Segment]:
    """The parts of one session that belong to these goals, in the order of events."""
    parts = [part for goal in members for part in _cut(state, key).get(goal.id, ())]
    return (segment for _, segment in (parts if len(members) == 1 else sorted(parts, key=itemgetter(0))))


def segments_of_session(state: LedgerState, key: SessionKey, goal: str | None) -> Iterable[Segment]:
    """The parts of one session that a goal owns; those that belong to none for None."""
    return (segment for _, segment in _cut(state, key).get(goal, ()))


def _cut(state: LedgerState, key: SessionKey) -> Mapping[str | None, tuple[tuple[int, Segment], ...]]:
    known = state.figures.segments.get(key)
    if known is None:
        found: dict[str | None, list[tuple[int, Segment]]] = {}
        for numbered in enumerate(segments_of(key, state.lines[key])):
            owner = numbered[1].owner
            found.setdefault(None if owner is None else owner.goal, []).append(numbered)
        known = state.figures.segments[key] = {goal: tuple(parts) for goal, parts in found.items()}
    return known


def _share(state: LedgerState, key: SessionKey) -> Share:
    tallies = _tallies(state, key)
    counter = total_of(tally.tokens for tally in tallies.values())
    return Share(counter, tallies[None].tokens if None in tallies else None)


def _tallies(state: LedgerState, key: SessionKey) -> Mapping[Part | None, Tally]:
    known = state.figures.tallies.get(key)
    if known is None:
        known = state.figures.tallies[key] = tallies_of(state.lines[key])
    return known


class _Whole(msgspec.Struct, frozen=True):
    measure: Measure
    captured: Measure
    manual: tuple[ManualShare, ...]


def _whole(attempts: Sequence[AttemptUsage], members: list[Goal]) -> _Whole:
    """What the attempts used; numbers given by hand stand in where nothing was captured for a goal."""
    captured = {goal.id: total_measure(use.measure for use in attempts if use.goal == goal.id) for goal in members}
    manual = tuple(
        ManualShare(goal.id, goal.manual, counts=captured[goal.id].tokens is None)
        for goal in members
        if goal.manual is not None
    )
    by_hand = {share.goal: Measure(share.usage.tokens, Quality.UNVERIFIED) for share in manual if share.counts}
    return _Whole(total_measure({**captured, **by_hand}.values()), total_measure(captured.values()), manual)


def _usage(state: LedgerState, members: list[Goal], segments: tuple[Segment, ...]) -> GoalUsage:
    split = _split(state, members, segments)
    attempts = tuple(usage for part in split for usage in _attempts(part))
    direct = [segment for segment in segments if segment.owner is not None and segment.owner.direct]
    children = [segment for segment in segments if segment.owner is not None and not segment.owner.direct]
    whole = _whole(attempts, members)
    known = whole.measure.tokens is not None
    own = (counter_of(direct), *(share.usage.tokens for share in whole.manual if share.counts))
    return GoalUsage(
        measure=whole.measure,
        own=total_of(own) if known else None,
        subtree=counter_of(children) if known else None,
        captured=whole.captured,
        manual=whole.manual,
        classes=merge_classes(usage for segment in segments for usage in segment.classes),
        sessions=_shares(state, segments),
        attempts=attempts,
        stages=tuple(stage for part in split for stage in _stages(part)),
        unreported=_unreported(segments, whole.manual),
        backfilled=tuple(goal.id for goal in members if goal.backfill is not None),
    )


def _unreported(segments: tuple[Segment, ...], manual: tuple[ManualShare, ...]) -> tuple[str, ...]:
    by_hand = {name for share in manual if share.counts for name in share.usage.unreported}
    return tuple(sorted(by_hand.union(*(segment.unreported for segment in segments))))


def total_measure(parts: Iterable[Measure]) -> Measure:
    """The sum of what is known; with something unknown beside it that is a lower bound, never null."""
    measures = tuple(parts)
    known = [part.tokens for part in measures if part.tokens is not None]
    return Measure(total_of(known) if known else None, join(part.quality for part in measures))


class _Parts(msgspec.Struct, frozen=True):
    """One goal with its own segments by attempt and stage."""

    goal: Goal
    by_place: Mapping[tuple[int, int], Sequence[Segment]]
    measured: bool


def _split(state: LedgerState, members: list[Goal], segments: tuple[Segment, ...]) -> list[_Parts]:
    found: dict[str, dict[tuple[int, int], list[Segment]]] = {goal.id: {} for goal in members}
    for owner, segment in ((part.owner, part) for part in segments if part.owner is not None):
        found[owner.goal].setdefault((owner.attempt, owner.stage), []).append(segment)
    return [_Parts(goal, found[goal.id], _is_measured(state, goal)) for goal in members]


def _is_measured(state: LedgerState, goal: Goal) -> bool:
    """Whether some session of the goal has a counter."""
    return goal.backfill is not None or any(state.lines[key].is_measured for key in state.joined.get(goal.id, ()))


def _attempts(parts: _Parts) -> Iterable[AttemptUsage]:
    for attempt in parts.goal.attempts:
        places = ((attempt.number, index) for index in range(len(attempt.stages) + 1))
        own = [tally_of(segment) for place in places for segment in parts.by_place.get(place, ())]
        yield AttemptUsage(attempt, parts.goal.id, _measure(parts.goal, attempt, own, measured=parts.measured))


def _measure(goal: Goal, attempt: Attempt, tallies: Sequence[Tally], *, measured: bool) -> Measure:
    qualities = [tally.quality for tally in tallies]
    if goal.session is None and goal.backfill is None and attempt.number == 1:
        qualities.append(Quality.UNMEASURED)
    if measured and not qualities:
        qualities.append(Quality.EXACT)
    quality = join(qualities)
    known = quality is not Quality.UNMEASURED
    return Measure(total_of(tally.tokens for tally in tallies) if known else None, quality)


def _stages(parts: _Parts) -> Iterable[StageUsage]:
    for attempt in parts.goal.attempts:
        places: list[tuple[str | None, str | None, str | None]] = [
            (stage.name, stage.at, stage.notes) for stage in attempt.stages
        ]
        end = None if attempt.outcome is None else attempt.outcome.finished_at
        places.append((None, end, None))
        for index, (name, at, notes) in enumerate(places):
            own = [tally_of(segment) for segment in parts.by_place.get((attempt.number, index), ())]
            measure = _measure(parts.goal, attempt, own, measured=parts.measured)
            yield StageUsage(parts.goal.id, attempt.number, name, at, notes, measure)


def _shares(state: LedgerState, segments: Sequence[Segment]) -> tuple[SessionShare, ...]:
    found: dict[SessionKey, list[Segment]] = {}
    for segment in segments:
        found.setdefault(segment.session, []).append(segment)
    return tuple(
        SessionShare(
            key,
            state.lines[key].parent,
            counter_of(parts),
            measured=any(part.quality is not Quality.UNMEASURED for part in parts),
        )
        for key, parts in sorted(found.items())
    )
