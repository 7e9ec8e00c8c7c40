"""One line of the ledger as raw bytes: built in one canonical form, checked on the bytes as they stand.

Standard library only, for the hooks. Bad bytes give a ``Fault``, never an exception; what ``build`` returns, ``parse``
accepts.
"""

from __future__ import annotations

import json
import re
from datetime import datetime
from hashlib import sha256
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

VERSION: Final = 1
OLDEST: Final = 1
"""The first version of the format that there was; lines of it and of all after it are read."""
LONGEST_LINE: Final = 1024 * 1024
"""Bytes, without the newline."""
DEEPEST_BODY: Final = 64
"""Levels of objects and arrays, the body itself being the first."""
FIRST_PREV: Final = "0" * 64

KEYS: Final = ("v", "id", "writer", "seq", "prev", "at", "hlc", "type", "goal", "body")
_TAIL: Final = len(',"sum":"0123456789abcdef"}')
_HEX: Final = "[0-9a-f]"
FORMATS: Final = {
    "id": f"{_HEX}{{8}}-{_HEX}{{4}}-7{_HEX}{{3}}-[89ab]{_HEX}{{3}}-{_HEX}{{12}}",
    "writer": f"w-{_HEX}{{8}}",
    "seq": "[1-9][0-9]{0,14}",
    "prev": f"{_HEX}{{64}}",
    "at": r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z",
    "hlc": f"[0-9]{{13}}-{_HEX}{{4}}",
    "type": "[a-z][a-z0-9_]{0,63}",
    "goal": "g[0-9]{6}-[0-9a-hjkmnp-tv-z]{8}",
}

_SUM: Final = rb',"sum":"([0-9a-f]{16})"\}'
_HEAD: Final = (
    f'{{"v":{VERSION},'
    + ",".join(f'"{key}":({form})' if key == "seq" else f'"{key}":"({form})"' for key, form in FORMATS.items())
    + r',"body":(\{.*\})'
)

_WHOLE: Final = re.compile(_HEAD.encode() + _SUM, re.DOTALL)


class Fault(NamedTuple):
    """Why bytes are no line of the ledger."""

    code: str
    """Stable kebab-case name."""
    message: str


class Envelope(NamedTuple):
    """All of a line but its body."""

    id: str
    writer: str
    seq: int
    prev: str
    """SHA-256 of the writer's line before, 64 zeros for the first."""
    at: str
    hlc: str
    type: str
    goal: str


class RawEvent(NamedTuple):
    """A line that is whole: checksum, keys and formats are right; the body is not looked into."""

    envelope: Envelope
    body: dict[str, object]
    sum: str
    digest: str
    """SHA-256 of the raw line, what the next line's ``prev`` must be."""
    version: int = VERSION
    strays: tuple[str, ...] = ()
    """Members beside the known ones; only a newer version has them."""


Framed = tuple[bytes, ...]
"""A line that is whole, as bytes: the members of its envelope in the order of ``Envelope``, its body, its checksum."""


class UnwritableEventError(ValueError):
    """An event that no line can hold: too long, or text that is no Unicode."""


class _FaultyError(ValueError):
    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.message)
        self.fault = fault


_TOO_LONG: Final = Fault("line-too-long", f"the line is longer than {LONGEST_LINE} bytes")
_NO_SUM: Final = Fault("no-sum", "the line does not end in a checksum")
_BAD_SUM: Final = Fault("bad-sum", "the bytes do not match their checksum")
_NOT_UTF8: Final = Fault("not-utf8", "the line is not UTF-8")
_TOO_DEEP: Final = Fault("too-deep", f"the line is nested deeper than {DEEPEST_BODY} levels")
_TWICE: Final = Fault("duplicate-key", "an object has the same key twice")
_SURROGATE: Final = Fault("lone-surrogate", "the line holds half of a surrogate pair")
_VERSION: Final = Fault("bad-field", "the line names no format version")
_BODY: Final = Fault("bad-field", "the body is no object")
_MOMENT: Final = Fault("bad-field", "the time at which the event was written does not exist")
_FORM: Final = Fault("not-canonical", "the line is not written in the one canonical form")


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _FaultyError(_TWICE)
    return found


def _no_constant(name: str) -> object:
    raise _FaultyError(Fault("not-json", f"{name} is no JSON number"))


_DECODER: Final = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_no_constant)
_ENCODER: Final = json.JSONEncoder(ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":"))


def canonical(body: Mapping[str, object]) -> str:
    """The body as it stands in a line.

    Raises:
        UnwritableEventError: it holds NaN, an infinity, or something that JSON has no form for.
    """
    try:
        return _ENCODER.encode(body)
    except (ValueError, TypeError, RecursionError) as error:
        message = f"the event can't be written as JSON: {error}"
        raise UnwritableEventError(message) from error


def build(envelope: Envelope, body: Mapping[str, object]) -> tuple[bytes, RawEvent]:
    """The line without its newline, and what ``parse`` makes of it.

    Raises:
        UnwritableEventError: ``parse`` would not accept the line.
    """
    members = [f'"{key}":{json.dumps(getattr(envelope, key))}' for key in KEYS[1:-1]]
    text = f'{{"v":{VERSION},{",".join(members)},"body":{canonical(body)}'
    try:
        head = text.encode()
    except UnicodeEncodeError as error:
        message = f"the event holds text that is no Unicode: {error.reason}"
        raise UnwritableEventError(message) from error
    line = head + b',"sum":"' + sha256(head).hexdigest()[:16].encode() + b'"}'
    result = parse(line)
    if isinstance(result, Fault):
        raise UnwritableEventError(result.message)
    return line, result


def parse(raw: bytes) -> RawEvent | Fault:
    """Check one line, given without its newline."""
    try:
        head, checksum, digest = _summed(raw)
        return _event(head.decode(), checksum, digest)
    except _FaultyError as error:
        return error.fault
    except UnicodeDecodeError:
        return _NOT_UTF8
    except RecursionError:
        return _TOO_DEEP
    except ValueError as error:
        return Fault("not-json", f"the line is no JSON: {error}")


def framed(raw: bytes) -> Framed | None:
    """A line of this version that is whole, its body not looked into; None for any other: ``parse`` tells more."""
    found = _WHOLE.fullmatch(raw)
    if found is None or len(raw) > LONGEST_LINE:
        return None
    members = found.groups()
    if sha256(raw[:-_TAIL]).hexdigest()[:16].encode() != members[9]:
        return None
    try:
        datetime.fromisoformat(members[4].decode())
    except ValueError:
        return None
    return members


def _summed(raw: bytes) -> tuple[bytes, str, str]:
    """The bytes under the checksum, the checksum, and the hash of the whole line."""
    if len(raw) > LONGEST_LINE:
        raise _FaultyError(_TOO_LONG)
    found = re.fullmatch(_SUM, raw[-_TAIL:])
    if found is None:
        raise _FaultyError(_NO_SUM)
    head, checksum = raw[:-_TAIL], found[1].decode()
    digest = sha256(head)
    if digest.hexdigest()[:16] != checksum:
        raise _FaultyError(_BAD_SUM)
    digest.update(raw[-_TAIL:])
    return head, checksum, digest.hexdigest()


def is_canonical(raw: bytes, event: RawEvent) -> bool:
    """Whether a line that ``parse`` accepted has the very bytes that ``build`` would give it.

    In which form a newer version writes is not known here, so its lines pass.
    """
    form = canonical(event.body).encode()
    return event.version > VERSION or raw[:-_TAIL].endswith(b'"body":' + form)


def _event(head: str, checksum: str, digest: str) -> RawEvent:
    found = re.fullmatch(_HEAD, head, re.DOTALL)
    if found is None:
        return _unusual(head, checksum, digest)
    identity, writer, seq, prev, at, hlc, kind, goal, text = found.groups()
    _check_moment(at)
    body = _DECODER.decode(text)
    _screen(text, body)
    return RawEvent(Envelope(identity, writer, int(seq), prev, at, hlc, kind, goal), body, checksum, digest)


def _unusual(head: str, checksum: str, digest: str) -> RawEvent:
    """A line of another version, read as far as it is understood; else what is wrong with it."""
    members = _DECODER.decode(head + "}")
    version = members.get("v")
    if type(version) is not int or version < OLDEST:
        raise _FaultyError(_VERSION)
    missing = [key for key in KEYS if key not in members]
    if missing or (version == VERSION and tuple(members) != KEYS):
        detail = f"has no {missing[0]}" if missing else "has its members in another order, or more of them"
        raise _FaultyError(Fault("bad-keys", f"the line {detail}"))
    for key, form in FORMATS.items():
        value = members[key]
        if type(value) is not (int if key == "seq" else str) or not re.fullmatch(form, str(value)):
            raise _FaultyError(Fault("bad-field", f"the {key} has not the right form"))
    body = members["body"]
    if not isinstance(body, dict):
        raise _FaultyError(_BODY)
    if version == VERSION:
        raise _FaultyError(_FORM)
    _check_moment(members["at"])
    _screen(head, members)
    envelope = Envelope(*(members[key] for key in KEYS[1:-1]))
    return RawEvent(envelope, body, checksum, digest, version, tuple(key for key in members if key not in KEYS))


def _check_moment(at: str) -> None:
    try:
        datetime.fromisoformat(at)
    except ValueError:
        raise _FaultyError(_MOMENT) from None


def _screen(text: str, body: dict[str, object]) -> None:
    """Refuse what JSON allows and later steps could not bear."""
    if text.count("{") + text.count("[") > DEEPEST_BODY and not _shallow(body, DEEPEST_BODY):
        raise _FaultyError(_TOO_DEEP)
    if "\\u" in text:
        try:
            json.dumps(body, ensure_ascii=False).encode()
        except UnicodeEncodeError:
            raise _FaultyError(_SURROGATE) from None


def _shallow(value: object, levels: int) -> bool:
    if isinstance(value, dict):
        return levels > 0 and all(_shallow(member, levels - 1) for member in value.values())
    if isinstance(value, list):
        return levels > 0 and all(_shallow(member, levels - 1) for member in value)
    return True
