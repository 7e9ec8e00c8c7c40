"""Rows of an answer: sums with one key are one row, and what a row costs is the cost of each of its sums."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec
from msgspec.structs import replace

from tallybook.domain.money import Cost, total_cost
from tallybook.domain.quality import Quality, join, worst
from tallybook.domain.tokens import TokenVector, total_of
from tallybook.history.keys import Values

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from tallybook.history.costs import Costs

    Key = tuple[str | None, ...]
    Part = tuple[Any, ...]
    """One sum: its ``Values``, its quality, its split, and how many responses, their components and searches."""

QUALITY: Final = len(Values._fields)
SPLIT: Final = QUALITY + 1
NUMBERS: Final = SPLIT + 1
"""Where they stand in a part."""
_TOKENS: Final = NUMBERS + 1


class UsageRow(msgspec.Struct, frozen=True, gc=False):
    """One sum."""

    key: tuple[str | None, ...]
    """In the order of ``Query.by``; None where the logs do not tell."""
    responses: int
    tokens: TokenVector | None
    """None where nothing was measured."""
    quality: Quality
    cost: Cost | None = None
    """None where nobody asked, or nothing was measured."""


class Known(NamedTuple):
    """What numbers of parts stand for."""

    qualities: Mapping[int, Quality]
    costs: Costs | None
    """None where nobody asks."""


def rows_of(keys: Sequence[Key], parts: Sequence[Part], silent: Iterable[Key], known: Known) -> tuple[UsageRow, ...]:
    """Sorted by key; ``silent`` are the keys of what nobody measured."""
    single = dict(zip(keys, parts, strict=True))
    several = _several(keys, parts) if len(single) < len(parts) else {}
    rows = {key: _one(key, part, known) for key, part in single.items() if key not in several}
    for key, its in several.items():
        rows[key] = _added(key, its, known)
    for key in silent:
        row = rows.get(key, UsageRow(key, 0, None, Quality.UNMEASURED))
        rows[key] = replace(row, quality=worst(row.quality, Quality.UNMEASURED))
    if any(None in key for key in rows):
        order = sorted(rows, key=lambda key: [(one is None, one or "") for one in key])
    else:
        order = sorted(rows)
    return tuple([rows[key] for key in order])


def _several(keys: Sequence[Key], parts: Sequence[Part]) -> dict[Key, list[Part]]:
    """The parts of each key that has more than one."""
    first: dict[Key, Part] = {}
    found: dict[Key, list[Part]] = {}
    for key, part in zip(keys, parts, strict=True):
        if (before := first.setdefault(key, part)) is not part:
            found.setdefault(key, [before]).append(part)
    return found


def _one(key: Key, part: Part, known: Known) -> UsageRow:
    tokens = TokenVector(*part[_TOKENS:-1])
    cost = None if known.costs is None else known.costs.of(part[SPLIT], part[NUMBERS:])
    return UsageRow(key, part[NUMBERS], tokens, known.qualities[part[QUALITY]], cost)


def _added(key: Key, parts: Sequence[Part], known: Known) -> UsageRow:
    by_split: dict[int, list[Part]] = {}
    for part in parts:
        by_split.setdefault(part[SPLIT], []).append(part[NUMBERS:])
    sums = {split: _sum(some) for split, some in by_split.items()}
    responses, *components, _ = _sum(sums.values())
    cost = None
    if known.costs is not None:
        cost = total_cost([known.costs.of(split, numbers) for split, numbers in sums.items()])
    quality = join({known.qualities[part[QUALITY]] for part in parts})
    return UsageRow(key, responses, TokenVector(*components), quality, cost)


def _sum(several: Collection[Part]) -> Part:
    """Number by number; mostly there is one alone."""
    return tuple(map(sum, zip(*several, strict=True))) if len(several) > 1 else next(iter(several))


def total_row(rows: Sequence[UsageRow], qualities: Iterable[Quality], *, priced: bool) -> UsageRow:
    """All of them together; ``qualities`` are those of what they were added up from."""
    known = [row.tokens for row in rows if row.tokens is not None]
    cost = total_cost([row.cost for row in rows if row.cost is not None]) if priced else None
    if rows and not known:
        return UsageRow((), 0, None, join(qualities))
    responses = sum([row.responses for row in rows])
    return UsageRow((), responses, total_of(known), join({*qualities} or {Quality.EXACT}), cost)
