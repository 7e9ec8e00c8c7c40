"""The hybrid logical clock: ``13 digits of Unix milliseconds - 4 hex digits``, which sorts as text.

A tick is greater than everything its writer has written, whatever the wall clock does; an event from the far future
does not drag it along.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tallybook.clock import unix_milliseconds

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

HORIZON_MS: Final = 24 * 3600 * 1000
"""How far ahead of the wall clock an event may lie and still be followed."""
LAST_USABLE: Final = "9999999999990-0000"
"""A writer whose clock has come this far can't go on."""
_COUNTS: Final = 0x10000


def _value(text: str) -> int:
    milliseconds, _, counter = text.partition("-")
    return int(milliseconds) * _COUNTS + int(counter, 16)


def _text(value: int) -> str:
    return f"{value // _COUNTS:013d}-{value % _COUNTS:04x}"


def horizon(now: datetime) -> str:
    """The latest time that is still followed."""
    return _text((max(unix_milliseconds(now), 0) + HORIZON_MS) * _COUNTS + _COUNTS - 1)


def latest(times: Iterable[str], now: datetime) -> str | None:
    """The greatest of ``times`` that lies within the horizon."""
    limit = horizon(now)
    return max((time for time in times if time <= limit), default=None)


def tick(previous: str | None, seen: str | None, now: datetime) -> str:
    """A time greater than ``previous`` (one's own last) and ``seen``, and not before ``now``."""
    wall = max(unix_milliseconds(now), 0) * _COUNTS
    return _text(max(wall, *(_value(time) + 1 for time in (previous, seen) if time is not None), 0))
