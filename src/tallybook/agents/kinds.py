"""What kind of record a line is, by the names that agents give; never any other word of it."""

from __future__ import annotations

import re
from typing import Final

import msgspec

from tallybook.agents.surrogates import mended

UNREADABLE: Final = "(unreadable)"
NAMELESS: Final = "(nameless)"
_NAME: Final = re.compile(r"(?=.{1,40}\Z)[a-z]+(?:[A-Z][a-z]+)*(?:[_.-][a-z]+)*")
"""What agents call a type; a secret that stands in its place looks otherwise."""
_FAULTS: Final = (msgspec.MsgspecError, ValueError, RecursionError)


class _Inner(msgspec.Struct, gc=False):
    type: object = None
    role: object = None


class _Line(msgspec.Struct, gc=False):
    type: object = None
    subtype: object = None
    payload: msgspec.Raw = msgspec.Raw(b"null")
    message: msgspec.Raw = msgspec.Raw(b"null")
    patch: msgspec.Raw = msgspec.field(default=msgspec.Raw(b""), name="$set")
    rewound: msgspec.Raw = msgspec.field(default=msgspec.Raw(b""), name="$rewindTo")


_line: Final = msgspec.json.Decoder(_Line).decode
_inner: Final = msgspec.json.Decoder(_Inner).decode
_any: Final = msgspec.json.Decoder(msgspec.Raw).decode


def kind_of(raw: bytes) -> str:
    """The type of a record, and that of what it carries."""
    line = _decoded(raw)
    if line is None:
        return UNREADABLE
    if line.patch or line.rewound:
        return "$set" if line.patch else "$rewindTo"
    payload, message = _within(line.payload), _within(line.message)
    words = [line.type, line.subtype, payload.type, message.role]
    names = list(dict.fromkeys(word for word in words if isinstance(word, str) and _NAME.fullmatch(word)))
    return " ".join(names) or NAMELESS


def fault_of(raw: bytes) -> str:
    """What is wrong with a line that a reader could not take."""
    try:
        _any(raw.removeprefix(b"\xef\xbb\xbf"))
    except RecursionError:
        return "it is nested too deeply"
    except _FAULTS:
        return "half of a surrogate pair stands in it" if mended(raw) else "it is no JSON"
    if _decoded(raw) is None:
        return "it is no JSON object"
    return "a part of it is missing, of another type or range than it must be, or contradicts another"


def _decoded(raw: bytes) -> _Line | None:
    content = raw.removeprefix(b"\xef\xbb\xbf")
    for text in (content, mended(content)):
        try:
            if text:
                return _line(text)
        except _FAULTS:
            continue
    return None


def _within(raw: msgspec.Raw) -> _Inner:
    try:
        return _inner(raw)
    except _FAULTS:
        return _Inner()
