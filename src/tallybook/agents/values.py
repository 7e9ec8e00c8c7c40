"""Single values of a record, as agents write them: what is wrong spoils nothing else of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final, TypeVar

import msgspec

from tallybook.agents.lines import on_demand

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

T = TypeVar("T")
S = TypeVar("S", bound=msgspec.Struct)
_FAULTS: Final = (msgspec.MsgspecError, ValueError, RecursionError)
ABSENT: Final = msgspec.Raw(b"null")
"""What stands for a value that is not there."""
_text: Final = msgspec.json.Decoder(str).decode
_parts: Final = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
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
    return None if raw == ABSENT else readable(raw, _text) or None  # most values are not there at all


def named(told: object) -> str | None:
    """A value that is a string and not empty."""
    return told if isinstance(told, str) and told else None


def tolerant(kind: type[S], *needed: str) -> Callable[[bytes], S]:
    """A decoder that takes a record whole, or else field by field: what is wrong is left out.

    A record in which a field that is ``needed`` is wrong is wrong as a whole.
    """
    whole = on_demand(kind)

    def decode(raw: bytes) -> S:
        try:
            return whole(raw)
        except _FAULTS:
            return _by_fields(raw, kind, needed)

    return decode


def _by_fields(raw: bytes, kind: type[S], needed: Sequence[str]) -> S:
    parts = _parts(raw)
    told: dict[str, object] = {}
    for field in msgspec.structs.fields(kind):
        if field.encode_name in parts:
            try:
                told[field.name] = msgspec.json.decode(parts[field.encode_name], type=field.type)
            except _FAULTS:
                if field.name in needed:
                    raise
    try:
        return kind(**told)
    except TypeError as error:  # a field that must be there is missing
        raise ValueError from error


def instant(raw: msgspec.Raw) -> int | None:
    """Microseconds since the epoch of an ISO 8601 time or a number of milliseconds; None where it is neither.

    So is a time before 1970 or after 9999.
    """
    return None if raw == ABSENT else moment(readable(raw, _moment))


def moment(told: object) -> int | None:
    """``instant`` of a value that is decoded."""
    try:
        if isinstance(told, str):
            at = _microseconds(told)
        elif type(told) in {int, float}:
            at = int(told * 1000)  # type: ignore[operator]
        else:
            return None
    except (ValueError, OverflowError):
        return None
    return at if 0 <= at <= _LATEST else None


def _microseconds(told: str) -> int:
    time = datetime.fromisoformat(told)
    return ((time if time.tzinfo else time.replace(tzinfo=UTC)) - _EPOCH) // _MICROSECOND
