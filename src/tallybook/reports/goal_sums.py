"""What stands beside a goal's own tokens in its JSON object: numbers by hand, budgets, chain, synthesis."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tallybook.domain.budgets import BudgetUse
from tallybook.domain.money import dollars
from tallybook.reports.costs import cost_json
from tallybook.reports.vectors import Json, measured, vector

if TYPE_CHECKING:
    from tallybook.domain.figures import GoalUsage
    from tallybook.domain.goal import Goal
    from tallybook.domain.relations import Chain, Synthesis
    from tallybook.domain.state import LedgerState


def mode(usage: GoalUsage) -> str | None:
    """Where its tokens come from: ``captured``, ``backfilled``, ``manual``, ``mixed`` after a merge, null for none."""
    by_hand = any(share.counts for share in usage.manual)
    if usage.captured.tokens is None:
        return "manual" if by_hand else None
    if by_hand:
        return "mixed"
    return "backfilled" if usage.backfilled else "captured"


def backfill(it: Goal) -> Json:
    """Where usage was found afterwards, and by what evidence; null where none was."""
    found = it.backfill
    if found is None:
        return None
    sessions: list[Json] = [
        {"agent": key.agent, "id": key.session, "evidence": evidence} for key, evidence in found.sessions
    ]
    return {"event": found.event, "since": found.since, "until": found.until, "sessions": sessions}


def manual(usage: GoalUsage) -> list[Json]:
    """Numbers given by hand; ``counts`` tells whether they stand for a goal that nobody measured."""
    return [
        {
            "goal": share.goal,
            "tokens": vector(share.usage.tokens),
            "model": share.usage.model,
            "unreported": [*share.usage.unreported],
            "counts": share.counts,
        }
        for share in usage.manual
    ]


def budget(budgets: tuple[BudgetUse, ...]) -> Json:
    """The budget of the whole goal, with those of its stages below; null where there is none."""
    if not budgets:
        return None
    whole = next((budget_members(one) for one in budgets if one.stage is None), None)
    stages: list[Json] = [{"stage": one.stage, **budget_members(one)} for one in budgets if one.stage is not None]
    return {**(whole or budget_members(BudgetUse(None, None, None, None))), "stages": stages}


def budget_members(it: BudgetUse) -> dict[str, Json]:
    """What one budget allows and what is used of it."""
    return {
        "tokens": it.tokens,
        "nano_usd": it.nano_usd,
        "usd": None if it.nano_usd is None else dollars(it.nano_usd),
        "used_tokens": it.used_tokens,
        "used_percent": it.percent,
        "left_tokens": it.left_tokens,
        "cost": None if it.nano_usd is None else cost_json(it.cost),
        "used_usd_percent": it.money_percent,
        "left_nano_usd": it.left_nano_usd,
        "left_usd": None if it.left_nano_usd is None else dollars(it.left_nano_usd),
        "at_least": it.is_least,
        "exceeded": it.exceeded,
    }


def chain(it: Chain | None) -> Json:
    """The goal and all that it replaces, oldest first."""
    return None if it is None else {"goals": [*it.goals], **measured(it.measure)}


def synthesis(state: LedgerState, it: Synthesis | None) -> Json:
    """All inputs, own and end-to-end tokens; a shared input once."""
    if it is None:
        return None
    inputs: list[Json] = [
        {
            "id": one.goal,
            "title": state.goals[one.goal].title,
            "status": str(state.goals[one.goal].status),
            "direct": one.direct,
            **measured(one.measure),
        }
        for one in it.inputs
    ]
    return {
        "inputs": inputs,
        "sources": [*it.sources],
        "own": vector(it.own.tokens),
        "end_to_end": vector(it.end_to_end.tokens),
        "quality": str(it.end_to_end.quality),
    }
