"""What goals, commits, branches or references cost, as rows and as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tallybook.reports.costs import cost_json, dollars, priced_dollars
from tallybook.reports.vectors import Json, measured
from tallybook.reports.words import NOTHING, measure

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tallybook.domain.cost_rows import CostRow
    from tallybook.domain.figures import Measure
    from tallybook.domain.money import Cost

NUMBERS: Final = frozenset({"goals", "tokens", "USD"})


def head(by: str) -> Sequence[str]:
    """The names of the columns."""
    return (by, "goals", "tokens", "USD", "quality", "confidence")


def row_json(row: CostRow, by: str) -> dict[str, Json]:
    """One row."""
    return {
        "key": {by: row.key},
        "part": str(row.kind),
        "goals": [*row.goals],
        **measured(row.measure),
        "cost": cost_json(row.cost),
        "confidence": str(row.confidence),
    }


def total_json(whole: Measure, cost: Cost | None) -> dict[str, Json]:
    """The sum of all rows."""
    return {**measured(whole), "cost": cost_json(cost)}


def cells(row: CostRow) -> Sequence[str]:
    """The cells of one row; one that belongs to nothing says what it is."""
    tokens = row.measure.tokens
    return (
        f"({row.kind})" if row.key is None else row.key,
        f"{len(row.goals):,}",
        NOTHING if tokens is None else f"{tokens.total:,}",
        dollars(row.cost),
        str(row.measure.quality),
        str(row.confidence),
    )


def total_line(whole: Measure, cost: Cost | None) -> str:
    """Such as ``all rows: 1,200 tokens (exact), 0.0120 USD (exact)``."""
    return f"all rows: {measure(whole)}, {priced_dollars(cost)}"
