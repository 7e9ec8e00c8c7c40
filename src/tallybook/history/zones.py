"""Local days from microseconds: a time zone as stretches of one offset each, so that SQL can cut days by itself."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

if TYPE_CHECKING:
    from collections.abc import Iterator

DAY: Final = 86_400
_STEP: Final = 7 * DAY
_FAR: Final = 4_102_444_800
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Zone(Protocol):
    """A time zone."""

    def offset(self, at: int) -> int:
        """Seconds east of UTC at a moment, in seconds since the epoch."""
        ...

    def instant(self, local: datetime) -> int:
        """The moment (seconds since the epoch, UTC) of a local time without zone; of two the first."""
        ...


class LocalZone:
    """The zone of this machine, or of ``TZ``."""

    def offset(self, at: int) -> int:
        """Seconds east of UTC at a moment."""
        return time.localtime(at).tm_gmtoff

    def instant(self, local: datetime) -> int:
        """The moment of a local time."""
        return int(local.timestamp())


class NamedZone:
    """A zone of the IANA database."""

    def __init__(self, zone: ZoneInfo) -> None:
        self._zone = zone

    def offset(self, at: int) -> int:
        """Seconds east of UTC at a moment."""
        found = (_EPOCH + timedelta(seconds=max(-_FAR, min(at, _FAR)))).astimezone(self._zone).utcoffset()
        return 0 if found is None else int(found.total_seconds())

    def instant(self, local: datetime) -> int:
        """The moment of a local time."""
        return int(local.replace(tzinfo=self._zone).timestamp())


def named(name: str) -> Zone | None:
    """The zone of that name; None where there is none."""
    try:
        return NamedZone(ZoneInfo(name))
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


class Stretch(NamedTuple):
    """A time within which the offset does not change."""

    begin: int
    """Seconds since the epoch."""
    offset: int
    """Seconds east of UTC."""


def stretches(zone: Zone, first: int, last: int) -> tuple[Stretch, ...]:
    """The offsets in force from ``first`` to ``last`` (seconds), the first stretch beginning at ``first``.

    Nobody knows the offsets of a far future: after 2100 the last one stays.
    """
    return tuple(_stretches(zone, min(first, _FAR), min(last, _FAR)))


def _stretches(zone: Zone, first: int, last: int) -> Iterator[Stretch]:
    here, offset = first, zone.offset(first)
    yield Stretch(here, offset)
    while here < last:
        there = min(here + _STEP, last)
        changed = zone.offset(there)
        if changed != offset:
            yield (found := _change(zone, here, there))
            here, offset = found
        else:
            here = there


def _change(zone: Zone, before: int, after: int) -> Stretch:
    """The first moment in (before, after] with another offset than ``before``."""
    offset = zone.offset(before)
    while after - before > 1:
        middle = (before + after) // 2
        if zone.offset(middle) == offset:
            before = middle
        else:
            after = middle
    return Stretch(after, zone.offset(after))


def local_day(at: str, parts: tuple[Stretch, ...]) -> str:
    """SQL for the local day, in days since 1970-01-01, of an SQL expression in seconds."""
    cases = "".join(f"WHEN {at} >= {one.begin} THEN {one.offset} " for one in reversed(parts[1:]))
    offset = f"CASE {cases}ELSE {parts[0].offset} END" if cases else str(parts[0].offset)
    return f"({at} + {offset} + {DAY}) / {DAY} - 1"  # the days before the first one, too: SQL rounds towards zero
