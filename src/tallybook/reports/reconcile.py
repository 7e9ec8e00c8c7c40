"""Two ways of counting side by side, as JSON and as cells of a table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tallybook.reports.vectors import vector

if TYPE_CHECKING:
    from tallybook.history.ccusage import Counts
    from tallybook.history.own_cells import OwnCell, OwnCounters
    from tallybook.history.reconcile import Cell, Reconciled
    from tallybook.reports.vectors import Json

NUMBERS: Final = ("ours", "theirs", "difference")


def reconciled_json(found: Reconciled) -> dict[str, Json]:
    """All that differs, and the sums."""
    return {
        "with": "ccusage",
        "view": str(found.view),
        "rows": [
            {
                "key": {"session" if found.view == "session" else "period": cell.period, "model": cell.model},
                "ours": _counts(cell.ours),
                "theirs": _counts(cell.theirs),
                "difference": _counts(cell.difference),
                "cause": cell.cause,
            }
            for cell in found.cells
        ],
        "equal": found.equal,
        "unexplained": found.unexplained,
        "total": {"ours": _counts(found.ours), "theirs": _counts(found.theirs)},
    }


def _counts(counts: Counts) -> Json:
    return {**counts._asdict(), "total": counts.total}


def cells(cell: Cell) -> tuple[str, ...]:
    """Period, model, the three totals, cause."""
    totals = (cell.ours.total, cell.theirs.total, cell.difference.total)
    return (cell.period, cell.model, *(f"{total:,}" for total in totals), cell.cause)


def own_json(found: OwnCounters) -> dict[str, Json]:
    """All counters that differ, and the sums."""
    return {
        "with": "agents",
        "view": "session",
        "rows": [
            {
                "key": {
                    "agent": cell.session.agent,
                    "session": cell.session.session,
                    "scope": cell.scope,
                    "model": cell.model,
                },
                "ours": _counts(cell.ours),
                "theirs": _counts(cell.theirs),
                "difference": _counts(cell.difference),
                "cause": cell.cause,
            }
            for cell in found.cells
        ],
        "equal": found.equal,
        "unexplained": found.unexplained,
        "total": {"ours": _counts(found.ours), "theirs": _counts(found.theirs)},
        "not_itemised": [
            {
                "agent": one.session.agent,
                "session": one.session.session,
                "model": one.model,
                "tokens": vector(one.tokens),
            }
            for one in found.unitemised
        ],
    }


def own_row(cell: OwnCell) -> tuple[str, ...]:
    """Session, scope, model, the three totals, cause."""
    totals = (cell.ours.total, cell.theirs.total, cell.difference.total)
    name = (cell.session.agent, cell.session.session, cell.scope, cell.model or "")
    return (*name, *(f"{total:,}" for total in totals), cell.cause)
