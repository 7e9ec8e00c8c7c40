"""Blocks of five hours, as allowances are counted: one begins at the full hour of the first response outside of any."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

HOUR: Final = 3600
LENGTH: Final = 5 * HOUR
"""Seconds."""


class Lanes:
    """The blocks of each agent, or of all agents together in the lane None."""

    def __init__(self, hours: Iterable[tuple[int | None, int]]) -> None:
        """Cut from lanes and hours (since the epoch) in which something was answered."""
        found: dict[int | None, set[int]] = defaultdict(set)
        for lane, hour in hours:
            found[lane].add(hour * HOUR)
        self._begins = {
            lane: {at // HOUR: begin // HOUR for at, begin in block_starts(moments).items()}
            for lane, moments in found.items()
        }

    def begin(self, lane: int | None, hour: int) -> int:
        """The first hour of the block that one of those hours is in; of a first hour itself."""
        return self._begins[lane][hour]


def block_starts(moments: Iterable[int]) -> dict[int, int]:
    """The begin of its block for each moment, both in seconds since the epoch."""
    found: dict[int, int] = {}
    begin = -LENGTH
    for at in sorted(set(moments)):
        if at >= begin + LENGTH:
            begin = at - at % HOUR
        found[at] = begin
    return found
