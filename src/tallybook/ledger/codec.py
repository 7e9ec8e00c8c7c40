"""Event bodies as JSON values and back, strictly: a wrong type, a negative count, an unknown name is a fault.

A field that may be None or an empty list is left out where it is; all others always stand in the line. Members that
this version does not know are passed over and told; a type that it does not know becomes ``UnknownBody``.
"""

from __future__ import annotations

from sys import intern
from typing import TYPE_CHECKING, Any, Final

import msgspec

from tallybook.domain.events import Body, Event, UnknownBody
from tallybook.ledger.line import Fault, Framed, RawEvent, UnwritableEventError
from tallybook.ledger.upcast import Told, upcast
from tallybook.ledger.wire import Form, form_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_encode: Final = msgspec.json.Encoder().encode
_READERS: Final[dict[bytes, tuple[Callable[[bytes], Any], Callable[[Any], Any]]]] = {}
"""By type of event: from bytes to the strict form, and from there to the domain."""


class Decoded(msgspec.Struct, frozen=True):
    """An event with what its line held beside it."""

    event: Event
    strays: tuple[str, ...] = ()
    """Paths of members that this version does not know, such as ``goal_started.session.colour``."""


def encode(body: Body) -> dict[str, object]:
    """The body as JSON values.

    Raises:
        UnwritableEventError: it is of a type that this version does not know.
    """
    form = form_of(body.TYPE)
    if form is None:
        message = f"events of type {getattr(body, 'type', body.TYPE)} can't be written by this version"
        raise UnwritableEventError(message)
    found: dict[str, object] = _listed(msgspec.to_builtins(form.write(body)))
    return found


def _listed(value: Any) -> Any:  # noqa: ANN401 - a JSON value, but for its tuples
    if isinstance(value, dict):
        return {name: _listed(member) for name, member in value.items()}
    return [_listed(member) for member in value] if isinstance(value, tuple | list) else value


def decode(raw: RawEvent) -> Decoded | Fault:
    """The event of a line that is whole; a fault ``bad-body`` where its body does not fit its type."""
    envelope = raw.envelope
    kind, members = upcast(raw.version, Told(envelope.type, raw.body))
    form = form_of(kind)
    strays = raw.strays
    body: Body = UnknownBody(kind)
    if form is not None:
        try:
            body = form.read(msgspec.convert(members, form.lenient))
        except ValueError as error:
            return Fault("bad-body", f"the body of {kind} is wrong: {error}")
        strays = (*strays, *_strays(form, members, kind))
    event = Event(envelope.id, envelope.writer, envelope.seq, envelope.at, envelope.hlc, envelope.goal, body)
    return Decoded(event, strays)


def decode_canonical(frame: Framed) -> Event | None:
    """The event of a line that is whole, if its body has the very bytes that it would be written as.

    They hold then all that ``decode`` asks for and nothing beside it; else None, and ``decode`` tells more. Writers
    and goals, which many lines name, are kept once.
    """
    identity, writer, seq, _, at, hlc, kind, goal, raw, _ = frame
    reader = _READERS.get(kind) or _reader(kind)
    if reader is None:
        return None
    try:
        wire = reader[0](raw)
        if _encode(wire) != raw:
            return None
        body = reader[1](wire)
    except (ValueError, RecursionError):
        return None
    by = intern(writer.decode())
    return Event(identity.decode(), by, int(seq), at.decode(), hlc.decode(), intern(goal.decode()), body)


def _reader(kind: bytes) -> tuple[Callable[[bytes], Any], Callable[[Any], Any]] | None:
    form = form_of(kind.decode())
    if form is None:
        return None
    return _READERS.setdefault(kind, (msgspec.json.Decoder(form.strict).decode, form.read))


def _strays(form: Form, members: dict[str, Any], path: str) -> Iterator[str]:
    if not members.keys() <= form.names:
        yield from (f"{path}.{name[:64]}" for name in members if name not in form.names)
    for name, part in form.parts.items():
        value = members.get(name)
        for item in value if isinstance(value, list) else () if value is None else (value,):
            yield from _strays(part, item, f"{path}.{name}")
