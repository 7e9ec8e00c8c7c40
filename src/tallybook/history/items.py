"""Items in blocks: some ten bytes each, in the order of their log, exactly as many as the log tells."""

from __future__ import annotations

import re
from functools import lru_cache
from hashlib import blake2b
from itertools import accumulate, groupby, pairwise, repeat
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec

from tallybook.history.facts import LATEST
from tallybook.history.names import stored_text
from tallybook.history.pieces import compressed, decompressed
from tallybook.history.secret import marker
from tallybook.history.steps import moments_of, steps_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from tallybook.agents.port import ItemRow

MILLISECOND: Final = 1000
"""In microseconds: as exact as agents tell the time of what happened."""
TOOL: Final = "tool"
FAILURE: Final = "tool-error"
_LARGEST: Final = 2**42
_BASE: Final = 2**62 - 1
_STEP: Final = 1024
"""Between the keys that items of two kinds have from one text."""
_DIGITS: Final = 3
_PLACE: Final = r"0|[1-9][0-9]{0,2}"
_KINDS: Final = (
    *(TOOL, FAILURE, "shell", "mcp", "message", "reasoning", "turn", "prompt", "first-token", "abort"),
    *("injected", "image", "command", "skill", "subagent", "web", "compaction", "api-error", "approval", "sandbox"),
    *("model-switch", "instructions", "review", "rollback", "undo", "attachment", "effort", "mode", "tool-denied"),
)
"""The place of a kind is a part of stored keys: it never changes, and new ones come behind."""
_OFFSETS: Final = {kind: place * _STEP for place, kind in enumerate(_KINDS, 1)}


class Happened(NamedTuple):
    """One item as the store has it."""

    key: int
    session: int
    what: int
    at: int | None
    """Milliseconds since the epoch, UTC."""
    amount: int | None
    mark: int | None


class Block(msgspec.Struct, array_like=True, frozen=True):
    """Items as the store keeps them; what they name stands beside them, so that it can be numbered there."""

    size: int
    sessions: list[str]
    whats: list[tuple[str, str]]
    """Kinds and names."""
    keys: bytes
    data: bytes


Numbers = tuple[list[int], list[int]]
"""Of the sessions and of the kinds with their names that a block's items have."""


class _Columns(msgspec.Struct, array_like=True, frozen=True):
    sessions: list[int]
    """The place of a session and for how many items in a row it holds, by turns."""
    whats: list[int]
    steps: list[int | None]
    """Milliseconds since the item before that has a time; None without one."""
    amounts: list[int | None]
    marks: list[int | None]


_encode: Final = msgspec.msgpack.Encoder().encode
_decode_keys: Final = msgspec.msgpack.Decoder(list[int]).decode
_decode_numbers: Final = msgspec.msgpack.Decoder(tuple[list[int], list[int]]).decode


def key_of(agent: str, item: ItemRow) -> int:
    """63 bits that stand for an item wherever it is copied to."""
    return _keys(agent, [item[0]], [item[3]])[0]


def call_of(failure: int) -> int:
    """The key of the call whose failure has this key: they are told with the same text."""
    return failure - _OFFSETS[FAILURE] + _OFFSETS[TOOL]


def _keys(agent: str, texts: Sequence[str], kinds: Sequence[str]) -> list[int]:
    """Several kinds of items have keys of one text, and places in a turn are counted: only what is left is hashed."""
    hashes: dict[str, int] = {}
    bases: dict[str, int] = {}
    for text in dict.fromkeys(texts):
        if ":" not in text[-_DIGITS - 1 :]:
            bases[text] = _hash(agent, text)
            continue
        head, number = _parted(text)
        found = hashes.get(head)
        if found is None:
            found = hashes[head] = _hash(agent, head)
        bases[text] = found + number
    return [
        bases[text] + offset if (offset := _OFFSETS.get(kind)) else _hash(agent, f"{kind}\0{text}")
        for text, kind in zip(texts, kinds, strict=True)
    ]


def _parted(text: str) -> tuple[str, int]:
    """What a place in a turn is counted in, and the place from 1 on; 0 where the text ends with none."""
    head, _, tail = text.rpartition(":")
    place = _place(tail)
    return (head, place) if head and place else (text, 0)


@lru_cache(maxsize=1024)
def _place(told: str) -> int:
    return 1 + int(told) if re.fullmatch(_PLACE, told) else 0


def _hash(agent: str, text: str) -> int:
    raw = f"{agent}\0{text}"
    content = raw.encode() if raw.isascii() else raw.encode("utf-8", "backslashreplace")
    return int.from_bytes(blake2b(content, digest_size=8).digest(), "little") & _BASE


def packed_items(agent: str, key: bytes, items: Sequence[ItemRow]) -> Block | None:
    """Items as a reader tells them, each once, texts only as hashes under the key; None for no items."""
    if not items:
        return None
    texts, sessions, ats, kinds, names, amounts, secrets = zip(*items, strict=True)
    keys = _keys(agent, texts, kinds)
    if len(set(keys)) < len(keys):
        found = _once(keys, items)
        keys = list(found)
        _, sessions, ats, kinds, names, amounts, secrets = zip(*found.values(), strict=True)
    pairs = list(zip(kinds, names, strict=True))
    whats = {pair: place for place, pair in enumerate(dict.fromkeys(pairs))}
    places = {name: place for place, name in enumerate(dict.fromkeys(sessions))}
    mark = marker(key)
    columns = _Columns(
        _runs(places, sessions),
        [whats[pair] for pair in pairs],
        steps_of(_milliseconds(ats)),
        [None if amount is None else bounded(amount) for amount in amounts],
        [None if secret is None else mark(secret) for secret in secrets],
    )
    return Block(
        len(keys),
        [stored_text(name) for name in places],
        [(stored_text(kind), stored_text(name)) for kind, name in whats],
        *_packed(keys, columns),
    )


def _once(keys: Iterable[int], items: Iterable[ItemRow]) -> dict[int, ItemRow]:
    found: dict[int, ItemRow] = {}
    for key, item in zip(keys, items, strict=True):
        before = found.setdefault(key, item)
        if before is not item:
            text, session, at, kind, _, amount, secret = before
            _, other, later, _, name, told, shown = item
            if _is_earlier(millisecond(later), millisecond(at)):
                session, at = other, later
            found[key] = (
                text,
                session,
                at,
                kind,
                name,
                amount if bounded(told) is None else told,
                secret if shown is None else shown,
            )
    return found


def _runs(places: Mapping[Any, int], told: Iterable[Any]) -> list[int]:
    return [number for name, run in groupby(told) for number in (places[name], sum(1 for _ in run))]


def _packed(keys: Sequence[int], columns: _Columns) -> tuple[bytes, bytes]:
    steps = [*keys[:1], *[after - before for before, after in pairwise(keys)]]
    return compressed(_encode(steps)), compressed(_encode(columns))


def millisecond(at: int | None) -> int | None:
    """A moment in milliseconds; None for one that is in no year that has four digits."""
    return at // MILLISECOND if at is not None and 0 <= at <= LATEST else None


def _milliseconds(ats: Sequence[int | None]) -> list[int | None]:
    told = [at for at in ats if at is not None]
    if len(told) == len(ats) and min(told) >= 0 and max(told) <= LATEST:
        return [at // MILLISECOND for at in told]
    return [millisecond(at) for at in ats]


def bounded(amount: int | None) -> int | None:
    """An amount that the store can hold and add up; None for any other."""
    return amount if amount is not None and 0 <= amount < _LARGEST else None


def pack(items: Sequence[Happened]) -> tuple[bytes, bytes, bytes]:
    """The numbers of what is named, the keys, and the rest."""
    keys, sessions, whats, ats, amounts, marks = zip(*items, strict=True) if items else ((),) * 6
    places = {number: place for place, number in enumerate(dict.fromkeys(sessions))}
    kinds = {number: place for place, number in enumerate(dict.fromkeys(whats))}
    columns = _Columns(
        _runs(places, sessions), [kinds[number] for number in whats], steps_of(ats), list(amounts), list(marks)
    )
    return packed_numbers((list(places), list(kinds))), *_packed(keys, columns)


def packed_numbers(numbers: Numbers) -> bytes:
    """As they stand beside a block."""
    return _encode(numbers)


def unpack_keys(keys: bytes) -> list[int]:
    """The keys of a block."""
    return list(accumulate(_decode_keys(decompressed(keys))))


def unpack(names: bytes, keys: bytes, data: bytes) -> Iterator[Happened]:
    """The items of a block, in their order."""
    columns = msgspec.msgpack.decode(decompressed(data), type=_Columns)
    sessions, whats = _decode_numbers(names)
    places = zip(columns.sessions[::2], columns.sessions[1::2], strict=True)
    by_item = (sessions[place] for place, size in places for _ in repeat(None, size))
    ats = moments_of(columns.steps)
    rows = zip(unpack_keys(keys), by_item, columns.whats, ats, columns.amounts, columns.marks, strict=True)
    for key, session, what, at, amount, mark in rows:
        yield Happened(key, session, whats[what], at, amount, mark)


def merged(items: Iterable[Happened]) -> list[Happened]:
    """Each item once: what is told later of it adds to what was told first, at the place of the first."""
    found: dict[int, Happened] = {}
    for item in items:
        before = found.setdefault(item.key, item)
        if before is not item:
            found[item.key] = _joined(before, item)
    return list(found.values())


def _is_earlier(at: int | None, before: int | None) -> bool:
    """Whether a moment comes before another; an unknown one comes last."""
    return at is not None and (before is None or at < before)


def _joined(before: Happened, later: Happened) -> Happened:
    """A database tells originals and copies in any order: the earliest moment, and its session, are the original's."""
    first = later if _is_earlier(later.at, before.at) else before
    return Happened(
        before.key,
        first.session,
        later.what,
        first.at,
        before.amount if later.amount is None else later.amount,
        before.mark if later.mark is None else later.mark,
    )
