"""Chains and syntheses: each goal once, known parts kept, nothing of them in any total."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from msgspec.structs import replace

from tallybook.domain.events import GoalStarted, GoalUpdated, UsageManual
from tallybook.domain.figures import Measure
from tallybook.domain.metrics import accounts, members_of
from tallybook.domain.quality import Quality
from tallybook.domain.relations import Chain, Synthesis, chain_of, reaches, synthesis_of
from tallybook.domain.replay import fold
from tallybook.domain.state import kept_goal
from tallybook.domain.tokens import ZERO, TokenVector, total_of
from worlds import Book, clock, messy_events, used

if TYPE_CHECKING:
    from tallybook.domain.events import Event
    from tallybook.domain.state import LedgerState


@pytest.fixture
def book() -> Book:
    return Book()


def measured(book: Book, goal: str, tokens: int, **more: Any) -> None:  # noqa: ANN401 - any field of the start
    """A closed goal that used so many tokens, in a session of its own."""
    book.snap(goal, used(f"s-{goal}", 0))
    book.write(goal, replace(GoalStarted(goal, "product", clock(0), "tree"), **more))
    book.finish(goal, used(f"s-{goal}", tokens))


def chain(book: Book, goal: str) -> Chain | None:
    state = book.state
    return chain_of(state, state.goals[goal])


def synthesis(book: Book, goal: str) -> Synthesis:
    state = book.state
    found = synthesis_of(state, state.goals[goal])
    assert found is not None
    return found


def bound(tokens: int, quality: Quality = Quality.LOWER_BOUND) -> Measure:
    return Measure(TokenVector(input=tokens), quality)


def test_a_chain_counts_what_the_goal_replaces(book: Book) -> None:
    measured(book, "a", 5)
    measured(book, "b", 7, supersedes="a")
    measured(book, "c", 11, supersedes="b")
    assert chain(book, "a") is None
    quality = accounts(book.state).goals["a"].measure.quality
    assert chain(book, "b") == Chain(("a", "b"), bound(12, quality))
    assert chain(book, "c") == Chain(("a", "b", "c"), bound(23, quality))


def test_known_and_unknown_is_a_lower_bound_and_never_null(book: Book) -> None:
    book.start("a")
    book.finish("a")
    measured(book, "b", 7, supersedes="a", inputs=("a",))
    assert chain(book, "b") == Chain(("a", "b"), bound(7))
    assert synthesis(book, "b").end_to_end == bound(7)


def test_a_shared_input_counts_once(book: Book) -> None:
    measured(book, "shared", 100)
    measured(book, "left", 20, inputs=("shared",))
    measured(book, "right", 30, inputs=("shared",))
    measured(book, "top", 1, inputs=("left", "right"), input_sources=("paper",))
    found = synthesis(book, "top")
    assert [(one.goal, one.direct) for one in found.inputs] == [("left", True), ("right", True), ("shared", False)]
    assert found.sources == ("paper",)
    assert found.own.tokens == TokenVector(input=1)
    assert found.end_to_end.tokens == TokenVector(input=151)
    assert synthesis_of(book.state, book.state.goals["shared"]) is None


def test_a_corrected_input_is_counted_as_it_is_now(book: Book) -> None:
    book.start("in")
    book.finish("in")
    measured(book, "top", 1, inputs=("in",))
    before = synthesis(book, "top")
    book.write("in", UsageManual(TokenVector(output=9)))
    after = synthesis(book, "top")
    assert (before.end_to_end.tokens, after.end_to_end.tokens) == (TokenVector(1), TokenVector(1, output=9))
    book.write("top", GoalUpdated(inputs=("in", "nowhere")))
    assert synthesis(book, "top").end_to_end == after.end_to_end


def test_merged_inputs_are_one(book: Book) -> None:
    measured(book, "a", 5)
    measured(book, "b", 7)
    measured(book, "top", 1, inputs=("a", "b"))
    book.merge("a", "b")
    found = synthesis(book, "top")
    assert [(one.goal, one.measure.tokens) for one in found.inputs] == [("a", TokenVector(12))]
    book.merge("top", "a")
    state = book.state
    assert synthesis_of(state, state.goals["top"]) is None, "what it took in is its own now"
    assert accounts(state).goals["top"].measure.tokens == TokenVector(13)


def test_a_circle_of_inputs_or_successors_ends(book: Book) -> None:
    book.write("a", GoalStarted("a", "product", clock(0), inputs=("b",), supersedes="b"))
    book.write("b", GoalStarted("b", "product", clock(0), inputs=("a",), supersedes="a"))
    assert [one.goal for one in synthesis(book, "a").inputs] == ["b"]
    found = chain(book, "a")
    assert found is not None
    assert found.goals == ("b", "a")
    assert reaches(book.state.goals, ("b",), "a")
    assert not reaches(book.state.goals, ("b",), "c")


@given(messy_events())
def test_sums_are_those_of_their_goals_each_once(events: list[Event]) -> None:
    state = fold(events)
    for goal in state.goals.values():
        assert goal in members_of(state, kept_goal(state.goals, goal.id))
        chain, synthesis = chain_of(state, goal), synthesis_of(state, goal)
        if chain is not None:
            assert_sum(state, chain.goals, chain.measure)
        if synthesis is not None:
            assert_sum(state, (goal.id, *(one.goal for one in synthesis.inputs)), synthesis.end_to_end)


def assert_sum(state: LedgerState, names: tuple[str, ...], measure: Measure) -> None:
    assert len(set(names)) == len(names)
    parts = [accounts(state).goals[name].measure.tokens for name in names]
    assert (measure.tokens or ZERO) == total_of(part for part in parts if part is not None)
