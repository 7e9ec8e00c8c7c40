"""A recovery goal is drafted where work was started without one, and nowhere else."""

from __future__ import annotations

from msgspec.structs import replace

from tallybook.domain.commands import Circumstances, Decision, EnsureTask
from tallybook.domain.decide import decide
from tallybook.domain.events import Event, GoalStarted
from tallybook.domain.replay import fold
from tallybook.domain.state import LedgerState
from tallybook.domain.workflow import Work

HERE = Circumstances("2026-06-20T10:00:00Z", frozenset({"w-1"}), "wt-1", Work.STARTED, branch="topic")
ENSURE = EnsureTask("g260620-00000001", notes="found by hand")


def decided(circumstances: Circumstances, state: LedgerState | None = None) -> Decision:
    decision = decide(LedgerState() if state is None else state, circumstances, ENSURE)
    assert isinstance(decision, Decision)
    return decision


def test_started_work_gets_a_goal_named_after_its_branch() -> None:
    body = decided(HERE).events[-1].body
    assert isinstance(body, GoalStarted)
    assert (body.title, body.kind, body.notes) == ("Recovered work on topic", "product", "found by hand")


def test_detached_head_is_said() -> None:
    body = decided(replace(HERE, branch=None)).events[-1].body
    assert isinstance(body, GoalStarted)
    assert body.title == "Recovered work on a detached HEAD"


def test_a_branch_that_is_no_title_is_left_out() -> None:
    body = decided(replace(HERE, branch="b" * 2_000)).events[-1].body
    assert isinstance(body, GoalStarted)
    assert body.title == "Recovered work"


def test_without_work_nothing_is_written() -> None:
    for work in (Work.NONE, Work.UNKNOWN):
        decision = decided(replace(HERE, work=work))
        assert (decision.goal, decision.events) == (None, ())
        assert "nothing" in decision.notices[0]


def test_an_open_goal_is_named() -> None:
    started = decided(HERE).events[-1]
    event = Event("1", "w-1", 1, HERE.now, "0000000000001-0000", started.goal, started.body)
    decision = decided(HERE, fold([event]))
    assert (decision.goal, decision.events) == (ENSURE.goal, ())
