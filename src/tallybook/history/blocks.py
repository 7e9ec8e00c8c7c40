"""Blocks of five hours, as allowances are counted: one begins with the hour of the first response outside of any.

The hours of several lanes, such as agents, are places on one line, so far apart that no block reaches from one lane
into the next.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

HOUR: Final = 3600
_HOURS: Final = 5
LENGTH: Final = _HOURS * HOUR
"""Seconds."""
LANE: Final = 2**40
"""How far lanes are apart: an hour (since the epoch) of a lane is the place ``lane * LANE + hour``."""


def block_starts(places: Iterable[int]) -> dict[int, int]:
    """The first place of its block, for each hour in which something was answered."""
    found: dict[int, int] = {}
    begin: int | None = None
    for at in sorted({*places}):
        if begin is None or at >= begin + _HOURS:
            begin = at
        found[at] = begin
    return found


def hour_at(place: int) -> int:
    """Of any lane; also before the epoch."""
    return (place + LANE // 2) % LANE - LANE // 2
