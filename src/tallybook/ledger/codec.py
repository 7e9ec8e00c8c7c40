"""Event bodies as JSON values and back, strictly: a wrong type, a negative count, an unknown name is a fault.

A field that may be None or an empty list is left out where it is; all others always stand in the line. Members that
this version does not know are passed over and told; a type that it does not know becomes ``UnknownBody``.
"""

from __future__ import annotations

import re
from enum import StrEnum
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final, get_args, get_origin

import attrs
import cattrs
from cattrs.gen import make_dict_structure_fn, make_dict_unstructure_fn, override

from tallybook.domain.events import (
    KNOWN_BODIES,
    Body,
    Event,
    GoalCorrected,
    GoalFinished,
    SessionRef,
    UnknownBody,
    UsageManual,
    UsageSnapshot,
)
from tallybook.domain.goal import LARGEST_COUNT, OUTCOMES
from tallybook.domain.quality import Quality
from tallybook.domain.tokens import COMPONENTS, TokenVector
from tallybook.domain.usage import CONTEXT_BANDS, LONGEST_BAND, ClassUsage, PriceClass, SessionUsage, SnapshotReason
from tallybook.ledger.line import Fault, RawEvent, UnwritableEventError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from cattrs.converters import BaseConverter

    StructureHook = Callable[[Any, Any], Any]

_BY_TYPE: Final = {body.TYPE: body for body in KNOWN_BODIES}
_BANDS: Final = (*(name for _, name in CONTEXT_BANDS), LONGEST_BAND)
_VECTOR: Final = (*COMPONENTS, "cache_write", "total")
_CLASS: Final = ("model", "tier", "context", "day", "responses", "tokens")
_DAY: Final = re.compile("[0-9]{4}-[0-9]{2}-[0-9]{2}")


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
    found: dict[str, object] = _CONVERTER.unstructure(body)
    return found


def decode(raw: RawEvent) -> Decoded | Fault:
    """The event of a line that is whole; a fault ``bad-body`` where its body does not fit its type."""
    envelope = raw.envelope
    known = _BY_TYPE.get(envelope.type)
    strays = raw.strays
    body: Body = UnknownBody(envelope.type)
    if known is not None:
        try:
            body = _structured(raw.body, known)
        except KeyError as error:
            return Fault("bad-body", f"the body of {envelope.type} lacks {error.args[0]}")
        except (TypeError, ValueError) as error:
            return Fault("bad-body", f"the body of {envelope.type} is wrong: {error}")
        strays = (*strays, *_strays(known, raw.body, envelope.type))
    event = Event(envelope.id, envelope.writer, envelope.seq, envelope.at, envelope.hlc, envelope.goal, body)
    return Decoded(event, strays)


def _structured(members: dict[str, object], kind: type[Body]) -> Body:
    body: Body = _CONVERTER.structure(members, kind)
    return body


def _text(value: object, _: object) -> str:
    if type(value) is not str:
        message = f"text belongs where {_shown(value)} stands"
        raise TypeError(message)
    return value


def _flag(value: object, _: object) -> bool:
    if type(value) is not bool:
        message = f"true or false belongs where {_shown(value)} stands"
        raise TypeError(message)
    return value


def _count(value: object, _: object = None) -> int:
    if type(value) is not int:
        message = f"a whole number belongs where {_shown(value)} stands"
        raise TypeError(message)
    if not 0 <= value <= LARGEST_COUNT:
        message = "a count is negative or too large"
        raise ValueError(message)
    return value


def _shown(value: object) -> str:
    return {dict: "an object", list: "a list", type(None): "null"}.get(type(value), f"a {type(value).__name__}")


def _members(value: object) -> dict[str, Any]:
    if type(value) is not dict:
        message = f"an object belongs where {_shown(value)} stands"
        raise TypeError(message)
    return value


def _one_of(value: object, names: tuple[str, ...]) -> str:
    text = _text(value, None)
    if text not in names:
        message = f"{text[:40]!r} is none of {', '.join(names)}"
        raise ValueError(message)
    return text


def _is_tuple(kind: object) -> bool:
    origin: object = get_origin(kind)
    return origin is tuple


def _tuple_hook(kind: object, converter: BaseConverter) -> StructureHook:
    member = get_args(kind)[0]
    handler = converter.get_structure_hook(member)

    def structure(value: object, _: object) -> tuple[object, ...]:
        if type(value) is not list:
            message = f"a list belongs where {_shown(value)} stands"
            raise TypeError(message)
        return tuple(handler(item, member) for item in value)

    return structure


def _class_hook(kind: type, converter: BaseConverter) -> StructureHook:
    inner: StructureHook = make_dict_structure_fn(kind, converter, _cattrs_detailed_validation=False)

    def structure(value: object, target: type) -> Any:  # noqa: ANN401
        members = _members(value)
        if "status" in members and kind in {GoalFinished, GoalCorrected}:
            _one_of(members["status"], OUTCOMES)
        return inner(members, target)

    return structure


def _optional(kind: type, converter: cattrs.Converter) -> Callable[[Any], dict[str, Any]]:
    """Leave out a field whose value is None or (), where that is its default."""
    fields = attrs.fields(attrs.resolve_types(kind))
    rules = {field.name: override(omit_if_default=field.default is None or field.default == ()) for field in fields}
    return make_dict_unstructure_fn(kind, converter, **rules)  # type: ignore[arg-type]


def _vector(value: object, _: object) -> TokenVector:
    members = _members(value)
    vector = TokenVector(*(_count(members[name]) for name in COMPONENTS))
    if (members["cache_write"], members["total"]) != (vector.cache_write, vector.total):
        message = "cache_write or total is not the sum of its parts"
        raise ValueError(message)
    return vector


def _vector_out(vector: TokenVector) -> dict[str, int]:
    return {name: getattr(vector, name) for name in _VECTOR}


def _class_usage(value: object, _: object) -> ClassUsage:
    members = _members(value)
    day = _text(members["day"], None)
    if not _DAY.fullmatch(day):
        message = "a day is not written as YYYY-MM-DD"
        raise ValueError(message)
    price_class = PriceClass(
        _text(members["model"], None), _text(members["tier"], None), _one_of(members["context"], _BANDS), day
    )
    return ClassUsage(price_class, _count(members["responses"]), _vector(members["tokens"], None))


def _class_usage_out(usage: ClassUsage) -> dict[str, object]:
    names = usage.price_class
    return {
        "model": names.model,
        "tier": names.tier,
        "context": names.context,
        "day": names.day,
        "responses": usage.responses,
        "tokens": _vector_out(usage.tokens),
    }


def _session_usage_hook(kind: type, converter: BaseConverter) -> StructureHook:
    inner = _class_hook(kind, converter)

    def structure(value: object, target: type) -> Any:  # noqa: ANN401
        usage: SessionUsage = inner(value, target)
        classes = [part.price_class for part in usage.classes]
        if any(first >= second for first, second in pairwise(classes)):
            message = "the price classes of a session are not in order, or not each once"
            raise ValueError(message)
        return usage

    return structure


def _strays(kind: type, members: dict[str, Any], path: str) -> Iterator[str]:
    known = _NAMES[kind]
    if not members.keys() <= known.keys():
        yield from (f"{path}.{name[:64]}" for name in members if name not in known)
    for name, part in known.items():
        if part is not None:
            value = members.get(name)
            for item in value if isinstance(value, list) else () if value is None else (value,):
                yield from _strays(part, item, f"{path}.{name}")


def _names(kind: type) -> dict[str, type | None]:
    return dict.fromkeys(field.name for field in attrs.fields(kind))


_NAMES: Final[dict[type, dict[str, type | None]]] = {
    **{kind: _names(kind) | ({"session": SessionRef} if "session" in _names(kind) else {}) for kind in KNOWN_BODIES},
    SessionRef: _names(SessionRef),
    UsageSnapshot: {**_names(UsageSnapshot), "sessions": SessionUsage},
    UsageManual: {**_names(UsageManual), "tokens": TokenVector},
    SessionUsage: {**_names(SessionUsage), "classes": ClassUsage},
    ClassUsage: {**dict.fromkeys(_CLASS), "tokens": TokenVector},
    TokenVector: dict.fromkeys(_VECTOR),
}


def _converter() -> cattrs.Converter:
    converter = cattrs.Converter(detailed_validation=False)
    converter.register_structure_hook(str, _text)
    converter.register_structure_hook(bool, _flag)
    converter.register_structure_hook(int, _count)
    # Without hooks of their own the enums would be taken for plain text, which they inherit from.
    converter.register_structure_hook(Quality, lambda value, _: Quality(_text(value, None)))
    converter.register_structure_hook(SnapshotReason, lambda value, _: SnapshotReason(_text(value, None)))
    converter.register_unstructure_hook(StrEnum, lambda member: member.value)
    converter.register_structure_hook_factory(_is_tuple, _tuple_hook)
    converter.register_structure_hook_factory(attrs.has, _class_hook)
    converter.register_structure_hook_factory(lambda kind: kind is SessionUsage, _session_usage_hook)
    converter.register_structure_hook(TokenVector, _vector)
    converter.register_structure_hook(ClassUsage, _class_usage)
    converter.register_unstructure_hook_factory(attrs.has, _optional)
    converter.register_unstructure_hook(TokenVector, _vector_out)
    converter.register_unstructure_hook(ClassUsage, _class_usage_out)
    return converter


_CONVERTER: Final = _converter()
