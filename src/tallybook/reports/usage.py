"""The sums of the history as JSON and as cells of a table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tallybook.reports.costs import cost_json, dollars, share
from tallybook.reports.vectors import Json, vector
from tallybook.reports.words import NOTHING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tallybook.history.usage import Usage
    from tallybook.history.usage_rows import UsageRow

NUMBERS: Final = ("responses", "input", "cache read", "cache write", "output", "reasoning", "total", "USD", "priced")
UNKNOWN: Final = "(unknown)"


def usage_json(by: Sequence[str], found: Usage) -> dict[str, Json]:
    """Rows and total."""
    rows: list[Json] = [{"key": dict(zip(by, row.key, strict=True)), **_numbers(row)} for row in found.rows]
    return {"by": [*by], "rows": rows, "total": _numbers(found.total)}


def _numbers(row: UsageRow) -> dict[str, Json]:
    return {
        "responses": row.responses,
        "tokens": vector(row.tokens),
        "cost": cost_json(row.cost),
        "quality": str(row.quality),
    }


def usage_cells(by: Sequence[str], found: Usage) -> list[tuple[str, ...]]:
    """Rows, and the total last."""
    lines = [(*(UNKNOWN if part is None else part for part in row.key), *_cells(row)) for row in found.rows]
    return [*lines, ("total", *[""] * (len(by) - 1), *_cells(found.total))]


def _cells(row: UsageRow) -> tuple[str, ...]:
    tokens = row.tokens
    if tokens is None:
        return (f"{row.responses:,}", *[NOTHING] * (len(NUMBERS) - 1), str(row.quality))
    parts = (tokens.input, tokens.cache_read, tokens.cache_write, tokens.output, tokens.reasoning, tokens.total)
    priced = NOTHING if row.cost is None else share(row.cost.share)
    return (f"{row.responses:,}", *(f"{part:,}" for part in parts), dollars(row.cost), priced, str(row.quality))
