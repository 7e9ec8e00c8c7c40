"""The members of each body as they stand in a line, as msgspec structs that are made from the classes of the domain.

``Form.strict`` takes and gives the one canonical form; ``Form.lenient`` takes all that means the same. What very many
lines hold is read by functions that are written out.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from itertools import pairwise
from operator import attrgetter
from sys import intern
from types import UnionType
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, Union, get_args, get_origin, get_type_hints

import msgspec
from msgspec.structs import fields

from tallybook.domain.events import KNOWN_BODIES, GoalCorrected, GoalFinished, StageMarked, UsageSnapshot
from tallybook.domain.goal import LARGEST_COUNT, OUTCOMES
from tallybook.domain.sizes import size_of
from tallybook.domain.tokens import COMPONENTS, TokenVector
from tallybook.domain.usage import ClassUsage, PriceClass, SessionUsage

if TYPE_CHECKING:
    from collections.abc import Mapping

_COUNT: Final = Annotated[int, msgspec.Meta(ge=0, le=LARGEST_COUNT)]
_SEARCHES: Final[tuple[str, Any, None]] = ("web_searches", _COUNT | None, None)
_OUTCOME: Final = Literal[OUTCOMES]
_VECTOR: Final = (*COMPONENTS, "cache_write", "total")
_DAY: Final = re.compile(r"\A[0-9]{4}-[0-9]{2}-[0-9]{2}\Z")
_NARROWER: Final[dict[tuple[type, str], object]] = {
    (GoalFinished, "status"): _OUTCOME,
    (GoalCorrected, "status"): _OUTCOME,
}


class Form(msgspec.Struct, frozen=True):
    """How one class of the domain stands in a line."""

    strict: type[msgspec.Struct]
    lenient: type[msgspec.Struct]
    names: frozenset[str]
    """Of all members that it has in a line."""
    parts: dict[str, Form]
    """The members that are objects, or lists of objects."""
    read: Callable[[Any], Any]
    """From either struct to the domain.

    Raises:
        ValueError: what each member says for itself can't be true together.
    """
    write: Callable[[Any], Any]
    """From the domain to ``strict``."""


def form_of(event_type: str) -> Form | None:
    """The form of the bodies of a type, made when it is asked for; None for a type that this version does not know."""
    kind = _KINDS.get(event_type)
    return None if kind is None else _FORMS.get(kind) or _form(kind)


def _vector(wire: Any) -> TokenVector:  # noqa: ANN401 - a struct that is made below
    vector = TokenVector(
        wire.input,
        wire.cache_read,
        wire.cache_write_5m,
        wire.cache_write_1h,
        wire.cache_write_unknown,
        wire.output,
        wire.reasoning,
    )
    written = wire.cache_write
    if written != vector.cache_write or wire.total != wire.input + wire.cache_read + written + wire.output:
        message = "cache_write or total is not the sum of its parts"
        raise ValueError(message)
    return vector


def _vector_form() -> Form:
    members: list[tuple[str, Any]] = [(name, _COUNT) for name in sorted(_VECTOR)]
    struct = msgspec.defstruct("TokenVector", members, kw_only=True, gc=False)
    get = attrgetter(*_VECTOR)
    return Form(
        struct,
        struct,
        frozenset(_VECTOR),
        {},
        _vector,
        lambda vector: struct(**dict(zip(_VECTOR, get(vector), strict=True))),
    )


def _class_form(vector: Form) -> Form:
    kinds: dict[str, Any] = {
        "context": str,
        "day": Annotated[str, msgspec.Meta(pattern=_DAY.pattern)],
        "model": str,
        "responses": _COUNT,
        "tier": str,
        "tokens": vector.strict,
    }
    lenient = msgspec.defstruct("ClassUsage", [*kinds.items(), _SEARCHES], kw_only=True, gc=False)
    # The day is looked at by ``_price_class``, as the band is: once for very many lines.
    kinds.update(day=str)
    members: list[Any] = [*kinds.items(), _SEARCHES]
    struct = msgspec.defstruct("ClassUsage", members, kw_only=True, omit_defaults=True, gc=False)

    def write(usage: ClassUsage) -> msgspec.Struct:
        it = usage.price_class
        return struct(
            context=it.context,
            day=it.day,
            model=it.model,
            responses=usage.responses,
            tier=it.tier,
            tokens=vector.write(usage.tokens),
            web_searches=usage.web_searches,
        )

    return Form(struct, lenient, frozenset((*kinds, _SEARCHES[0])), {"tokens": vector}, _class_usage, write)


def _class_usage(wire: Any) -> ClassUsage:  # noqa: ANN401 - a struct that is made above
    price_class = _price_class(wire.model, wire.tier, wire.context, wire.day)
    return ClassUsage(price_class, wire.responses, _vector(wire.tokens), wire.web_searches)


@lru_cache(maxsize=4096)
def _price_class(model: str, tier: str, context: str, day: str) -> PriceClass:
    size_of(context)
    if not _DAY.match(day):
        message = "a price class has a day that can't be"
        raise ValueError(message)
    return PriceClass(model, tier, context, day)


@lru_cache(maxsize=256)
def _names(names: tuple[str, ...]) -> tuple[str, ...]:
    """One tuple for all that are alike."""
    return names


def _session(wire: Any) -> SessionUsage:  # noqa: ANN401 - a struct that is made below
    classes = tuple(map(_class_usage, wire.classes))
    if len(classes) > 1 and any(a.price_class >= b.price_class for a, b in pairwise(classes)):
        message = "the price classes of a session are not in order, or not each once"
        raise ValueError(message)
    return SessionUsage(
        wire.agent,
        wire.session,
        classes,
        wire.quality,
        wire.parent,
        wire.born_after_start,
        wire.pending,
        wire.high_water,
        wire.pending_call,
        _names(wire.unreported),
    )


def _snapshot(wire: Any) -> UsageSnapshot:  # noqa: ANN401 - a struct that is made below
    return UsageSnapshot(wire.reason, tuple(map(_session, wire.sessions)), wire.reader, wire.settles)


def _stage(wire: Any) -> StageMarked:  # noqa: ANN401 - a struct that is made below
    return StageMarked(intern(wire.stage), wire.marked_at, wire.notes, wire.key)


def _form(kind: type[msgspec.Struct]) -> Form:
    """The form of a class; those of its parts are made first."""
    if kind not in _FORMS:
        hints = get_type_hints(kind)
        names = kind.__struct_fields__
        parts = {name: _form(part) for name in names if (part := _object_in(hints[name])) is not None}
        strict = _struct(kind, hints, strict=True)
        _FORMS[kind] = Form(
            strict=strict,
            lenient=_struct(kind, hints, strict=False),
            names=frozenset(names),
            parts=parts,
            read=_READERS.get(kind) or _reader(kind, names, parts),
            write=_writer(strict, names, parts),
        )
    return _FORMS[kind]


def _struct(kind: type[msgspec.Struct], hints: Mapping[str, object], *, strict: bool) -> type[msgspec.Struct]:
    """Its members are sorted; in the strict form only None and the empty list may be left out, and then must be."""
    members: list[tuple[str, Any] | tuple[str, Any, Any]] = []
    for field in sorted(fields(kind), key=lambda field: field.name):
        hint = _typed(_NARROWER.get((kind, field.name), hints[field.name]), strict=strict)
        optional = field.default is None or field.default == () if strict else not field.required
        members.append((field.name, hint, field.default) if optional else (field.name, hint))
    return msgspec.defstruct(kind.__name__, members, kw_only=True, omit_defaults=True, gc=False)


def _object_in(hint: object) -> type[msgspec.Struct] | None:
    """The class whose objects a member holds, alone or in a list."""
    if isinstance(hint, type):
        return hint if issubclass(hint, msgspec.Struct) else None
    return next((found for part in get_args(hint) if (found := _object_in(part)) is not None), None)


def _typed(hint: Any, *, strict: bool) -> Any:  # noqa: ANN401 - a type
    if hint is int:
        return _COUNT
    if get_origin(hint) in {UnionType, Union}:
        return Union[tuple(_typed(part, strict=strict) for part in get_args(hint))]  # noqa: UP007 - made here
    if get_origin(hint) is tuple:
        return tuple.__class_getitem__((_typed(get_args(hint)[0], strict=strict), ...))
    if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        form = _form(hint)
        return form.strict if strict else form.lenient
    return hint


def _reader(kind: type, names: tuple[str, ...], parts: Mapping[str, Form]) -> Callable[[Any], Any]:
    get = attrgetter(names[0], *names)
    places = tuple((names.index(name), form.read) for name, form in parts.items())

    def read(wire: Any) -> Any:  # noqa: ANN401 - any body
        _, *values = get(wire)
        for place, change in places:
            values[place] = _each(change, values[place])
        return kind(*values)

    return read


def _writer(
    strict: type[msgspec.Struct], names: tuple[str, ...], parts: Mapping[str, Form]
) -> Callable[[Any], msgspec.Struct]:
    def write(body: Any) -> msgspec.Struct:  # noqa: ANN401 - any body
        values = {name: getattr(body, name) for name in names}
        for name, form in parts.items():
            values[name] = _each(form.write, values[name])
        return strict(**values)

    return write


def _each(change: Callable[[Any], Any], value: Any) -> Any:  # noqa: ANN401 - None, an object or a tuple of objects
    if value is None:
        return None
    return tuple(map(change, value)) if isinstance(value, tuple) else change(value)


_READERS: Final[dict[type[msgspec.Struct], Callable[[Any], Any]]] = {
    SessionUsage: _session,
    StageMarked: _stage,
    UsageSnapshot: _snapshot,
}
_VECTOR_FORM: Final = _vector_form()
_FORMS: Final[dict[type[msgspec.Struct], Form]] = {TokenVector: _VECTOR_FORM, ClassUsage: _class_form(_VECTOR_FORM)}
_KINDS: Final[dict[str, type[msgspec.Struct]]] = {kind.TYPE: kind for kind in KNOWN_BODIES}
