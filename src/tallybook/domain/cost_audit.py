"""Finds the goals whose cost or usage is not whole; each stands in one category, with what comes next.

A goal is whole if it is closed, all of its time is measured, no boundary waits, and all of its tokens have a price.
Whether a number is proved (``unverified``) is another question: it is whole all the same.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from msgspec.structs import replace

from tallybook.domain.backfill import Verdict
from tallybook.domain.cost_case import Case, case_of, has_gaps
from tallybook.domain.cost_reasons import reasons_of
from tallybook.domain.findings import Finding, Limits
from tallybook.domain.shortfalls import Category, CostAudit, Coverage, Known, Reason, Scope, Shortfall
from tallybook.domain.state import kept_goal
from tallybook.domain.usage_audit import gaps

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tallybook.domain.state import LedgerState

LIMITS: Final = Limits()
_ORDER: Final = {category: number for number, category in enumerate(Category)}
_ALL: Final = Scope()


Foresee = Callable[[Sequence[str]], Mapping[str, Verdict]]
"""What `tally backfill` would give to goals, by goal id; some it may tell nothing of."""


def cost_audit(state: LedgerState, known: Known, scope: Scope = _ALL, foresee: Foresee | None = None) -> CostAudit:
    """Every goal in the scope: whole, or with all that keeps it from being so.

    ``foresee`` is asked once, for those goals alone of which a verdict is told; else it is taken from ``known``.
    """
    late = _gaps(state, known)
    cases = [case_of(state, known, goal, late.get(goal.id, ())) for goal in state.goals.values() if scope.has(goal)]
    # Without gaps in what is measured, no verdict is looked at.
    told = {case.goal.id: tuple(reasons_of(case)) for case in cases if not has_gaps(case)}
    if foresee is not None:
        verdicts = foresee([case.goal.id for case in cases if told.get(case.goal.id) != ()])
        known = replace(known, verdicts=verdicts)
        cases = [replace(case, known=known) for case in cases]
    found: list[Shortfall] = []
    whole: list[str] = []
    for case in cases:
        reasons = told[case.goal.id] if case.goal.id in told else tuple(reasons_of(case))
        if reasons:
            found.append(_shortfall(case, tuple(sorted(reasons, key=_rank))))
        else:
            whole.append(case.goal.id)
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
