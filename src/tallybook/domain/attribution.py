"""Who owns each token: the counters of snapshots, cut at boundaries, handed out once.

For every session the sum over all segments equals the highest counter seen, whatever happened to the log.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from tallybook.domain.quality import Quality, worst
from tallybook.domain.tokens import COMPONENTS, ZERO, TokenVector, total_of
from tallybook.domain.usage import ClassUsage, PriceClass, SessionKey

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


class Owner(msgspec.Struct, frozen=True):
    """The part of a goal that a segment belongs to."""

    goal: str
    attempt: int
    stage: int
    """Index of the stage within the attempt; equal to the number of its marks for the unmarked tail."""
    direct: bool
    """The session joined the goal itself, not through an ancestor."""


class Point(msgspec.Struct, frozen=True):
    """The counter of one session at one boundary."""

    snapshot: str
    """Id of the snapshot event."""
    classes: tuple[ClassUsage, ...]
    quality: Quality
    pending: bool
    owner: Owner | None
    """Whose usage it is that came since the point before; None for the remainder."""
    unreported: tuple[str, ...] = ()


class SessionLine(msgspec.Struct, frozen=True):
    """All boundaries of one session, in the order of events."""

    parent: str | None = None
    points: tuple[Point, ...] = ()

    @property
    def is_measured(self) -> bool:
        """Whether some boundary has a counter."""
        return any(point.quality is not Quality.UNMEASURED for point in self.points)


class Segment(msgspec.Struct, frozen=True):
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


_NOTHING: Final = ClassUsage(PriceClass("", "", "", ""), 0, ZERO)


def segments_of(session: SessionKey, line: SessionLine) -> Iterator[Segment]:
    """Cut one session's counter at its boundaries."""
    counted: dict[PriceClass, ClassUsage] = {}
    unsettled = False
    for point in line.points:
        if point.quality == Quality.UNMEASURED:
            unsettled = True
            yield Segment(session, point.owner, (), point.quality, point.snapshot)
            continue
        growth, fell = _growth(counted, point.classes)
        quality: Quality = point.quality
        if fell or unsettled:
            quality = worst(quality, Quality.UNVERIFIED)
        if point.pending:
            quality = worst(quality, Quality.LOWER_BOUND)
        unsettled = point.pending
        yield Segment(session, point.owner, growth, quality, point.snapshot, point.unreported)


def counter_of(segments: Iterable[Segment]) -> TokenVector:
    """The sum over segments; over all of them, goals and remainder together."""
    return total_of(segment.tokens for segment in segments)


def _growth(
    counted: dict[PriceClass, ClassUsage], classes: tuple[ClassUsage, ...]
) -> tuple[tuple[ClassUsage, ...], bool]:
    """What ``classes`` add to ``counted``, which is brought up to date, and whether anything fell.

    Where a class fell, usage may have moved between classes; then no more is added in all than the sum over
    classes grew beyond what was handed out before, so that nothing is counted twice.
    """
    raw, fell, met = [], False, 0
    for usage in classes:
        earlier = counted.get(usage.price_class)
        if earlier is None:
            raw.append(usage)
            continue
        met += 1
        fell = fell or earlier.responses > usage.responses or not usage.tokens.covers(earlier.tokens)
        raw.append(
            ClassUsage(
                usage.price_class,
                max(usage.responses - earlier.responses, 0),
                usage.tokens.growth_since(earlier.tokens),
            )
        )
    if not fell and met == len(counted):
        grown = tuple(usage for usage in raw if usage.responses or usage.tokens)
        if grown:
            counted.update((usage.price_class, usage) for usage in classes if usage.responses or usage.tokens)
        return grown, False
    grown = tuple(usage for usage in _limited(raw, _room(counted.values(), classes)) if usage.responses or usage.tokens)
    for usage in grown:
        earlier = counted.get(usage.price_class, _NOTHING)
        counted[usage.price_class] = ClassUsage(
            usage.price_class, earlier.responses + usage.responses, earlier.tokens + usage.tokens
        )
    return grown, True


def _room(counted: Iterable[ClassUsage], classes: tuple[ClassUsage, ...]) -> ClassUsage:
    handed_out = tuple(counted)
    return ClassUsage(
        _NOTHING.price_class,
        max(sum(usage.responses for usage in classes) - sum(usage.responses for usage in handed_out), 0),
        total_of(usage.tokens for usage in classes).growth_since(total_of(usage.tokens for usage in handed_out)),
    )


def _limited(raw: list[ClassUsage], room: ClassUsage) -> Iterator[ClassUsage]:
    """Cut ``raw`` down, class by class, so that its sum stays within ``room``."""
    responses, left = room.responses, dict(zip(COMPONENTS, room.tokens.parts(), strict=True))
    for usage in raw:
        taken = {name: min(part, left[name]) for name, part in zip(COMPONENTS, usage.tokens.parts(), strict=True)}
        count = min(usage.responses, responses)
        responses -= count
        left = {name: left[name] - taken[name] for name in COMPONENTS}
        yield ClassUsage(usage.price_class, count, TokenVector(**taken))
