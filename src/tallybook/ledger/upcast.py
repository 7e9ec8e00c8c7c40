"""What earlier formats said becomes what the present one says: one step for each version, one after the other.

A line itself is never rewritten; it is understood anew each time. There is one version so far, and no step.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from tallybook.ledger.line import VERSION


class Told(NamedTuple):
    """What a line tells, in the terms of some version."""

    type: str
    body: dict[str, Any]


Step = Callable[[Told], Told]
STEPS: Final[Mapping[int, Step]] = {}
"""By version: what leads from it to the next one. Every version before the present one has its step."""


def upcast(version: int, told: Told, steps: Mapping[int, Step] = STEPS, present: int = VERSION) -> Told:
    """What a line of ``version`` tells, in the terms of the present one; a newer line is left as it is."""
    for before in range(version, present):
        told = steps[before](told)
    return told
