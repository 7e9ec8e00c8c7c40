"""Event bodies as JSON values and back, strictly: a wrong type, a negative count, an unknown name is a fault.

A field that may be None or an empty list is left out where it is; all others always stand in the line. Members that
this version does not know are passed over and told; a type that it does not know becomes ``UnknownBody``.
"""

from __future__ import annotations

from sys import intern
from typing import TYPE_CHECKING, Any, Final

import attrs
import msgspec

from tallybook.domain.events import Body, Event, UnknownBody
from tallybook.ledger.line import Fault, Framed, RawEvent, UnwritableEventError
from tallybook.ledger.wire import FORMS, Form

if TYPE_CHECKING:
    from collections.abc import Iterator

_ENCODER: Final = msgspec.json.Encoder()
_DECODERS: Final = {name: msgspec.json.Decoder(form.strict) for name, form in FORMS.items()}


@attrs.frozen
class Decoded:
    """An event with what its line held beside it."""

    event: Event
    strays: tuple[str, ...] = ()
    """Paths of members that this version does not know, such as ``goal_started.session.colour``."""


def encode(body: Body) -> dict[str, object]:
    """The body as JSON values.

    Raises:
        UnwritableEventError: it is of a type that this version does not know.
    """
    if isinstance(body, UnknownBody):
        message = f"events of type {body.type} can't be written by this version"
        raise UnwritableEventError(message)
    found: dict[str, object] = _listed(msgspec.to_builtins(FORMS[body.TYPE].write(body)))
    return found


def _listed(value: Any) -> Any:  # noqa: ANN401 - a JSON value, but for its tuples
    if isinstance(value, dict):
        return {name: _listed(member) for name, member in value.items()}
    return [_listed(member) for member in value] if isinstance(value, tuple | list) else value


def decode(raw: RawEvent) -> Decoded | Fault:
    """The event of a line that is whole; a fault ``bad-body`` where its body does not fit its type."""
    envelope = raw.envelope
    form = FORMS.get(envelope.type)
    strays = raw.strays
    body: Body = UnknownBody(envelope.type)
    if form is not None:
        try:
            body = form.read(msgspec.convert(raw.body, form.lenient))
        except ValueError as error:
            return Fault("bad-body", f"the body of {envelope.type} is wrong: {error}")
        strays = (*strays, *_strays(form, raw.body, envelope.type))
    event = Event(envelope.id, envelope.writer, envelope.seq, envelope.at, envelope.hlc, envelope.goal, body)
    return Decoded(event, strays)


def decode_canonical(kind: str, raw: bytes) -> Body | None:
    """The body of an event of this type, if these bytes are the very ones that it would be written as.

    They hold then all that ``decode`` asks for and nothing beside it; else None, and ``decode`` tells more.
    """
    decoder = _DECODERS.get(kind)
    if decoder is None:
        return None
    try:
        wire = decoder.decode(raw)
        if _ENCODER.encode(wire) != raw:
            return None
        body: Body = FORMS[kind].read(wire)
    except (ValueError, RecursionError):
        return None
    return body


def event_of(frame: Framed, body: Body) -> Event:
    """The event of a line; writers and goals, which many lines name, are kept once."""
    return Event(frame.id, intern(frame.writer), frame.seq, frame.at, frame.hlc, intern(frame.goal), body)


def _strays(form: Form, members: dict[str, Any], path: str) -> Iterator[str]:
    if not members.keys() <= form.names:
        yield from (f"{path}.{name[:64]}" for name in members if name not in form.names)
    for name, part in form.parts.items():
        value = members.get(name)
        for item in value if isinstance(value, list) else () if value is None else (value,):
            yield from _strays(part, item, f"{path}.{name}")
