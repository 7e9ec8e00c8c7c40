"""How finely sums cut time: into whole hours, or parts of them where days of a time zone that was asked for need it.

Most zones are whole hours away from UTC, and sums of hours are few. Some are half an hour or three quarters off.
"""

from __future__ import annotations

from math import gcd
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable

    from tallybook.history.zones import Stretch

QUARTER: Final = 900 * 1_000_000
"""In microseconds: as fine as any time zone cuts days."""
IN_HOUR: Final = 4
"""In quarters, as all numbers here."""
_SECONDS: Final = 900
_NAME: Final = "rollup"
ASKED: Final = f"SELECT version FROM stage WHERE name = '{_NAME}'"  # noqa: S608


def grain_in(rows: Iterable[tuple[int]]) -> int:
    """How many quarters of an hour each sum of the store spans, from what ``ASKED`` brought."""
    return next((grain for (grain,) in rows), IN_HOUR)


def grain_of(connection: sqlite3.Connection) -> int:
    """The same, of an open connection."""
    return grain_in(connection.execute(ASKED))


def set_grain(connection: sqlite3.Connection, grain: int) -> None:
    """Say so; the sums must be made anew then."""
    connection.execute("INSERT OR REPLACE INTO stage VALUES (?, ?, x'')", (_NAME, grain))


def step_of(parts: Iterable[Stretch]) -> int:
    """The grain that days of a zone need."""
    return gcd(IN_HOUR, *(part.offset // _SECONDS for part in parts))
