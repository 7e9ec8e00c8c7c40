"""Times as Codex writes them, turned into integers; what cannot be read is None, never a guess."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_DAY: Final = 86_400
_SECOND: Final = 1_000_000
_UUID_LENGTH: Final = 36
_VERSION_AT: Final = 14


def microseconds(text: str | None) -> int | None:
    """Microseconds since the epoch of an RFC 3339 time; one without an offset is UTC."""
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        since = moment - _EPOCH
    except (ValueError, OverflowError):
        return None
    return (since.days * _DAY + since.seconds) * _SECOND + since.microseconds


def uuid_milliseconds(identity: str | None) -> int | None:
    """When a UUIDv7 was made, in milliseconds since the epoch; None for any other id."""
    if identity is None or len(identity) != _UUID_LENGTH or identity[_VERSION_AT] != "7":
        return None
    try:
        return int(identity[:8] + identity[9:13], 16)
    except ValueError:
        return None
