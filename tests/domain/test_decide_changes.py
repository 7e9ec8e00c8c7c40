"""Changes beside a goal's life: updates, merges, budgets, checks that are over; what was said before stays."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from tallybook.domain.commands import (
    AddCheck,
    Changes,
    Circumstances,
    Decision,
    FinishTask,
    ManualNumbers,
    MarkStage,
    MergeTasks,
    Request,
    SetBudget,
    StartTask,
    UpdateTask,
)
from tallybook.domain.decide import decide
from tallybook.domain.events import (
    BudgetSet,
    GoalFinished,
    GoalsMerged,
    GoalStarted,
    GoalUpdated,
    SessionRef,
    UsageManual,
    UsageSnapshot,
)
from tallybook.domain.goal import Budget, Claims, ManualUsage
from tallybook.domain.metrics import accounts
from tallybook.domain.problems import Refusal
from tallybook.domain.tokens import TokenVector
from tallybook.domain.usage import SnapshotReason
from tallybook.domain.workflow import Work
from worlds import Book, born, clock, used

NOW = "2026-06-20T18:00:00+00:00"
HERE = Circumstances(NOW, frozenset({"w-a"}), "tree", Work.NONE)


@pytest.fixture
def book() -> Book:
    """``a`` and ``b`` open, ``old`` and ``older`` closed, ``c`` an open check."""
    book = Book()
    for goal in ("older", "old"):
        book.start(goal)
        book.finish(goal)
    for goal in ("a", "b"):
        book.start(goal)
    book.start("c", kind="check")
    return book


def done(book: Book, request: Request, here: Circumstances = HERE) -> Decision:
    """Carry a request out that must be accepted."""
    answer = decide(book.state, here, request)
    assert isinstance(answer, Decision), answer
    for new in answer.events:
        book.write(new.goal, new.body)
    assert book.state.problems == []
    return answer


def refused(book: Book, request: Request) -> str:
    answer = decide(book.state, HERE, request)
    assert isinstance(answer, Refusal), answer
    assert answer.message
    assert answer.hint
    return answer.code


CHANGES = Changes("new title", "new notes", None, "m2", ("#2",), ("older",), ("paper",), 3, 1)


@pytest.mark.parametrize("goal", ["a", "old"])
def test_an_update_gives_new_values_and_adds_to_lists(book: Book, goal: str) -> None:
    book.write(goal, GoalUpdated(refs=("#1",), input_sources=("book",)))
    answer = done(book, UpdateTask(CHANGES, goal))
    assert [type(event.body) for event in answer.events] == [GoalUpdated]
    found = book.state.goals[goal]
    assert (found.title, found.notes, found.model, found.refs) == ("new title", "new notes", "m2", ("#1", "#2"))
    assert (found.inputs, found.input_sources, found.claims) == (("older",), ("book", "paper"), Claims(3, 1))
    assert bool(answer.notices) == (goal == "old"), "a correction says that the old values stay"
    done(book, UpdateTask(Changes(claims_updated=2), goal))
    assert book.state.goals[goal].claims == Claims(3, 2)
    assert book.state.goals[goal].title == "new title"


def test_an_update_without_any_value(book: Book) -> None:
    assert refused(book, UpdateTask(Changes(), "a")) == "nothing-to-update"
    assert refused(book, UpdateTask(Changes(title="t"))) == "several-goals"
    assert refused(book, UpdateTask(Changes(title="t"), "nowhere")) == "goal-unknown"


def test_a_fit_belongs_to_a_closed_product_goal(book: Book) -> None:
    fit = Changes(result_fit="partial_fit")
    assert refused(book, UpdateTask(fit, "a")) == "fit-while-open"
    assert refused(book, UpdateTask(Changes(result_fit="miss"), "old")) == "outcome-invalid"
    done(book, UpdateTask(fit, "old"))
    outcome = book.state.goals["old"].outcome
    assert outcome is not None
    assert outcome.result_fit == "partial_fit"
    assert book.state.goals["old"].attempt.outcome == outcome


def test_inputs_make_no_circle(book: Book) -> None:
    done(book, UpdateTask(Changes(inputs=("b",)), "a"))
    done(book, UpdateTask(Changes(inputs=("old",)), "b"))
    assert refused(book, UpdateTask(Changes(inputs=("a",)), "old")) == "input-cycle"
    assert refused(book, UpdateTask(Changes(inputs=("a",)), "a")) == "input-cycle"
    assert refused(book, UpdateTask(Changes(inputs=("nowhere",)), "a")) == "input-unknown"
    assert refused(book, FinishTask("success", "b", changes=Changes(inputs=("a",)))) == "input-cycle"


def test_numbers_by_hand_stand_beside_what_is_captured(book: Book) -> None:
    told = ManualNumbers(input=10, cache_write=4, output=6, reasoning=1, model="m")
    done(book, UpdateTask(Changes(), "a", told))
    vector = TokenVector(input=10, cache_write_unknown=4, output=6, reasoning=1)
    unreported = ("cache_read", "cache_write_5m", "cache_write_1h")
    assert book.state.goals["a"].manual == ManualUsage(vector, unreported, "m")
    book.mark("b", "plan", born(used("s", 7)))
    done(book, UpdateTask(Changes(), "b", ManualNumbers(input=1)))
    found = accounts(book.state).goals["b"]
    assert found.captured == found.measure
    assert [share.counts for share in found.manual] == [False]
    answer = done(book, FinishTask("success", "a", manual=ManualNumbers(output=2)))
    assert [type(event.body) for event in answer.events] == [UsageManual, GoalFinished]
    assert book.state.goals["a"].manual == ManualUsage(
        TokenVector(output=2), ("input", "cache_read", *unreported[1:], "cache_write_unknown", "reasoning")
    )
    done(book, FinishTask("success", "a", amend=True, manual=ManualNumbers(output=3)))
    manual = book.state.goals["a"].manual
    assert manual is not None
    assert manual.tokens == TokenVector(output=3)


@pytest.mark.parametrize(
    ("keep", "drop", "code"),
    [
        ("a", "a", "merge-with-itself"),
        ("a", "nowhere", "goal-unknown"),
        ("nowhere", "a", "goal-unknown"),
        ("a", "c", "merge-other-kind"),
        ("old", "a", "merge-open-into-closed"),
    ],
)
def test_what_can_not_be_merged(book: Book, keep: str, drop: str, code: str) -> None:
    assert refused(book, MergeTasks(keep, drop)) == code


def test_merged_goals_are_named_by_the_one_that_is_kept(book: Book) -> None:
    answer = done(book, MergeTasks("a", "old"), replace(HERE, usage=(used("s", 1),)))
    assert [event.body for event in answer.events] == [GoalsMerged("old")], "no boundary where nothing was open"
    for request in (MergeTasks("b", "old"), MergeTasks("old", "b"), UpdateTask(Changes(title="t"), "old")):
        refusal = decide(book.state, HERE, request)
        assert isinstance(refusal, Refusal)
        assert (refusal.code, "a" in refusal.hint.split()) == ("goal-merged", True)
    done(book, MergeTasks("b", "a"))
    assert book.state.index.dropped == {"a": ("old",), "b": ("a",)}


def test_an_open_goal_hands_its_sessions_over_when_it_is_merged(book: Book) -> None:
    book.go_on("a", used("s", 10))
    book.go_on("b", used("t", 5))
    book.start("outer", used("t", 6))
    here = replace(HERE, usage=(used("t", 8),), session=SessionRef("claude", "t", "flag"))
    answer = done(book, MergeTasks("a", "b"), here)
    snapshot = answer.events[0].body
    assert isinstance(snapshot, UsageSnapshot)
    assert (snapshot.reason, snapshot.sessions) == (SnapshotReason.MERGE, (used("t", 8),))
    book.mark("a", "plan", used("s", 11), used("t", 20))
    found = accounts(book.state)
    assert found.goals["outer"].measure.tokens == TokenVector(input=14), (
        "the goal that was opened last owns the session"
    )
    assert found.goals["a"].measure.tokens == TokenVector(input=1 + 1)
    book.finish("outer", used("t", 21))
    book.finish("a", used("s", 11), used("t", 30))
    assert accounts(book.state).goals["a"].measure.tokens == TokenVector(input=2 + 9)


def test_a_goal_that_takes_an_active_one_in_is_active(book: Book) -> None:
    book.go_on("a", used("s", 1))
    book.go_on("b", used("s", 2))
    book.start("mid", used("s", 3))
    book.go_on("b", used("s", 5))
    done(book, MergeTasks("a", "b"), replace(HERE, usage=(used("s", 9),)))
    book.mark("a", "plan", used("s", 19))
    tokens = {goal: usage.measure.tokens for goal, usage in accounts(book.state).goals.items()}
    assert tokens["mid"] == TokenVector(input=2)
    assert tokens["a"] == TokenVector(input=1 + 1 + 4 + 10)


def test_budgets_are_set_changed_and_taken_away(book: Book) -> None:
    assert refused(book, SetBudget("a")) == "bad-budget"
    assert refused(book, SetBudget("a", tokens=1, clear=True)) == "bad-budget"
    assert refused(book, SetBudget("old", tokens=1)) == "closed_repair-mark"
    done(book, SetBudget("a", tokens=5))
    done(book, SetBudget("a", "plan", tokens=2))
    answer = done(book, SetBudget("a", nano_usd=7))
    assert [event.body for event in answer.events] == [BudgetSet(5, 7)]
    done(book, SetBudget("a", "plan", clear=True))
    assert book.state.budgets["a"][-2:] == (Budget(5, 7), Budget(None, None, "plan"))


def added(goal: str, **more: Any) -> AddCheck:  # noqa: ANN401 - any field
    """A check that is over."""
    start = StartTask(goal, "Check of paper", "check", clock(0), source_id="paper")
    return AddCheck(start, replace(FinishTask("success", finished_at=clock(1)), **more))


def test_a_check_is_added_in_one_batch(book: Book) -> None:
    answer = done(book, added("new", manual=ManualNumbers(input=3), changes=Changes(claims_extracted=4)))
    assert [type(event.body) for event in answer.events] == [GoalStarted, UsageManual, GoalUpdated, GoalFinished]
    goal = book.state.goals["new"]
    assert (goal.pass_number, goal.claims, str(goal.status)) == (1, Claims(4, None), "success")
    assert accounts(book.state).goals["new"].measure.tokens == TokenVector(input=3)
    answer = done(book, added("next"), replace(HERE, usage=(born(used("s", 4)),)))
    assert [type(event.body) for event in answer.events] == [UsageSnapshot, GoalStarted, GoalFinished]
    assert book.state.goals["next"].pass_number == 2
    assert accounts(book.state).goals["next"].measure.tokens == TokenVector(input=4)


def test_a_check_that_can_not_have_been(book: Book) -> None:
    assert refused(book, added("new", finished_at="2026-06-20T09:00:00Z")) == "outcome-invalid"
    assert refused(book, added("new", status="fail")) == "outcome-invalid"
    assert refused(book, added("new", manual=ManualNumbers(model="m"))) == "no-numbers"
    assert refused(book, added("a")) == "goal-exists"


def test_a_pass_has_its_number_alone_unless_it_failed(book: Book) -> None:
    def check(number: int | None, source: str | None = "paper") -> StartTask:
        return StartTask(f"g{len(book.events)}", "t", "check", source_id=source, pass_number=number)

    done(book, check(3))
    third = book.state.goals[list(book.state.goals)[-1]].id
    assert refused(book, check(3)) == "pass-exists"
    done(book, FinishTask("success", third))
    assert refused(book, check(3)) == "pass-exists"
    done(book, check(None))
    fourth = book.state.goals[list(book.state.goals)[-1]]
    assert fourth.pass_number == 4
    done(book, FinishTask("fail", fourth.id, "other"))
    done(book, check(4))
    assert refused(book, check(1, None)) == "pass-without-source"


def test_commands_for_checks_leave_other_goals_alone(book: Book) -> None:
    assert refused(book, MarkStage("plan", "a", kind="check")) == "other-kind"
    assert refused(book, FinishTask("success", "a", kind="check")) == "other-kind"
    assert refused(book, FinishTask("success", "c", kind="product")) == "other-kind"
    assert refused(book, MarkStage("plan", "nowhere", kind="check")) == "goal-unknown"
    done(book, MarkStage("plan", "c", kind="check"))
    done(book, FinishTask("success", "c", kind="check", changes=Changes(inputs=("old",))))
    assert book.state.goals["c"].inputs == ("old",)
