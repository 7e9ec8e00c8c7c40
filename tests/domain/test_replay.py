"""The fold: one state per set of events, problems instead of exceptions, nothing changed behind one's back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tallybook.domain.events import (
    KNOWN_BODIES,
    BackfilledPart,
    BackfilledSession,
    Body,
    BudgetSet,
    Event,
    GoalContinued,
    GoalCorrected,
    GoalFinished,
    GoalLinked,
    GoalsMerged,
    GoalStarted,
    GoalUpdated,
    SessionRef,
    StageMarked,
    UnknownBody,
    UsageBackfilled,
    UsageManual,
    UsageSnapshot,
)
from tallybook.domain.goal import Budget, Goal, Link, Outcome, Stage, Status, finish_order, goal_faults
from tallybook.domain.metrics import accounts
from tallybook.domain.replay import apply, fold, order
from tallybook.domain.state import LedgerState, kept_goal
from tallybook.domain.tokens import TokenVector
from tallybook.domain.usage import SnapshotReason
from worlds import Book, World, clock, messy_events, numbers, pending, used, worlds

if TYPE_CHECKING:
    from random import Random

NOW = "2026-06-20T18:00:00+00:00"
shuffles = st.randoms(use_true_random=False)
STARTED = GoalStarted("other title", "check", NOW)
OF_A_GOAL: list[Body] = [
    GoalContinued(NOW),
    GoalFinished("success", NOW),
    GoalCorrected("success", NOW),
    GoalUpdated("title"),
    GoalsMerged("a"),
    StageMarked("stage", NOW),
    UsageBackfilled(NOW, NOW, (BackfilledSession("time", used("s"), (BackfilledPart(1, 0, used("s", 3)),)),), "r"),
    UsageManual(TokenVector(input=5), ("reasoning",)),
    GoalLinked("commit", "abc"),
]


@pytest.fixture
def book() -> Book:
    return Book()


def codes(book: Book) -> list[str]:
    return [problem.code for problem in book.state.problems]


@given(messy_events(), shuffles)
def test_order_of_arrival_does_not_matter(events: list[Event], shuffle: Random) -> None:
    state = fold(events)
    again = [*events, *shuffle.sample(events, len(events) // 2)]
    shuffle.shuffle(again)
    assert fold(again) == state
    assert list(fold(again).goals) == list(state.goals)
    assert fold(again).problems == state.problems


@given(messy_events(), shuffles, st.data())
def test_events_that_share_an_id_or_a_place_are_ordered_too(
    events: list[Event], shuffle: Random, data: st.DataObject
) -> None:
    places = st.integers(1, 4)
    forged = [
        replace(event, id=f"e{data.draw(places)}", hlc=str(data.draw(places)), seq=data.draw(places), writer="w-a")
        for event in events
    ]
    state = fold(forged)
    shuffle.shuffle(forged)
    assert fold(forged) == state


@given(messy_events(), shuffles)
def test_any_subset_is_replayed(events: list[Event], shuffle: Random) -> None:
    some = shuffle.sample(events, shuffle.randint(0, len(events)))
    state = fold(some)
    assert state.events == len(some)
    accounts(state)
    for goal in state.goals.values():
        assert goal.status in Status
        list(goal_faults(goal))
        assert kept_goal(state.goals, goal.id) in state.goals


@given(messy_events())
def test_applying_one_by_one_is_folding(events: list[Event]) -> None:
    state = LedgerState()
    for number, event in enumerate(events):
        apply(state, event)
        assert state == fold(events[: number + 1])


@given(st.one_of(messy_events(), worlds().map(lambda world: world.book.events)), st.data())
def test_numbers_that_are_remembered_are_those_of_a_fresh_replay(events: list[Event], data: st.DataObject) -> None:
    """Whatever is asked between two events, and whatever happens after."""
    state = LedgerState()
    for event in events:
        apply(state, event)
        asked = data.draw(st.sampled_from(("", "", "all", *state.goals)))
        if asked == "all":
            numbers(state)
        elif asked:
            assert accounts(state).goals[asked].measure == accounts(state).measures[asked]
    assert numbers(state) == numbers(fold(events))


@given(messy_events())
def test_the_index_tells_what_the_events_tell(events: list[Event]) -> None:
    state = fold(events)
    goals, index = state.goals, state.index
    ended: dict[tuple[str, str | None], list[Goal]] = {}
    for goal in goals.values():
        if goal.outcome is not None:
            ended.setdefault((goal.writer, goal.worktree), []).append(goal)
    assert index.finished == {place: max(some, key=finish_order).id for place, some in ended.items()}
    assert {(source, goal) for source, some in index.passes.items() for goal in some} == {
        (goal.source_id, goal.id) for goal in goals.values() if goal.source_id is not None
    }
    assert {(keep, drop) for keep, drops in index.dropped.items() for drop in drops} == {
        (goal.merged_into, goal.id) for goal in goals.values() if goal.merged_into is not None
    }
    joined = {(goal, key) for goal, keys in state.joined.items() for key in keys}
    closed = {goal.id for goal in goals.values() if not goal.is_open}
    assert {(goal, key) for key, some in index.visitors.items() for goal in some} == joined
    assert {(goal, key) for key, some in index.working.items() for goal in some} == {
        (goal, key) for goal, key in joined if goal not in closed
    }
    owned = {
        (point.owner.goal, key) for key, line in state.lines.items() for point in line.points if point.owner is not None
    }
    assert {(goal, key) for goal, keys in index.owned.items() for key in keys} == owned


@given(worlds(), shuffles)
def test_any_prefix_and_any_subset_of_a_world(world: World, shuffle: Random) -> None:
    events = world.book.events
    for end in range(len(events) + 1):
        assert fold(events[:end]).events == end
    accounts(fold(shuffle.sample(events, len(events) // 2)))


@given(messy_events())
def test_open_goals_are_indexed_and_attempts_are_numbered(events: list[Event]) -> None:
    state = fold(events)
    assert state.index.open == {goal.id for goal in state.goals.values() if goal.is_open}
    for goal in state.goals.values():
        assert [attempt.number for attempt in goal.attempts] == list(range(1, len(goal.attempts) + 1))
        assert goal.attempt.outcome == goal.outcome
        assert all(attempt.outcome and attempt.outcome.status == "fail" for attempt in goal.attempts[:-1])
        if goal.superseded_by is not None:
            assert state.goals[goal.superseded_by].supersedes == goal.id != goal.superseded_by


def test_the_same_event_twice_is_one_event(book: Book) -> None:
    book.start("a", used("s", 1))
    assert fold([*book.events, *book.events]) == book.state
    assert book.state.events == 2
    assert [event.id for event in order(reversed([*book.events, *book.events]))] == ["e00001", "e00002"]


def test_every_known_body_has_a_name_and_an_effect(book: Book) -> None:
    book.start("b")
    bodies = [STARTED, *OF_A_GOAL, BudgetSet(1), UsageSnapshot(SnapshotReason.MARK, (used("s", 1),), "r")]
    assert {type(body) for body in bodies} == set(KNOWN_BODIES)
    for body in bodies:
        before = book.state
        book.write("a", body)
        assert book.events[-1].type == body.TYPE
        assert replace(book.state, events=before.events) != before
    assert book.state.unknown_types == {}


def test_unknown_types_are_counted_and_no_problem(book: Book) -> None:
    book.write("a", UnknownBody("goal_dreamt"))
    book.write("b", UnknownBody("goal_dreamt"))
    assert book.events[0].type == "goal_dreamt"
    assert book.state == LedgerState(unknown_types={"goal_dreamt": 2}, events=2)


@pytest.mark.parametrize("body", OF_A_GOAL, ids=lambda body: body.TYPE)
def test_events_of_a_goal_that_is_not_here(book: Book, body: Body) -> None:
    book.write("nowhere", body)
    assert codes(book) == ["goal-unknown"]
    assert "nowhere" in book.state.problems[0].message
    assert "e00001" in book.state.problems[0].message
    assert book.state.goals == {}


def test_of_two_starts_the_first_holds(book: Book) -> None:
    book.start("a")
    book.mark("a", "one")
    book.write("a", STARTED)
    assert codes(book) == ["goal-started-twice"]
    assert book.state.goals["a"].title == "title of a"
    assert len(book.state.goals["a"].attempt.stages) == 1


def test_of_two_outcomes_the_later_holds_as_a_whole(book: Book) -> None:
    book.start("a")
    book.write("a", GoalFinished("fail", NOW, "other", "miss", "first", head="1", dirty="x"))
    book.write("a", GoalFinished("success", NOW, head="2"))
    goal = book.state.goals["a"]
    assert codes(book) == ["goal-finished-twice"]
    assert goal.outcome == Outcome("success", NOW)
    assert (goal.notes, goal.finish_head, goal.finish_dirty) == ("first", "2", None)
    assert goal.attempt.outcome == goal.outcome


@pytest.mark.parametrize("body", [GoalContinued(NOW), StageMarked("stage", NOW)])
@pytest.mark.parametrize("closed_by", ["finish", "merge"])
def test_a_closed_goal_goes_no_further(book: Book, body: Body, closed_by: str) -> None:
    book.start("a")
    book.start("b")
    if closed_by == "finish":
        book.finish("a")
    else:
        book.merge("b", "a")
    before = book.state.goals["a"]
    book.write("a", body)
    assert codes(book) == ["goal-closed"]
    assert book.state.goals["a"] == before


def test_attempts(book: Book) -> None:
    book.start("a")
    book.mark("a", "one")
    book.write("a", GoalContinued(NOW, "model_mistake", "again"))
    goal = book.state.goals["a"]
    first, second = goal.attempts
    assert first.outcome == Outcome("fail", NOW, "model_mistake")
    assert (second.number, second.started_at, second.outcome, second.stages) == (2, NOW, None, ())
    assert goal.notes == "again"
    assert goal.activated == book.events[-1].order
    book.write("a", GoalContinued(NOW))
    assert book.state.goals["a"].notes == "again"


def test_a_key_is_used_once_in_an_attempt(book: Book) -> None:
    book.start("a")
    for key in ("k", "k", "l", None, None):
        book.write("a", StageMarked("stage", clock(0), key=key))
    assert book.state.goals["a"].attempt.stages == tuple(
        Stage("stage", clock(0), key=key) for key in ("k", "l", None, None)
    )
    assert book.state.problems == []


def test_a_correction_replaces_the_outcome_and_is_counted(book: Book) -> None:
    book.start("a")
    book.write("a", GoalCorrected("fail", NOW, "other"))
    assert codes(book) == ["corrected-while-open"]
    assert book.state.goals["a"].corrections == 0
    book.finish("a")
    book.write("a", GoalCorrected("fail", NOW, "other", "miss", "why"))
    goal = book.state.goals["a"]
    assert (goal.outcome, goal.attempt.outcome) == (Outcome("fail", NOW, "other", "miss"),) * 2
    assert (goal.corrections, goal.notes, goal.status) == (1, "why", Status.FAIL)


def test_an_update_changes_what_it_names(book: Book) -> None:
    book.start("a")
    book.write("a", GoalUpdated("new", refs=("X", "X")))
    book.write("a", GoalUpdated(notes="note", model="m1", refs=("Y", "X"), result_fit="exact_fit"))
    goal = book.state.goals["a"]
    assert (goal.title, goal.notes, goal.model, goal.refs, goal.outcome) == ("new", "note", "m1", ("X", "Y"), None)
    book.finish("a")
    book.write("a", GoalUpdated(result_fit="exact_fit"))
    goal = book.state.goals["a"]
    assert goal.outcome is not None
    assert goal.outcome.result_fit == "exact_fit"
    assert goal.attempt.outcome == goal.outcome


@pytest.mark.parametrize("pairs", [("ab", "ba"), ("ba", "ab"), ("ab", "bc", "ca"), ("aa",)])
def test_of_merges_in_a_circle_the_last_is_left_out(book: Book, pairs: tuple[str, ...]) -> None:
    for goal in "abc":
        book.start(goal)
    for pair in pairs:
        book.merge(pair[0], pair[1])
    assert codes(book) == ["merge-cycle"]
    goals = book.state.goals
    assert goals[pairs[-1][1]].merged_into is None
    assert {kept_goal(goals, goal) for pair in pairs for goal in pair} == {pairs[-1][1]}


def test_merges_that_can_not_be(book: Book) -> None:
    for goal in "abc":
        book.start(goal)
    book.merge("a", "nowhere")
    book.merge("a", "b")
    book.merge("c", "b")
    assert codes(book) == ["merge-unknown", "merged-twice"]
    assert kept_goal(book.state.goals, "b") == "a"
    assert kept_goal(book.state.goals, "nowhere") == "nowhere"


def test_supersede(book: Book) -> None:
    book.start("a")
    book.finish("a")
    for goal, target in (("b", "a"), ("c", "a"), ("d", "nowhere"), ("e", "e")):
        book.write(goal, GoalStarted(goal, "product", NOW, supersedes=target))
    assert codes(book) == ["superseded-twice", "supersedes-unknown", "supersedes-itself"]
    goals = book.state.goals
    assert (goals["a"].status, goals["a"].superseded_by, goals["b"].supersedes) == (Status.SUPERSEDED, "b", "a")
    assert goals["e"].superseded_by is None


def test_links_and_budgets(book: Book) -> None:
    book.write("a", BudgetSet(5))
    book.start("a")
    book.write("a", BudgetSet(None, 7, "stage"))
    for target in ("abc", "def", "abc"):
        book.write("a", GoalLinked("commit", target))
    assert book.state.goals["a"].links == (Link("commit", "abc", "declared"), Link("commit", "def", "declared"))
    assert book.state.budgets == {"a": (Budget(5, None), Budget(None, 7, "stage"))}


def test_the_agent_is_that_of_the_session_unless_one_is_named(book: Book) -> None:
    book.start("a", used("s", 1))
    book.start("b")
    assert (book.state.goals["a"].agent, book.state.goals["b"].agent) == ("claude", None)


def test_a_torn_batch_leaves_usage_and_no_goal(book: Book) -> None:
    book.snap("a", pending(used("s", 5)))
    assert (book.state.goals, book.state.problems) == ({}, [])
    assert accounts(book.state).remainder_tokens.total == 5


def test_a_correction_may_make_another_goal_the_last_that_ended(book: Book) -> None:
    book.start("a")
    book.start("b")
    book.write("a", GoalFinished("success", clock(10)))
    book.write("b", GoalFinished("success", clock(20)))
    assert book.state.index.finished == {("w-a", "tree"): "b"}
    book.write("b", GoalCorrected("success", clock(5)))
    assert book.state.index.finished == {("w-a", "tree"): "a"}
    book.write("b", GoalCorrected("success", clock(30)))
    assert book.state.index.finished == {("w-a", "tree"): "b"}
    assert len(accounts(book.state).goals) == 2


@pytest.mark.parametrize("how", ["descendant", "born", "variable", "flag"])
@pytest.mark.parametrize("agent", [None, "other"])
def test_a_session_that_was_found_below_a_command_is_the_goals_from_its_start(
    book: Book, how: str, agent: str | None
) -> None:
    found, first = SessionRef("codex", "s", how), SessionRef("codex", "first", "flag")
    book.write("a", GoalStarted("t", "meta", NOW, agent=agent))
    book.write("a", GoalFinished("success", NOW, session=found))
    book.write("b", GoalStarted("t", "meta", NOW, session=first))
    book.write("b", GoalFinished("success", NOW, session=found))
    goals = fold(book.events).goals
    taken = how in {"descendant", "born"}
    assert goals["a"].session == (found if taken else None)
    assert goals["a"].agent == (agent or ("codex" if taken else None))
    assert goals["b"].session == first
