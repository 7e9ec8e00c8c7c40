"""How benchmarks report: one row for each number, with what it is compared to in the same run."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable


class Row(NamedTuple):
    """One number."""

    id: str
    what: str
    value: float
    unit: str
    base: str
    """What it is compared to; empty where it stands alone."""
    ratio: float | None
    """The value as a multiple of the base."""
    target: str
    met: bool | None
    """Whether the target was met; None where there is none."""


def run(rows_of: Callable[[], list[Row]]) -> None:
    """Measure and print."""
    for row in rows_of():
        ratio = "" if row.ratio is None else f"{row.ratio:7.2f} x {row.base}"
        met = {None: "", True: "met", False: "MISSED"}[row.met]
        print(f"{row.id:5} {row.what:52} {row.value:10.2f} {row.unit:4} {ratio:28} {row.target:10} {met}")
