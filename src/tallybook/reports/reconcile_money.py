"""Two prices of the same tokens side by side, as JSON and as cells of a table; money is never a float."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tallybook.domain.money import dollars
from tallybook.reports.costs import share, share_json
from tallybook.reports.words import NOTHING

if TYPE_CHECKING:
    from tallybook.domain.money import Cost
    from tallybook.history.ccusage import View
    from tallybook.history.reconcile_money import MoneyCell, Priced
    from tallybook.reports.vectors import Json

HEAD: Final = ("period", "model", "ours USD", "theirs USD", "difference USD", "cause")
NUMBERS: Final = frozenset({"ours USD", "theirs USD", "difference USD"})


def priced_json(found: Priced, view: View, book: str | None) -> dict[str, Json]:
    """All prices that differ, and the sums."""
    return {
        "book": book,
        "rows": [_row(cell, "session" if view == "session" else "period") for cell in found.cells],
        "equal": found.equal,
        "left_out": found.left_out,
        "unexplained": found.unexplained,
        "total": {"ours": _ours(found.ours), "theirs": _money(found.nano_usd)},
    }


def _row(cell: MoneyCell, period: str) -> Json:
    models: list[Json] = [*cell.models]
    return {
        "key": {period: cell.period, "models": models},
        "ours": _ours(cell.ours),
        "theirs": _money(cell.nano_usd),
        "difference": _money(cell.difference),
        "unpriced": [{"model": it.model, "reason": it.reason} for it in sorted(cell.ours.unpriced)],
        "cause": cell.cause,
    }


def _ours(cost: Cost) -> Json:
    return {
        "usd": cost.usd,
        "nano_usd": cost.nano_usd,
        "priced_share": share_json(cost.share),
        "quality": str(cost.quality),
    }


def total_line(found: Priced, book: str | None) -> str:
    """Both sums of what was compared, and how much of it has a price here."""
    part = "" if found.ours.share == 1 else f" for {share(found.ours.share)} of the tokens"
    return f"in all {found.ours.usd or 'no'} USD{part}, in the report {dollars(found.nano_usd)} ({book})"


def _money(nano: int | None) -> Json:
    return {"usd": None if nano is None else dollars(nano), "nano_usd": nano}


def money_cells(cell: MoneyCell) -> tuple[str, ...]:
    """The columns of ``HEAD``."""
    numbers = (cell.ours.nano_usd, cell.nano_usd, cell.difference)
    ours, *shown = (NOTHING if nano is None else dollars(nano) for nano in numbers)
    whole = cell.ours.share == 1 or not cell.ours.is_known
    part = ours if whole else f"{ours} for {share(cell.ours.share)} of the tokens"
    return (cell.period, " + ".join(cell.models), part, *shown, cell.cause)
