"""What `verify` finds in events whose bytes are in order."""

from __future__ import annotations

import pytest
from hypothesis import given

from tallybook.domain.checks import findings
from tallybook.domain.events import Event, GoalFinished, GoalStarted
from tallybook.domain.replay import fold
from worlds import Book, World, clock, lost, messy_events, used, worlds

NOW = "2026-06-20T18:00:00+00:00"


@pytest.fixture
def book() -> Book:
    return Book()


def found(book: Book) -> list[tuple[str, str]]:
    return [(problem.code, problem.message) for problem in findings(book.state)]


def started(book: Book, goal: str, *inputs: str, supersedes: str | None = None) -> None:
    book.write(goal, GoalStarted("a title", "product", NOW, supersedes=supersedes, inputs=inputs))


@given(worlds())
def test_what_the_commands_write_is_in_order(world: World) -> None:
    assert list(findings(world.book.state)) == []


@given(messy_events())
def test_every_problem_of_the_replay_is_a_finding(events: list[Event]) -> None:
    state = fold(events)
    assert list(findings(state))[: len(state.problems)] == state.problems


def test_invariants(book: Book) -> None:
    book.start("a")
    book.write("a", GoalFinished("fail", clock(60)))
    assert found(book) == [("invariant", "a: a failed goal needs a failure reason")]


def test_inputs_that_are_not_here(book: Book) -> None:
    started(book, "a")
    started(book, "b", "a", "nowhere")
    assert found(book) == [("goal-link", "b: its input nowhere is not here")]


def test_inputs_that_go_in_a_circle(book: Book) -> None:
    started(book, "a", "b", "b")
    started(book, "b", "c")
    started(book, "c", "a")
    started(book, "d", "a")
    words = "it is, through its inputs, an input of itself"
    assert found(book) == [("goal-link", f"{goal}: {words}") for goal in "abc"]


def test_inputs_that_share_an_input_are_no_circle(book: Book) -> None:
    started(book, "a")
    started(book, "b", "a")
    started(book, "c", "a", "b")
    assert found(book) == []


def test_a_successor_is_of_the_same_kind_and_its_target_closed(book: Book) -> None:
    book.start("a", kind="check")
    started(book, "b", supersedes="a")
    assert [message for _, message in found(book)] == [
        "b: it is of kind product and supersedes a of kind check",
        "b: it supersedes a, which has no outcome",
    ]


def test_a_sound_successor(book: Book) -> None:
    book.start("a")
    book.finish("a")
    started(book, "b", supersedes="a")
    assert found(book) == []


def test_counters_that_fell(book: Book) -> None:
    book.start("a", used("s", 5, 5))
    book.mark("a", "one", lost("s"))
    book.mark("a", "two", used("s", 5, 4))
    book.mark("a", "three", used("s", 5))
    book.mark("a", "four", used("s", 5, 9))
    assert found(book) == [
        ("counter-fell", "claude s: the counter of m1 fell at snapshot e00005"),
        ("counter-fell", "claude s: the counter of m1 fell at snapshot e00007"),
    ]
