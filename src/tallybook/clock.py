"""Time and identity behind two small protocols, so that everything below can be tested with both in hand."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import Protocol
from uuid import UUID


class Clock(Protocol):
    """Where the time comes from."""

    def now(self) -> datetime:
        """The present moment, aware, in UTC."""
        ...


class Ids(Protocol):
    """Where random bits come from."""

    def bits(self, count: int) -> int:
        """A random integer of ``count`` bits."""
        ...


class SystemClock:
    """The machine's own clock."""

    def now(self) -> datetime:
        """The present moment, aware, in UTC."""
        return datetime.now(UTC)


class SystemIds:
    """The operating system's random source."""

    def bits(self, count: int) -> int:
        """A random integer of ``count`` bits."""
        return int.from_bytes(os.urandom(-(-count // 8))) >> -count % 8


def unix_milliseconds(moment: datetime) -> int:
    """Whole milliseconds since the epoch of an aware moment."""
    return int((moment - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds() * 1000)


def timestamp(moment: datetime) -> str:
    """An aware moment as UTC ISO 8601 with microseconds and ``Z``."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def uuid7(moment: datetime, ids: Ids) -> str:
    """A UUID of version 7 (RFC 9562): 48 bits of milliseconds, then 74 random bits."""
    value = unix_milliseconds(moment) << 80 | 0x7 << 76 | ids.bits(12) << 64 | 0b10 << 62 | ids.bits(62)
    return str(UUID(int=value))


_CROCKFORD = "0123456789abcdefghjkmnpqrstvwxyz"


def goal_id(moment: datetime, ids: Ids) -> str:
    """A new goal id: ``g``, UTC date as YYMMDD, ``-``, 40 random bits in Crockford's base 32."""
    value = ids.bits(40)
    code = "".join(_CROCKFORD[value >> shift & 31] for shift in range(35, -5, -5))
    return f"g{moment.astimezone(UTC):%y%m%d}-{code}"
