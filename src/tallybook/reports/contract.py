"""The JSON objects that scripts and agents rely on; one function per shape, numbers as integers, unknown as null."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tallybook.domain.budgets import budgets_of
from tallybook.domain.goal_costs import costs_of, remainder_cost
from tallybook.domain.relations import chain_of, synthesis_of
from tallybook.domain.state import kept_goal
from tallybook.domain.tokens import ZERO
from tallybook.reports import goal_sums
from tallybook.reports.costs import cost_json
from tallybook.reports.vectors import Json, measured, vector
from tallybook.reports.words import attempt_status

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tallybook.domain.figures import AttemptUsage, GoalUsage, SessionShare, StageUsage
    from tallybook.domain.goal import Goal
    from tallybook.domain.goal_costs import PriceOf
    from tallybook.domain.metrics import Accounts
    from tallybook.domain.money import Cost
    from tallybook.domain.problems import Problem
    from tallybook.domain.state import LedgerState
    from tallybook.reports.model import ReportData, WorkflowView


def problems(found: Iterable[Problem]) -> list[Json]:
    """Every problem with its place and remedy, each told once."""
    return [
        {
            "code": problem.code,
            "message": problem.message,
            "where": {"file": problem.where.file, "line": problem.where.line, "byte": problem.where.byte},
            "hint": problem.hint,
        }
        for problem in dict.fromkeys(found)
    ]


def goal(state: LedgerState, it: Goal, accounts: Accounts, price_of: PriceOf) -> dict[str, Json]:
    """The goal object."""
    usage, outcome = accounts.goals[it.id], it.outcome
    costs = costs_of(state, it.id, usage, price_of)
    return {
        "id": it.id,
        "title": it.title,
        "kind": it.kind,
        "status": str(it.status),
        "started_at": it.started_at,
        "finished_at": None if outcome is None else outcome.finished_at,
        "failure_reason": None if outcome is None else outcome.failure_reason,
        "result_fit": None if outcome is None else outcome.result_fit,
        "agent": it.agent,
        "model": it.model,
        "notes": it.notes,
        "session": _session(it),
        "sessions": _shares(usage.sessions),
        "tokens": vector(usage.measure.tokens),
        "self": vector(usage.own),
        "subtree": vector(usage.subtree),
        "by_model": [
            {"model": model, "tokens": vector(tokens), "cost": cost_json(costs.by_model[model])}
            for model, tokens in usage.by_model
        ],
        "attempts": [_attempt(it, *pair) for pair in zip(usage.attempts, costs.attempts, strict=True)],
        "mode": goal_sums.mode(usage),
        "manual": goal_sums.manual(usage),
        "backfill": goal_sums.backfill(it),
        "budget": goal_sums.budget(budgets_of(state, it.id, usage, price_of)),
        "source_id": it.source_id,
        "pass": it.pass_number,
        "claims": None if it.claims is None else {"extracted": it.claims.extracted, "updated": it.claims.updated},
        "unreported": list(usage.unreported),
        "quality": str(usage.measure.quality),
        "cost": cost_json(costs.total),
        "stages": [_stage(*pair) for pair in zip(usage.stages, costs.stages, strict=True)],
        "links": _links(it),
        "chain": goal_sums.chain(chain_of(state, it)),
        "synthesis": goal_sums.synthesis(state, synthesis_of(state, it)),
        "supersedes": it.supersedes,
        "superseded_by": it.superseded_by,
        "merged_into": None if it.merged_into is None else kept_goal(state.goals, it.id),
        "merged": [*state.index.dropped.get(it.id, ())],
        "corrections": it.corrections,
    }


def _session(it: Goal) -> Json:
    if it.session is None:
        return None
    return {"agent": it.session.agent, "id": it.session.id, "detected_by": it.session.detected_by}


def _shares(shares: Iterable[SessionShare]) -> list[Json]:
    return [
        {
            "agent": share.key.agent,
            "id": share.key.session,
            "parent": share.parent,
            "tokens": vector(share.tokens if share.measured else None),
        }
        for share in shares
    ]


def _attempt(it: Goal, usage: AttemptUsage, cost: Cost | None) -> Json:
    outcome = usage.attempt.outcome
    return {
        "number": usage.attempt.number,
        "started_at": usage.attempt.started_at,
        "finished_at": None if outcome is None else outcome.finished_at,
        "status": attempt_status(it, usage),
        "failure_reason": None if outcome is None else outcome.failure_reason,
        "goal": usage.goal,
        "cost": cost_json(cost),
        **measured(usage.measure),
    }


def _stage(usage: StageUsage, cost: Cost | None) -> Json:
    return {
        "goal": usage.goal,
        "attempt": usage.attempt,
        "name": usage.name,
        "at": usage.at,
        "cost": cost_json(cost),
        "notes": usage.notes,
        **measured(usage.measure),
    }


def _links(it: Goal) -> Json:
    def of(kind: str) -> list[Json]:
        return [link.target for link in it.links if link.kind == kind]

    branches, pulls = of("branch"), of("pr")
    inputs: list[Json] = [*it.inputs]
    sources: list[Json] = [*it.input_sources]
    return {
        "commits": of("commit"),
        "branch": branches[-1] if branches else it.branch,
        "pr": pulls[-1] if pulls else None,
        "refs": [*it.refs, *of("ref")],
        "inputs": inputs,
        "input_sources": sources,
    }


def remainder(data: ReportData) -> Json:
    """Usage in sessions that goals have touched, belonging to no goal."""
    rows: list[Json] = [
        {"agent": share.key.agent, "id": share.key.session, "tokens": vector(share.tokens)}
        for share in data.accounts.remainder
        if share.tokens != ZERO
    ]
    cost = cost_json(remainder_cost(data.state, data.price_of))
    return {"tokens": vector(data.accounts.remainder_tokens), "cost": cost, "by_session": rows}


def summary(state: LedgerState, usage: Iterable[GoalUsage]) -> Json:
    """How many goals there are, by status and kind, and how many of them were measured."""
    rows = list(usage)
    statuses: dict[str, Json] = {}
    kinds: dict[str, Json] = {}
    for it in state.goals.values():
        for counts, name in ((statuses, str(it.status)), (kinds, it.kind)):
            before = counts.get(name, 0)
            counts[name] = before + 1 if isinstance(before, int) else 1
    return {
        "goals": len(state.goals),
        "by_status": statuses,
        "by_kind": kinds,
        "measured": sum(row.captured.tokens is not None for row in rows),
        "by_hand": sum(any(share.counts for share in row.manual) for row in rows),
        "pending": len(state.pending),
        "unknown_events": sum(state.unknown_types.values()),
    }


def state(data: ReportData, workflow: WorkflowView) -> dict[str, Json]:
    """The state object."""
    ids: list[Json] = [*workflow.open]
    unattributed = None if data.unattributed is None else {"tokens": vector(data.unattributed)}
    return {
        "workflow": {
            "state": str(workflow.state),
            "worktree": workflow.worktree,
            "open": ids,
            "message": workflow.say,
            "hint": workflow.hint,
            "unpublished_events": workflow.unpublished,
        },
        "goals": [goal(data.state, it, data.accounts, data.price_of) for it in data.goals],
        "summary": summary(data.state, data.accounts.goals.values()),
        "remainder": remainder(data),
        "prices": data.book,
        "unattributed": unattributed,
        "problems": problems(data.problems),
    }
