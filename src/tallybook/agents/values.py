"""Single values of a record, as agents write them: what is wrong spoils nothing else of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final, TypeVar

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")
_FAULTS: Final = (msgspec.MsgspecError, ValueError, RecursionError)
_text: Final = msgspec.json.Decoder(str).decode
_moment: Final = msgspec.json.Decoder(int | float | str).decode
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_LATEST: Final = 253_402_300_799_999_999


def readable(raw: bytes, decode: Callable[[bytes], T]) -> T | None:
    """What ``decode`` makes of a value; None where it is wrong."""
    try:
        return decode(raw)
    except _FAULTS:
        return None


def text(raw: msgspec.Raw) -> str | None:
    """A string that is not empty."""
    return readable(raw, _text) or None


def flag(raw: msgspec.Raw) -> bool:
    """Whether a value is true, and nothing else that would pass for it."""
    return bytes(raw) == b"true"


def instant(raw: msgspec.Raw) -> int | None:
    """Microseconds since the epoch of an ISO 8601 time or a number of milliseconds; None where it is neither.

    So is a time before 1970 or after 9999.
    """
    told = readable(raw, _moment)
    if told is None:
        return None
    try:
        at = _microseconds(told) if isinstance(told, str) else int(told * 1000)
    except (ValueError, OverflowError):
        return None
    return at if 0 <= at <= _LATEST else None


def _microseconds(told: str) -> int:
    time = datetime.fromisoformat(told)
    return ((time if time.tzinfo else time.replace(tzinfo=UTC)) - _EPOCH) // _MICROSECOND
