"""Looks through a ledger for what somebody should look at: a list of checks, each of which says what comes next."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tallybook.domain.findings import Code, Facts, Finding, Limits, ended_at
from tallybook.domain.outcome_audit import outcomes
from tallybook.domain.usage_audit import gaps, stale, uncovered, unmeasured

if TYPE_CHECKING:
    from tallybook.domain.state import LedgerState


def audit(
    state: LedgerState, facts: Facts, since: int | None = None, limits: Limits | None = None
) -> tuple[Finding, ...]:
    """All findings of goals that were open at ``since`` or later, by code in the order of ``Code``; notes last."""
    at = Limits() if limits is None else limits
    found = [*outcomes(state, facts, at), *stale(state, facts, at), *gaps(state, facts, at), *unmeasured(state, facts)]
    found += uncovered(state, facts, at)
    order = list(Code)
    wanted = (finding for finding in found if _is_late(state, finding, since))
    return tuple(sorted(wanted, key=lambda finding: (finding.note, order.index(finding.code))))


def _is_late(state: LedgerState, finding: Finding, since: int | None) -> bool:
    goal = None if finding.goal is None else state.goals.get(finding.goal)
    ended = None if goal is None else ended_at(goal)
    return since is None or ended is None or ended >= since
