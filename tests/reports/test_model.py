"""Rates and the order of goals."""

from __future__ import annotations

from tallybook.domain.goal import Attempt, Goal, Outcome
from tallybook.domain.metrics import accounts
from tallybook.domain.replay import fold
from tallybook.domain.state import LedgerState
from tallybook.reports.model import ReportData, outcome_mix

AT = "2026-11-22T02:25:14Z"


def goal(name: str, started_at: str = AT, outcome: Outcome | None = None) -> Goal:
    attempts = (Attempt(1, started_at, outcome),)
    return Goal(name, name, "product", started_at, attempts, "w-00000000", (f"{name}-hlc", "w", 1), outcome=outcome)


def test_goals_stand_in_the_order_of_their_starts_whatever_zone_they_name() -> None:
    late, early, unreadable = goal("a", "2026-11-22T03:00:00Z"), goal("b", "2026-11-22T04:00:00+02:00"), goal("c", "?")
    empty = fold(())
    state = LedgerState(goals={one.id: one for one in (late, early, unreadable)})
    data = ReportData(state, accounts(empty), None, ())
    assert [one.id for one in data.goals] == ["c", "b", "a"]


def test_the_share_of_successes_names_its_n() -> None:
    won, lost = Outcome("success", AT, None, "exact_fit"), Outcome("fail", AT, "other", "miss")
    mix = outcome_mix([goal("a", outcome=won), goal("b", outcome=lost), goal("c")])
    assert mix.success_share == "1 of 2"
    assert (mix.open, mix.success, mix.fail, mix.other, mix.attempts) == (1, 1, 1, 0, 3)
    assert dict(mix.fits) == {"exact_fit": 1, "miss": 1}
    assert dict(mix.reasons) == {"other": 1}
    assert outcome_mix([]).success_share == "no goal ended yet"
    assert dict(outcome_mix([goal("d", outcome=Outcome("fail", AT))]).reasons) == {"not given": 1}
