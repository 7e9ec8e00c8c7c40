"""Who owns each token: the counters of snapshots, cut at boundaries, handed out once.

For every session the sum over all segments equals the highest counter seen, whatever happened to the log.
"""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

from tallybook.domain.quality import Quality, join, worst
from tallybook.domain.tokens import COMPONENTS, ZERO, TokenVector, total_of
from tallybook.domain.usage import ClassUsage, PriceClass, SessionKey, searches_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


class Owner(msgspec.Struct, frozen=True, gc=False):
    """The part of a goal that a segment belongs to."""

    goal: str
    attempt: int
    stage: int
    """Index of the stage within the attempt; equal to the number of its marks for the unmarked tail."""
    direct: bool
    """The session joined the goal itself, not through an ancestor."""


class Point(msgspec.Struct, frozen=True, gc=False):
    """The counter of one session at one boundary."""

    snapshot: str
    """Id of the snapshot event."""
    classes: tuple[ClassUsage, ...]
    quality: Quality
    pending: bool
    owner: Owner | None
    """Whose usage it is that came since the point before; None for the remainder."""
    unreported: tuple[str, ...] = ()
    covered: Owner | None = None
    """Whose it was until a backfill told what the log had not told here."""


class SessionLine(msgspec.Struct, frozen=True, gc=False):
    """All boundaries of one session, in the order of events."""

    parent: str | None = None
    points: tuple[Point, ...] = ()

    @property
    def is_measured(self) -> bool:
        """Whether some boundary has a counter; mostly the first one has."""
        for point in self.points:  # noqa: SIM110 - any() takes longer to begin than this to end
            if point.quality is not _UNMEASURED:
                return True
        return False


class Segment(msgspec.Struct, frozen=True, gc=False):
    """What one session used between two boundaries."""

    session: SessionKey
    owner: Owner | None
    classes: tuple[ClassUsage, ...]
    quality: Quality
    snapshot: str
    unreported: tuple[str, ...] = ()

    @property
    def tokens(self) -> TokenVector:
        """The sum over all price classes."""
        return total_of(usage.tokens for usage in self.classes)


Part = tuple[str, int]
"""A goal and the number of its attempt."""


class Tally(NamedTuple):
    """Some segments added up."""

    tokens: TokenVector
    quality: Quality
    """The join of theirs."""


_UNMEASURED: Final = Quality.UNMEASURED
_NOTHING: Final = ClassUsage(PriceClass("", "", "", ""), 0, ZERO, 0)


def segments_of(session: SessionKey, line: SessionLine) -> Iterator[Segment]:
    """Cut one session's counter at its boundaries."""
    counter = _Counter()
    for point in line.points:
        before = counter.counted.copy()
        quality = counter.advance(point)
        if point.quality is _UNMEASURED:
            yield Segment(session, point.owner, (), quality, point.snapshot)
        else:
            growth = tuple(_growth(before, counter.counted, point.classes))
            yield Segment(session, point.owner, growth, quality, point.snapshot, point.unreported)


def tallies_of(line: SessionLine) -> dict[Part | None, Tally]:
    """The segments added up by attempt, those that belong to no goal under None."""
    found: dict[Part | None, Tally] = {}
    counter, reached = _Counter(), ZERO
    for part, points in groupby(line.points, _part):
        quality = join(map(counter.advance, points))
        before, reached = reached, counter.total
        grown, earlier = reached.growth_since(before), found.get(part)
        found[part] = (
            Tally(grown, quality) if earlier is None else Tally(earlier.tokens + grown, worst(earlier.quality, quality))
        )
    return found


def tally_of(segment: Segment) -> Tally:
    """One segment alone."""
    return Tally(segment.tokens, segment.quality)


def _part(point: Point) -> Part | None:
    return None if point.owner is None else (point.owner.goal, point.owner.attempt)


def counter_of(segments: Iterable[Segment]) -> TokenVector:
    """The sum over segments; over all of them, goals and remainder together."""
    return total_of(segment.tokens for segment in segments)


class _Counter:
    """What was counted of a session up to one boundary; it never falls."""

    def __init__(self) -> None:
        self.counted: dict[PriceClass, ClassUsage] = {}
        self._unsettled = False

    @property
    def total(self) -> TokenVector:
        return total_of(usage.tokens for usage in self.counted.values())

    def advance(self, point: Point) -> Quality:
        """Go on to the next boundary; the quality of what came since the one before."""
        if point.quality is _UNMEASURED:
            self._unsettled = True
            return point.quality
        in_doubt = _count(self.counted, point.classes) or self._unsettled
        self._unsettled = point.pending
        quality = worst(point.quality, Quality.UNVERIFIED) if in_doubt else point.quality
        return worst(quality, Quality.LOWER_BOUND) if point.pending else quality


def _count(counted: dict[PriceClass, ClassUsage], classes: tuple[ClassUsage, ...]) -> bool:
    """Bring ``counted`` up to ``classes``; whether anything fell.

    Where a class fell, usage may have moved between classes; then no more is added in all than the sum over
    classes grew beyond what was handed out before, so that nothing is counted twice.
    """
    if _rises(counted, classes):
        for usage in classes:
            if _is_any(usage):
                counted[usage.price_class] = usage
        return False
    raw = [_grown(counted.get(usage.price_class), usage) for usage in classes]
    for usage in _limited(raw, _room(counted.values(), classes)):
        if _is_any(usage):
            earlier = counted.get(usage.price_class, _NOTHING)
            counted[usage.price_class] = ClassUsage(
                usage.price_class,
                earlier.responses + usage.responses,
                earlier.tokens + usage.tokens,
                searches_of((earlier, usage)),
            )
    return True


def _rises(counted: dict[PriceClass, ClassUsage], classes: tuple[ClassUsage, ...]) -> bool:
    """Whether every class that was counted is there and has not fallen."""
    met = 0
    for usage in classes:
        earlier = counted.get(usage.price_class)
        if earlier is not None:
            met += 1
            if earlier.responses > usage.responses or not usage.tokens.covers(earlier.tokens):
                return False
            if earlier.web_searches and _more(earlier.web_searches, usage.web_searches):
                return False
    return met == len(counted)


def _growth(
    before: dict[PriceClass, ClassUsage], after: dict[PriceClass, ClassUsage], classes: tuple[ClassUsage, ...]
) -> Iterator[ClassUsage]:
    """What was counted more ``after`` than ``before``, in the order of ``classes``."""
    for price_class in (usage.price_class for usage in classes):
        if price_class in after:
            grown = _grown(before.get(price_class), after[price_class])
            if _is_any(grown):
                yield grown


def _is_any(usage: ClassUsage) -> bool:
    return bool(usage.responses or usage.tokens or usage.web_searches)


def _grown(earlier: ClassUsage | None, usage: ClassUsage) -> ClassUsage:
    if earlier is None:
        return usage
    responses = max(usage.responses - earlier.responses, 0)
    searches = _more(usage.web_searches, earlier.web_searches)
    return ClassUsage(usage.price_class, responses, usage.tokens.growth_since(earlier.tokens), searches)


def _more(later: int | None, earlier: int | None) -> int | None:
    """Searches that came since; nobody can tell where one of the numbers is not known."""
    return None if later is None or earlier is None else max(later - earlier, 0)


def _room(counted: Iterable[ClassUsage], classes: tuple[ClassUsage, ...]) -> ClassUsage:
    handed_out = tuple(counted)
    return ClassUsage(
        _NOTHING.price_class,
        max(sum(usage.responses for usage in classes) - sum(usage.responses for usage in handed_out), 0),
        total_of(usage.tokens for usage in classes).growth_since(total_of(usage.tokens for usage in handed_out)),
        _more(searches_of(classes), searches_of(handed_out)),
    )


def _limited(raw: list[ClassUsage], room: ClassUsage) -> Iterator[ClassUsage]:
    """Cut ``raw`` down, class by class, so that its sum stays within ``room``."""
    responses, searches = room.responses, room.web_searches
    left = dict(zip(COMPONENTS, room.tokens.parts(), strict=True))
    for usage in raw:
        taken = {name: min(part, left[name]) for name, part in zip(COMPONENTS, usage.tokens.parts(), strict=True)}
        count = min(usage.responses, responses)
        responses -= count
        left = {name: left[name] - taken[name] for name in COMPONENTS}
        found = None if searches is None or usage.web_searches is None else min(usage.web_searches, searches)
        searches = _more(searches, found)
        yield ClassUsage(usage.price_class, count, TokenVector(**taken), found)
