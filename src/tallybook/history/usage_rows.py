"""Rows of an answer: sums with one key are one row, and what a row costs is the cost of each of its sums."""

from __future__ import annotations

from operator import add
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec
from msgspec.structs import replace

from tallybook.domain.money import Cost
from tallybook.domain.quality import Quality, join, worst
from tallybook.domain.tokens import COMPONENTS, TokenVector
from tallybook.history.keys import Values

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from tallybook.domain.money import Unpriced
    from tallybook.history.costs import Costs

    Key = tuple[str | None, ...]
    Part = tuple[Any, ...]
    """One sum: its ``Values``, its quality, its split, and how many responses, their components and searches."""
    _Told = tuple[Quality, frozenset[Unpriced]]

QUALITY: Final = len(Values._fields)
SPLIT: Final = QUALITY + 1
NUMBERS: Final = SPLIT + 1
"""Where they stand in a part."""
_SEARCHES: Final = 1 + len(COMPONENTS)
_MONEY: Final = _SEARCHES + 1
"""Where they stand in a sum."""
_COUNTS: Final = 5
"""Of money."""


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


class Sums(NamedTuple):
    """What was added up, each sum at its place."""

    numbers: list[Part]
    """How many responses, their components and their searches; behind them the counts of money, if asked for."""
    qualities: list[Quality]
    unpriced: list[frozenset[Unpriced]]
    nothing: Part
    """The numbers of no responses."""


def sums_of(parts: Sequence[Part], known: Known) -> Sums:
    """The sums, and what each costs."""
    numbers = [part[NUMBERS:] for part in parts]
    qualities = [known.qualities[part[QUALITY]] for part in parts]
    if known.costs is None:
        return Sums(numbers, qualities, [frozenset()] * len(numbers), (0,) * _MONEY)
    money = known.costs.of([part[SPLIT] for part in parts], numbers)
    return Sums(list(map(add, numbers, money.counts)), qualities, money.unpriced, (0,) * (_MONEY + _COUNTS))


def rows_of(keys: Sequence[Key], sums: Sums, silent: Iterable[Key]) -> tuple[UsageRow, ...]:
    """Sorted by key; ``silent`` are the keys of what nobody measured."""
    added: dict[Key, Part] = {}
    told: dict[Key, _Told] = {}
    for key, numbers, quality, unpriced in zip(keys, *sums[:3], strict=True):
        before = added.get(key)
        if before is None:
            added[key], told[key] = numbers, (quality, unpriced)
        else:
            added[key] = tuple(map(add, before, numbers))
            its = told[key]
            if its[0] is not quality or its[1] is not unpriced:
                told[key] = (worst(its[0], quality), its[1] | unpriced)
    rows = {key: _row(key, numbers, told[key]) for key, numbers in added.items()}
    for key in silent:
        row = rows.get(key, UsageRow(key, 0, None, Quality.UNMEASURED))
        rows[key] = replace(row, quality=worst(row.quality, Quality.UNMEASURED))
    if any(None in key for key in rows):
        order = sorted(rows, key=lambda key: [(one is None, one or "") for one in key])
    else:
        order = sorted(rows)
    return tuple([rows[key] for key in order])


def total_row(sums: Sums, *, silent: bool) -> UsageRow:
    """All of them together; ``silent`` where there is something beside them that nobody measured."""
    if silent and not sums.numbers:
        return UsageRow((), 0, None, Quality.UNMEASURED)
    qualities = {*sums.qualities, *([Quality.UNMEASURED] if silent else [])} or {Quality.EXACT}
    numbers = tuple(map(sum, zip(sums.nothing, *sums.numbers, strict=True)))
    return _row((), numbers, (join(qualities), frozenset().union(*sums.unpriced)))


def _row(key: Key, numbers: Part, told: _Told) -> UsageRow:
    cost = None
    if len(numbers) > _MONEY:
        pico, priced, tokens, least, assumed = numbers[_MONEY:]
        cost = Cost(pico, priced, tokens, told[1], least, assumed)
    return UsageRow(key, numbers[0], TokenVector(*numbers[1:_SEARCHES]), told[0], cost)
