"""Decodes documents that an agent rewrites as a whole: each is whole JSON, or nothing of it is taken."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeVar

import msgspec

from tallybook.agents.surrogates import mended

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")
_BOM: Final = b"\xef\xbb\xbf"
_FAULTS: Final = (msgspec.MsgspecError, ValueError, RecursionError)
_whole: Final = msgspec.json.Decoder(msgspec.Raw).decode


class Torn(msgspec.Struct, frozen=True):
    """The bytes are no whole JSON value, or nested deeper than can be read."""

    why: str


def decoded(raw: bytes, decode: Callable[[bytes], T]) -> T | Torn | None:
    """What ``decode`` (of a msgspec decoder) makes of a document; None where it is whole JSON of another shape."""
    document = raw.removeprefix(_BOM)
    try:
        return decode(document)
    except _FAULTS:
        document = mended(document) or document
    try:
        return decode(document)
    except _FAULTS:
        return _fault(document)


def _fault(document: bytes) -> Torn | None:
    try:
        _whole(document)
    except RecursionError:
        return Torn("it is nested too deeply")
    except _FAULTS:
        return Torn("it is not whole JSON")
    return None
