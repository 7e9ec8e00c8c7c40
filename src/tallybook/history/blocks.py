"""Blocks of five hours, as allowances are counted: one begins at the full hour of the first response outside of any."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

HOUR: Final = 3600
LENGTH: Final = 5 * HOUR
"""Seconds."""


def block_starts(moments: Iterable[int]) -> dict[int, int]:
    """The begin of its block for each moment, both in seconds since the epoch."""
    found: dict[int, int] = {}
    begin = -LENGTH
    for at in sorted(set(moments)):
        if at >= begin + LENGTH:
            begin = at - at % HOUR
        found[at] = begin
    return found
