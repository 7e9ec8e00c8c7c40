"""Ledger and history side by side, as JSON, as cells of a table and as lines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tallybook.domain.comparison import Cause, sums_of
from tallybook.domain.tokens import total_of
from tallybook.reports.vectors import vector
from tallybook.reports.words import NOTHING, counted

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tallybook.domain.comparison import Compared
    from tallybook.domain.tokens import TokenVector
    from tallybook.reports.vectors import Json

NUMBERS: Final = ("goals", "remainder", "counter", "history", "unattributed", "missing")
HEAD: Final = ("agent", "session", *NUMBERS, "cause")
_MEANINGS: Final = {
    Cause.EQUAL: ("the history has what was counted", ""),
    Cause.NO_GOAL: ("no command of a goal ran in it", ""),
    Cause.NEVER_LOGGED: ("a command ran in it, and no log has ever told of it", "tally doctor"),
    Cause.LOG_TURNED_UP: ("its log turned up after its commands had run", "tally backfill"),
    Cause.ELSEWHERE: ("another clone counted it; its log is not here", ""),
    Cause.LOG_GONE: ("its log is gone, and the history was made anew since", ""),
    Cause.LOG_CHANGED: ("its logs tell less than when it was counted, or are counted in another way now", ""),
    Cause.SETTLED_LATER: ("a response was logged after the boundary that it lies before", "tally settle"),
    Cause.WENT_ON: ("it was used after its last boundary", ""),
}


def meaning(cause: Cause) -> str:
    """What the cause means, in a sentence."""
    return _MEANINGS[cause][0]


def compared_json(row: Compared) -> dict[str, Json]:
    """One session on both sides."""
    goals: list[Json] = [{"id": goal, "tokens": vector(tokens)} for goal, tokens in row.goals]
    return {
        "agent": row.key.agent,
        "id": row.key.session,
        "parent": row.parent,
        "cause": str(row.cause),
        "message": meaning(row.cause),
        "hint": _MEANINGS[row.cause][1],
        "goals": goals,
        "remainder": vector(row.remainder),
        "counter": vector(row.counter),
        "history": vector(row.history),
        "unattributed": vector(row.unattributed),
        "missing": vector(row.missing),
    }


def sums_json(rows: Sequence[Compared]) -> dict[str, Json]:
    """How many sessions there are by cause, and the sums over all of them."""
    causes: dict[str, Json] = {str(cause): sum(row.cause is cause for row in rows) for cause in Cause}
    sums = sums_of(rows)
    total: dict[str, Json] = {name: vector(getattr(sums, name)) for name in NUMBERS}
    return {"sessions": len(rows), "causes": causes, "total": total}


def compared_cells(row: Compared) -> tuple[str, ...]:
    """One session as a row of the table, in totals."""
    known = [tokens for _, tokens in row.goals if tokens is not None]
    goals = total_of(known) if known or row.counter is not None else None
    numbers = (goals, row.remainder, row.counter, row.history, row.unattributed, row.missing)
    return (row.key.agent, row.key.session, *(_total(tokens) for tokens in numbers), str(row.cause))


def sums_lines(rows: Sequence[Compared]) -> Iterator[str]:
    """What the causes mean that were met, how many sessions have each, and the sums."""
    for cause in Cause:
        count = sum(row.cause is cause for row in rows)
        if count:
            hint = _MEANINGS[cause][1]
            yield f"{cause}: {counted(count, 'session')}; {meaning(cause)}{f' ({hint})' if hint else ''}"
    sums = sums_of(rows)
    yield f"history {sums.history.total:,} + missing {sums.missing.total:,}"
    owned = f"goals {sums.goals.total:,} + remainder {sums.remainder.total:,}"
    yield f"  = {owned} + unattributed {sums.unattributed.total:,}"


def _total(tokens: TokenVector | None) -> str:
    return NOTHING if tokens is None else f"{tokens.total:,}"
