"""Messages and sessions as OpenCode writes them: only fields that are used are decoded; a wrong one spoils no other.

A record is decoded whole, and field by field only where a field is wrong. It can be written in msgpack too.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Annotated, Final, TypeVar

import msgspec
from msgspec.structs import replace

from tallybook.agents.documents import Torn, decoded
from tallybook.agents.values import ABSENT, tolerant

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")
Text = Annotated[str, msgspec.Meta(min_length=1)]
Count = Annotated[int, msgspec.Meta(ge=0, le=10**12)]
Moment = Annotated[int, msgspec.Meta(ge=0, le=2**53)] | float
"""Milliseconds since the epoch."""
Raw = msgspec.Raw
_STATUSES: Final = range(100, 600)
_FAULTS: Final = (msgspec.MsgspecError, ValueError, RecursionError)
_FORK: Final = re.compile(r"\(fork #[0-9]+\)\s*$")
_LATEST: Final = 253_402_300_799_999_999


class Time(msgspec.Struct, gc=False, omit_defaults=True):
    """When it happened."""

    created: Moment | None = None
    completed: Moment | None = None
    updated: Moment | None = None


class Place(msgspec.Struct, gc=False, omit_defaults=True):
    """``path``."""

    cwd: Text | None = None


class Cache(msgspec.Struct, gc=False, omit_defaults=True):
    """``tokens.cache``."""

    read: Count | None = None
    write: Count | None = None


class Tokens(msgspec.Struct, gc=False, omit_defaults=True):
    """``tokens``: input without what caches read or wrote, output without reasoning."""

    input: Count | None = None
    output: Count | None = None
    reasoning: Count | None = None
    cache: Cache | None = None
    total: Count | None = None


class FaultData(msgspec.Struct, rename="camel", gc=False, omit_defaults=True):
    """What an error says."""

    status_code: int | None = None


class Fault(msgspec.Struct, gc=False, omit_defaults=True):
    """An error of a message or a try."""

    name: Text | None = None
    data: FaultData | None = None

    @property
    def status(self) -> int | None:
        """The status of HTTP that it tells."""
        status = self.data.status_code if self.data else None
        return status if status in _STATUSES else None


class Model(msgspec.Struct, gc=False, omit_defaults=True):
    """The model that a prompt is for."""

    model: Text | None = msgspec.field(default=None, name="modelID")
    provider: Text | None = msgspec.field(default=None, name="providerID")
    variant: Text | None = None


class Revert(msgspec.Struct, gc=False, omit_defaults=True):
    """From which message on a session is taken back."""

    message: Text | None = msgspec.field(default=None, name="messageID")


class Thing(msgspec.Struct, gc=False):
    """An object of which nothing is used."""


class Record(msgspec.Struct, gc=False, omit_defaults=True):
    """A message or a session; a row of a database has its id, and that of its session, beside it."""

    id: Text | None = None
    session: Text | None = msgspec.field(default=None, name="sessionID")
    role: Text | None = None
    time: Time | None = None
    parent: Text | None = msgspec.field(default=None, name="parentID")
    model: Text | None = msgspec.field(default=None, name="modelID")
    provider: Text | None = msgspec.field(default=None, name="providerID")
    agent: Text | None = None
    variant: Text | None = None
    finish: Text | None = None
    error: Fault | None = None
    path: Place | None = None
    tokens: Tokens | None = None
    directory: Text | None = None
    title: Text | None = None
    version: Text | None = None
    asked: Model | None = msgspec.field(default=None, name="model")
    summary: bool | Thing | None = None
    """Of an answer, whether it is one; a prompt has an object there."""
    revert: Revert | None = None
    wrong: tuple[str, ...] = msgspec.field(default=(), name="")
    """Fields that hold something that they can't."""

    def tells(self, field: str) -> bool:
        """Whether a field holds anything but null."""
        return getattr(self, field) is not None or field in self.wrong

    def moment(self, field: str) -> int | None:
        """When it was ``created``, ``completed`` or ``updated``: microseconds since the epoch, UTC."""
        return None if self.time is None else instant(getattr(self.time, field))


class Span(msgspec.Struct, gc=False):
    """When a part was begun and ended, or a try was made."""

    start: object = None
    end: object = None
    created: object = None


class Metadata(msgspec.Struct, gc=False):
    """What a tool says beside its output."""

    exit: object = None


class ToolState(msgspec.Struct, gc=False):
    """How a call goes."""

    status: object = None
    input: Raw = ABSENT
    error: object = None
    time: Span | None = None
    metadata: Metadata | None = None


class Part(msgspec.Struct, gc=False):
    """One part of a message, its text left out."""

    type: str
    tokens: Tokens | None = None
    time: Span | None = None
    synthetic: object = None
    ignored: object = None
    tool: object = None
    call: object = msgspec.field(default=None, name="callID")
    state: ToolState | None = None
    mime: object = None
    agent: object = None
    auto: object = None
    attempt: object = None
    error: Fault | None = None


class Given(msgspec.Struct, gc=False):
    """What a tool was called with, as far as it has a name."""

    command: object = None
    name: object = None
    subagent_type: object = None


_part: Final = msgspec.json.Decoder(Part).decode
_odd_part: Final = tolerant(Part, "type")
given: Final = msgspec.json.Decoder(Given).decode
revert: Final = msgspec.json.Decoder(Revert).decode
_whole: Final = msgspec.json.Decoder(Record).decode
_fields: Final = msgspec.json.Decoder(dict[str, Raw]).decode
_NESTED: Final[dict[str, Callable[[bytes], object]]] = {
    "asked": tolerant(Model),
    "error": tolerant(Fault),
    "path": tolerant(Place),
    "revert": tolerant(Revert),
    "time": tolerant(Time),
}
_DECODERS: Final = {
    field.name: (field.encode_name, _NESTED.get(field.name) or msgspec.json.Decoder(field.type).decode)
    for field in msgspec.structs.fields(Record)
    if field.name != "wrong"
}


def record(raw: bytes) -> Record:
    """A message or a session.

    Raises:
        msgspec.MsgspecError, RecursionError: it is no JSON object.

    """
    try:
        return _whole(raw)
    except _FAULTS:
        return _by_fields(raw)


def _by_fields(raw: bytes) -> Record:
    found = _fields(raw)
    told: dict[str, object] = {}
    wrong = []
    for name, (key, decode) in _DECODERS.items():
        value = found.get(key, ABSENT)
        if value != ABSENT:
            try:
                told[name] = decode(value)
            except _FAULTS:
                wrong.append(name)
    return replace(Record(), **told, wrong=tuple(wrong))


def whole(raw: bytes) -> Record | None:
    """The message of a row; None where it is no JSON object."""
    try:
        return _whole(raw)  # nearly always
    except _FAULTS:
        found = decoded(raw, record)
    return None if isinstance(found, Torn) else found


def part(raw: bytes) -> Part | None:
    """A part of a message; None where it is no JSON object or has no type."""
    try:
        return _part(raw)  # nearly always
    except _FAULTS:
        return readable(raw, _odd_part)


def readable(raw: bytes, decode: Callable[[bytes], T]) -> T | None:
    """What ``decode`` makes of a value; None where it is wrong."""
    try:
        return decode(raw)
    except _FAULTS:
        return None


def compact(raw: bytes) -> bytes:
    """A value without the space around its parts."""
    return msgspec.json.format(raw, indent=-1)


def instant(milliseconds: object) -> int | None:
    """Microseconds since the epoch; None for what is no number, or no moment between 1970 and 9999."""
    if type(milliseconds) is int:
        at = milliseconds * 1000
    elif type(milliseconds) is float and math.isfinite(milliseconds):
        at = int(milliseconds * 1000) if milliseconds < _LATEST else -1
    else:
        return None
    return at if 0 <= at <= _LATEST else None


def is_fork(title: str | None) -> bool:
    """Whether a title is one that OpenCode gives to forks."""
    return title is not None and _FORK.search(title) is not None
