"""Rows of an answer: sums with one key are one row, and what a row costs is the cost of each of its sums."""

from __future__ import annotations

from operator import add
from typing import TYPE_CHECKING, NamedTuple

import msgspec
from msgspec.structs import replace

from tallybook.domain.money import Cost
from tallybook.domain.quality import Quality, join, worst
from tallybook.domain.tokens import TokenVector
from tallybook.history.costs import NO_MONEY

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from tallybook.domain.money import Unpriced
    from tallybook.history.columns import Columns, Part
    from tallybook.history.costs import Costs

    Key = tuple[str | None, ...]
    _Told = tuple[Quality, frozenset[Unpriced]]


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

    columns: Columns
    numbers: list[Part]
    """Those that are counted; behind them the counts of money, if asked for."""
    qualities: list[Quality]
    unpriced: list[frozenset[Unpriced]]
    nothing: Part
    """The numbers of no responses."""


def sums_of(parts: Sequence[Part], columns: Columns, known: Known) -> Sums:
    """The sums, and what each costs."""
    begin, nothing = columns.numbers, (0,) * len(columns.counted)
    numbers = [part[begin:] for part in parts]
    *_, numbered, splits = columns.of(parts)
    qualities = list(map(known.qualities.__getitem__, numbered))
    if known.costs is None:
        return Sums(columns, numbers, qualities, [frozenset()] * len(numbers), nothing)
    money = known.costs.of(splits, numbers, columns)
    return Sums(columns, list(map(add, numbers, money.counts)), qualities, money.unpriced, (*nothing, *NO_MONEY))


def rows_of(keys: Sequence[Key], sums: Sums, silent: Iterable[Key]) -> tuple[UsageRow, ...]:
    """Sorted by key; ``silent`` are the keys of what nobody measured."""
    added: dict[Key, Part] = {}
    told: dict[Key, _Told] = {}
    for key, numbers, quality, unpriced in zip(keys, sums.numbers, sums.qualities, sums.unpriced, strict=True):
        before = added.get(key)
        if before is None:
            added[key], told[key] = numbers, (quality, unpriced)
        else:
            added[key] = tuple(map(add, before, numbers))
            its = told[key]
            if its[0] is not quality or its[1] is not unpriced:
                told[key] = (worst(its[0], quality), its[1] | unpriced)
    row_of = _Rows.of(sums.columns).row
    rows = {key: row_of(key, numbers, told[key]) for key, numbers in added.items()}
    for key in silent:
        row = rows.get(key, UsageRow(key, 0, None, Quality.UNMEASURED))
        rows[key] = replace(row, quality=worst(row.quality, Quality.UNMEASURED))
    return tuple([rows[key] for key in _in_order(rows)])


def _in_order(keys: Iterable[Key]) -> list[Key]:
    """What logs do not tell comes last."""
    try:
        return sorted(keys)
    except TypeError:
        return sorted(keys, key=lambda key: [(one is None, one or "") for one in key])


def total_row(sums: Sums, *, silent: bool) -> UsageRow:
    """All of them together; ``silent`` where there is something beside them that nobody measured."""
    if silent and not sums.numbers:
        return UsageRow((), 0, None, Quality.UNMEASURED)
    qualities = {*sums.qualities, *([Quality.UNMEASURED] if silent else [])} or {Quality.EXACT}
    numbers = tuple(map(sum, zip(sums.nothing, *sums.numbers, strict=True)))
    return _Rows.of(sums.columns).row((), numbers, (join(qualities), frozenset().union(*sums.unpriced)))


class _Rows(NamedTuple):
    """Makes rows of what was added up."""

    counted: int
    vector: Callable[[Part], Part]

    @classmethod
    def of(cls, columns: Columns) -> _Rows:
        return cls(len(columns.counted), columns.vector())

    def row(self, key: Key, numbers: Part, told: _Told) -> UsageRow:
        cost = None
        if len(numbers) > self.counted:
            pico, priced, tokens, least, assumed = numbers[self.counted :]
            cost = Cost(pico, priced, tokens, told[1], least, assumed)
        return UsageRow(key, numbers[0], TokenVector(*self.vector((*numbers, 0))), told[0], cost)
