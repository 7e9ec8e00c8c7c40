"""What sessions used at the end of a goal that no boundary of it covers: nobody measured when it was closed.

A goal ends with a boundary of each of its sessions. Where that is missing, what came after the last one that there is
was handed out to nobody, or was never counted; the history tells how much it was.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from tallybook.domain.insertion import covers
from tallybook.domain.quality import Quality
from tallybook.domain.tokens import ZERO, TokenVector, total_of
from tallybook.domain.usage import ClassUsage, SessionKey

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tallybook.domain.attribution import SessionLine


class End(msgspec.Struct, frozen=True):
    """What the history tells of a session that worked on a goal, or of a child session of such a one."""

    key: SessionKey
    before: tuple[ClassUsage, ...]
    """Its counter when the goal began."""
    until: tuple[ClassUsage, ...]
    """Its counter when the goal was closed."""


def lost(line: SessionLine | None, goal: str, end: End) -> TokenVector:
    """What is missing from the goal of one session; of one that no snapshot knows, all of that time."""
    if line is None:
        return _growth(end.before, end.until)
    measured = [point for point in line.points if point.quality is not Quality.UNMEASURED]
    own = [number for number, it in enumerate(measured) if it.owner is not None and it.owner.goal == goal]
    if not own:
        return ZERO
    reached, found = measured[own[-1]].classes, ZERO
    if covers(reached, end.until):
        return ZERO
    for point in measured[own[-1] + 1 :]:
        is_last = covers(point.classes, end.until)
        if point.owner is None:
            found += _growth(reached, end.until if is_last else point.classes)
        if is_last:
            return found
        reached = point.classes
    return found + _growth(reached, end.until)


def _growth(before: Iterable[ClassUsage], until: Iterable[ClassUsage]) -> TokenVector:
    return total_of(it.tokens for it in until).growth_since(total_of(it.tokens for it in before))
