"""Imported sums as rows and as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tallybook.domain.quality import Quality
from tallybook.domain.tokens import total_of
from tallybook.history.imported import TOOL, Standing
from tallybook.reports.vectors import vector
from tallybook.reports.words import NOTHING, counted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tallybook.history.imported import ImportedSum, Taken
    from tallybook.reports.vectors import Json

HEAD: Final = ("period", "agent", "model", "tokens", "standing")
NUMBERS: Final = frozenset({"tokens"})
UNREPORTED: Final = ("cache_write_5m", "cache_write_1h", "reasoning")
"""Components that the other tool does not tell apart."""


def imported_json(sums: Sequence[ImportedSum]) -> Json:
    """All sums, and what those come to whose logs are gone; they are in no other total."""
    gone = [one for one in sums if one.standing is Standing.GONE]
    return {
        "tool": TOOL,
        "rows": [_row(one) for one in sums],
        "gone": {"sums": len(gone), "tokens": vector(total_of(one.tokens for one in gone)), "in_total": False},
    }


def _row(it: ImportedSum) -> Json:
    return {
        "key": {"period": it.period, "agent": it.agent, "model": it.model},
        "view": it.view.value,
        "agents": [*it.agents],
        "tokens": vector(it.tokens),
        "unreported": [*UNREPORTED],
        "nano_usd_told": it.nano_usd,
        "quality": str(Quality.UNVERIFIED),
        "standing": str(it.standing),
    }


def imported_cells(it: ImportedSum) -> tuple[str, ...]:
    """The columns of ``HEAD``."""
    return (it.period, ", ".join(it.agents) or NOTHING, it.model, f"{it.tokens.total:,}", str(it.standing))


def imported_line(sums: Sequence[ImportedSum]) -> str:
    """What is not in the total, in words."""
    gone = [one for one in sums if one.standing is Standing.GONE]
    total = total_of(one.tokens for one in gone).total
    return (
        f"not in the total: {total:,} tokens that {TOOL} told of, in {counted(len(gone), 'sum')} without any log here"
    )


def taken_json(it: Taken) -> Json:
    """How many sums a report had."""
    return {"new": it.new, "grown": it.grown, "known": it.known, "refused": [*it.refused]}
