"""Copies that keep the times of what they were copied from.

Of an item that several logs tell of the earliest telling counts. So a copy is told a little later than the original,
and a copy of a copy later still: the original counts wherever it is there.
"""

from __future__ import annotations

from typing import Final

STEP: Final = 1000
"""Microseconds: the least that the store tells apart."""


def copied(at: int | None, times: int = 1) -> int | None:
    """The moment at which a copy is told that was copied so many times."""
    return None if at is None else at + times * STEP
