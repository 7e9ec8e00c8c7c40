"""Boundaries that are put into a session's line afterwards, each at the place where its counter belongs.

What they hand out is only what no goal had there; nobody loses a token by it, and the sum stays what it was.
"""

from __future__ import annotations

from enum import StrEnum
from itertools import pairwise
from typing import TYPE_CHECKING, Final, NamedTuple

from msgspec.structs import replace

from tallybook.domain.attribution import Owner, Point, SessionLine
from tallybook.domain.quality import Quality, worst

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tallybook.domain.usage import ClassUsage, SessionUsage


class Obstacle(StrEnum):
    """Why boundaries have no certain place in a line."""

    FELL = "fell"
    """A counter fell: the log was another one once."""
    CROSSED = "crossed"
    """A boundary lies neither before nor behind one that is there."""
    UNMEASURED = "unmeasured"
    """No counter is known at a boundary that lies among them."""
    PENDING = "pending"
    """A boundary before the last of them waits for its response."""


class Cut(NamedTuple):
    """A boundary to put in."""

    usage: SessionUsage
    owner: Owner | None
    """Whose it is what came since the cut before; None for the first one."""


_UNMEASURED: Final = Quality.UNMEASURED


def insert(line: SessionLine, cuts: Sequence[Cut], snapshot: str) -> SessionLine | Obstacle:
    """The line with ``cuts``, of one goal and in the order of time, as points of the event ``snapshot``."""
    if any(cut.usage.quality is _UNMEASURED for cut in cuts):
        return Obstacle.UNMEASURED
    counters = [point.classes for point in line.points if point.quality is not _UNMEASURED]
    for chain in (counters, [cut.usage.classes for cut in cuts]):
        if not all(covers(later, earlier) for earlier, later in pairwise(chain)):
            return Obstacle.FELL
    return _Insertion(cuts, snapshot).into(line)


def without(line: SessionLine, goal: str, snapshot: str) -> SessionLine:
    """The line as it would be had the event ``snapshot`` of ``goal`` put nothing in."""
    points = (_uncovered(point, goal) for point in line.points if point.snapshot != snapshot)
    return replace(line, points=tuple(points))


def waits(line: SessionLine, cuts: Sequence[Cut]) -> bool:
    """Whether a boundary that may still move lies before the last of ``cuts``."""
    last = cuts[-1].usage.classes
    return any(point.pending and not covers(point.classes, last) for point in line.points)


def covers(later: Iterable[ClassUsage], earlier: Iterable[ClassUsage]) -> bool:
    """Whether a counter can have become another one by growing."""
    found = {usage.price_class: usage for usage in later}
    return all(
        (now := found.get(usage.price_class)) is not None
        and now.responses >= usage.responses
        and now.tokens.covers(usage.tokens)
        for usage in earlier
    )


class _Insertion:
    """Goes along a line and puts each cut before the first boundary that lies behind it."""

    def __init__(self, cuts: Sequence[Cut], snapshot: str) -> None:
        self._cuts = cuts
        self._snapshot = snapshot
        self._next = 0
        self._points: list[Point] = []
        self._silent: list[Point] = []
        """Boundaries without a counter since the last one with one."""

    def into(self, line: SessionLine) -> SessionLine | Obstacle:
        for point in line.points:
            if point.quality is _UNMEASURED:
                self._silent.append(point)
                continue
            obstacle = self._go_to(point)
            if obstacle is not None:
                return obstacle
        if not self._pass_silent(among=self._next < len(self._cuts)):
            return Obstacle.UNMEASURED
        for number in range(self._next, len(self._cuts)):
            self._points.append(self._point(number, None))
        return replace(line, points=tuple(self._points))

    def _go_to(self, point: Point) -> Obstacle | None:
        first = last = self._next
        while last < len(self._cuts) and not covers(self._cuts[last].usage.classes, point.classes):
            if not covers(point.classes, self._cuts[last].usage.classes):
                return Obstacle.CROSSED
            last += 1
        if not self._pass_silent(among=first < len(self._cuts) and last > 0):
            return Obstacle.UNMEASURED
        self._points += [self._point(number, point) for number in range(first, last)]
        self._next = last
        if 0 < last < len(self._cuts) and point.owner is None:
            cut = self._cuts[last]
            quality = worst(point.quality, cut.usage.quality)
            own = replace(point, snapshot=self._snapshot, owner=cut.owner, quality=quality, pending=False)
            self._points.append(own)
        self._points.append(point)
        return None

    def _pass_silent(self, *, among: bool) -> bool:
        """Go on behind the boundaries without a counter; whether none ``among`` the cuts is another goal's."""
        goal = self._goal
        if among and any(point.owner is not None and point.owner.goal != goal for point in self._silent):
            return False
        self._points += map(_covered, self._silent) if among else self._silent
        self._silent.clear()
        return True

    def _point(self, number: int, behind: Point | None) -> Point:
        """The cut as a point; what lies before the first, or is a goal's there already, stays as it was."""
        usage, owner = self._cuts[number]
        quality = usage.quality
        if behind is not None and (number == 0 or behind.owner is not None):
            owner, quality = behind.owner, behind.quality
        return Point(self._snapshot, usage.classes, quality, pending=False, owner=owner, unreported=usage.unreported)

    @property
    def _goal(self) -> str | None:
        owner = self._cuts[-1].owner
        return None if owner is None else owner.goal


def _covered(point: Point) -> Point:
    return point if point.owner is None else replace(point, owner=None, covered=point.owner)


def _uncovered(point: Point, goal: str) -> Point:
    if point.covered is None or point.covered.goal != goal:
        return point
    return replace(point, owner=point.covered, covered=None)
