"""Finds the goals whose cost or usage is not whole; each stands in one category, with what comes next.

A goal is whole if it is closed, all of its time is measured, no boundary waits, and all of its tokens have a price.
Whether a number is proved (``unverified``) is another question: it is whole all the same.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Final

from tallybook.domain.cost_case import Case, case_of
from tallybook.domain.cost_reasons import reasons_of
from tallybook.domain.findings import Finding, Limits
from tallybook.domain.shortfalls import Category, CostAudit, Coverage, Known, Reason, Scope, Shortfall
from tallybook.domain.state import kept_goal
from tallybook.domain.usage_audit import gaps

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tallybook.domain.state import LedgerState

LIMITS: Final = Limits()
_ORDER: Final = {category: number for number, category in enumerate(Category)}
_ALL: Final = Scope()


def cost_audit(state: LedgerState, known: Known, scope: Scope = _ALL) -> CostAudit:
    """Every goal in the scope: whole, or with all that keeps it from being so."""
    late = _gaps(state, known)
    found: list[Shortfall] = []
    whole: list[str] = []
    for goal in (goal for goal in state.goals.values() if scope.has(goal)):
        case = case_of(state, known, goal, late.get(goal.id, ()))
        reasons = sorted(reasons_of(case), key=_rank)
        if reasons:
            found.append(_shortfall(case, tuple(reasons)))
        else:
            whole.append(goal.id)
    return CostAudit(tuple(sorted(found, key=_worst)), tuple(whole))


def _rank(reason: Reason) -> int:
    return _ORDER[reason.category]


def _worst(one: Shortfall) -> tuple[int, int]:
    return _rank(one.reason), -one.reason.missing


def _gaps(state: LedgerState, known: Known) -> Mapping[str, tuple[Finding, ...]]:
    found: dict[str, tuple[Finding, ...]] = defaultdict(tuple)
    for finding in gaps(state, known.facts, LIMITS):
        if finding.goal is not None:
            found[kept_goal(state.goals, finding.goal)] += (finding,)
    return found


def _shortfall(case: Case, reasons: tuple[Reason, ...]) -> Shortfall:
    tokens, verdict = case.usage.measure.tokens, case.verdict
    return Shortfall(
        goal=case.goal.id,
        reasons=reasons,
        tokens=None if tokens is None else tokens.total,
        attempts=_coverage(attempt.measure.tokens is not None for attempt in case.usage.attempts),
        stages=_coverage(stage.measure.tokens is not None for stage in case.usage.stages),
        cost=case.cost,
        writer=case.goal.writer,
        elsewhere=case.elsewhere,
        backfill=None if verdict is None else verdict.reason,
    )


def _coverage(measured: Iterable[bool]) -> Coverage:
    all_of = tuple(measured)
    return Coverage(sum(all_of), len(all_of))
