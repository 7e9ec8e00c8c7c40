"""What a report is made from, and the rates it states; the same ledger gives the same report."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import msgspec

from tallybook.domain.goal import Goal, Status, moment
from tallybook.domain.goal_costs import PriceOf, no_prices
from tallybook.domain.metrics import Accounts
from tallybook.domain.problems import Problem
from tallybook.domain.quality import Quality
from tallybook.domain.state import LedgerState
from tallybook.domain.tokens import TokenVector
from tallybook.domain.workflow import WorkflowState

if TYPE_CHECKING:
    from collections.abc import Iterator


class ReportData(msgspec.Struct, frozen=True):
    """One moment of one ledger."""

    state: LedgerState
    accounts: Accounts
    unattributed: TokenVector | None
    """Logged usage in no goal's sessions; None where no history was read."""
    problems: tuple[Problem, ...]
    price_of: PriceOf = no_prices
    book: str | None = None
    """Which book the prices are from."""

    @property
    def goals(self) -> list[Goal]:
        """In the order in which they were started, by id within one moment."""
        return sorted(self.state.goals.values(), key=_start_order)


def _start_order(goal: Goal) -> tuple[float, str]:
    at = moment(goal.started_at)
    return (0.0 if at is None else at.timestamp(), goal.id)


class OutcomeMix(msgspec.Struct, frozen=True):
    """How goals of one kind ended."""

    goals: int
    open: int
    success: int
    fail: int
    other: int
    """Superseded or merged."""
    attempts: int
    fits: Counter[str]
    reasons: Counter[str]

    @property
    def success_share(self) -> str:
        """Successes among goals that ended in success or failure, as text; n is part of it."""
        ended = self.success + self.fail
        return "no goal ended yet" if ended == 0 else f"{self.success} of {ended}"


def outcome_mix(goals: list[Goal]) -> OutcomeMix:
    """Count how ``goals`` ended."""
    statuses = Counter(goal.status for goal in goals)
    reasons = Counter(
        attempt.outcome.failure_reason or "not given"
        for goal in goals
        for attempt in goal.attempts
        if attempt.outcome is not None and attempt.outcome.status == "fail"
    )
    fits = Counter(goal.outcome.result_fit for goal in goals if goal.outcome is not None and goal.outcome.result_fit)
    return OutcomeMix(
        goals=len(goals),
        open=statuses[Status.OPEN],
        success=statuses[Status.SUCCESS],
        fail=statuses[Status.FAIL],
        other=statuses[Status.SUPERSEDED] + statuses[Status.MERGED],
        attempts=sum(len(goal.attempts) for goal in goals),
        fits=Counter({str(fit): count for fit, count in fits.items()}),
        reasons=reasons,
    )


def advice(data: ReportData) -> Iterator[str]:
    """What the numbers ask the reader to do next."""
    still_open = [goal.id for goal in data.goals if goal.is_open]
    if still_open:
        yield f"{len(still_open)} open: {', '.join(still_open)}. Close each with tally finish-task."
    if data.state.pending:
        yield f"{len(data.state.pending)} boundaries wait for a response that was logged late. Run tally settle."
    unmeasured = [goal.id for goal in data.goals if data.accounts.measures[goal.id].quality is Quality.UNMEASURED]
    measured = len(data.goals) - len(unmeasured)
    if unmeasured and measured:
        yield f"{len(unmeasured)} of {len(data.goals)} goals are unmeasured: no agent session was known for them."
    if data.problems:
        yield f"{len(data.problems)} problems were found in the ledger. Run tally verify."


class WorkflowView(msgspec.Struct, frozen=True):
    """The state of the worktree that the command ran in."""

    state: WorkflowState
    worktree: str | None
    open: tuple[str, ...]
    """Goals open here, the one activated last at the end."""
    say: str
    hint: str
    unpublished: int
    """Events that no published copy holds: if this machine is lost, so are they."""
