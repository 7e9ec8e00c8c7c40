"""What the audit of costs found, as lines and as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tallybook.domain.shortfalls import Category
from tallybook.reports.costs import cost_json, dollars
from tallybook.reports.words import counted

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tallybook.domain.goal import Goal
    from tallybook.domain.shortfalls import CostAudit, Coverage, Reason, Shortfall
    from tallybook.reports.vectors import Json


def shortfall_json(one: Shortfall, goals: Mapping[str, Goal]) -> dict[str, Json]:
    """One goal that is not whole."""
    goal = goals[one.goal]
    also: list[Json] = [str(category) for category in one.also]
    return {
        "category": str(one.category),
        "goal": {"id": goal.id, "title": goal.title, "kind": goal.kind, "status": str(goal.status)},
        "message": one.reason.message,
        "next": one.reason.command,
        "elsewhere": one.elsewhere,
        "also": also,
        "evidence": _evidence(one),
        "reasons": [_reason(reason) for reason in one.reasons],
    }


def _evidence(one: Shortfall) -> dict[str, Json]:
    return {
        "tokens": one.tokens,
        "attempts": _coverage(one.attempts),
        "stages": _coverage(one.stages),
        "priced_tokens": one.cost.priced,
        "cost": cost_json(None if one.tokens is None else one.cost),
        "backfill": one.backfill,
        "writer": one.writer,
    }


def _coverage(it: Coverage) -> Json:
    return {"measured": it.measured, "all": it.all}


def _reason(reason: Reason) -> Json:
    snapshots: list[Json] = [*reason.snapshots]
    return {
        "category": str(reason.category),
        "message": reason.message,
        "next": reason.command,
        "sessions": [{"agent": key.agent, "id": key.session} for key in reason.sessions],
        "snapshots": snapshots,
        "missing_tokens": reason.missing,
    }


def counts_json(audit: CostAudit) -> dict[str, Json]:
    """How many goals stand in each category, and how many are whole."""
    return {**{str(category): audit.count(category) for category in Category}, "whole": len(audit.whole)}


def shortfall_lines(one: Shortfall, goals: Mapping[str, Goal]) -> Iterator[str]:
    """One goal as text: its category, what is so, and what comes next."""
    goal = goals[one.goal]
    yield f"{one.category:<21}  {goal.id}  {one.reason.message}  ({goal.title})"
    number = "no number"
    if one.tokens is not None:
        number = f"{one.tokens:,} tokens counted, {one.cost.priced:,} with a price: {dollars(one.cost)} USD"
    also = f"; also {', '.join(one.also)}" if one.also else ""
    yield f"{'':<21}  {number}{also}"
    where = "in its own clone: " if one.elsewhere and one.category is not Category.SYNC_GAP else ""
    yield f"{'':<21}  > {where}{one.reason.command}"


def sum_line(audit: CostAudit) -> str:
    """All in one line."""
    known = [f"{audit.count(category)} {category}" for category in Category if audit.count(category)]
    return f"{counted(audit.looked, 'goal')}: {', '.join([f'{len(audit.whole)} whole', *known])}"
