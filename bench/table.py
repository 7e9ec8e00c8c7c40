"""What a benchmark measured, as rows of one table: always beside a base of the same run, and beside its target."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

HEAD: Final = ("id", "what", "measured", "base in the same run", "ratio", "target", "met")
WHOLE: Final = 100
"""From here on decimals say nothing."""


class Row(NamedTuple):
    """One measured value."""

    id: str
    """Of the target, such as P6; empty for a value that has none."""
    what: str
    value: float
    """Not a number where nothing could be measured; ``base`` says why."""
    unit: str
    base: str
    """What it is compared with, and how long that took."""
    ratio: float | None
    """How many times the base; None where nothing is compared."""
    target: str
    met: bool | None
    """None where there is no target, or nothing was measured."""


def skipped(identity: str, what: str, why: str, target: str = "") -> Row:
    """A row that could not be measured."""
    return Row(identity, what, math.nan, "", f"not measured: {why}", None, target, None)


def times_bare(row: tuple[str, str], seconds: float, bare: float, most: float | None) -> Row:
    """A wall time as a multiple of bare Python; ``row`` is its id and what it is, ``most`` the target."""
    ratio = seconds / bare
    target = "" if most is None else f"≤ {most:g} x"
    met = None if most is None else ratio <= most
    return Row(*row, seconds * 1000, "ms", f"python -c pass, {bare * 1000:.1f} ms", ratio, target, met)


def cells(row: Row) -> tuple[str, ...]:
    """The row as it is shown."""
    measured = "—" if math.isnan(row.value) else f"{_number(row.value)} {row.unit}".rstrip()
    ratio = "—" if row.ratio is None else f"{_number(row.ratio)} x"
    met = "—" if row.met is None else "yes" if row.met else "no"
    return (row.id, row.what, measured, row.base, ratio, row.target or "—", met)


def plain(rows: Sequence[Row]) -> str:
    """The table for a terminal."""
    shown = [HEAD, *(cells(row) for row in rows)]
    widths = [max(len(row[column]) for row in shown) for column in range(len(HEAD))]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in shown)
    return "".join(f"{line}\n" for line in lines)


def markdown(rows: Sequence[Row]) -> str:
    """The table for a page."""
    shown = [HEAD, ("---",) * len(HEAD), *(cells(row) for row in rows)]
    return "".join(f"| {' | '.join(cell.replace('|', '/') for cell in row)} |\n" for row in shown)


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= WHOLE else f"{value:.1f}"
