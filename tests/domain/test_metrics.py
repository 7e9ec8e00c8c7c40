"""Reported numbers: null where nothing was measured, and everything handed out exactly once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tallybook.domain.attribution import Tally, counter_of, segments_of, tallies_of
from tallybook.domain.figures import Measure
from tallybook.domain.metrics import accounts
from tallybook.domain.quality import Quality, join
from tallybook.domain.replay import fold
from tallybook.domain.tokens import ZERO, TokenVector, total_of
from tallybook.domain.usage import SessionKey, merge_classes
from worlds import Book, World, attribute, born, child, lost, messy_events, of_class, used, worlds

if TYPE_CHECKING:
    from tallybook.domain.attribution import Segment, SessionLine
    from tallybook.domain.events import Event
    from tallybook.domain.figures import GoalUsage
    from tallybook.domain.state import LedgerState


@pytest.fixture
def book() -> Book:
    return Book()


def usage(book: Book, goal: str = "a") -> GoalUsage:
    return accounts(book.state).goals[goal]


def measure(tokens: int, quality: Quality = Quality.EXACT) -> Measure:
    return Measure(TokenVector(input=tokens), quality)


NOTHING = Measure(None, Quality.UNMEASURED)


def high_water(line: SessionLine) -> TokenVector:
    sums = [
        total_of(use.tokens for use in point.classes).parts() for point in line.points if point.quality != "unmeasured"
    ]
    return TokenVector(*(max(parts) for parts in zip(*sums, strict=True)))


def assert_conserved(state: LedgerState) -> None:
    handed_out = accounts(state)
    segments = attribute(state.lines)
    for key, line in state.lines.items():
        own = [segment for segment in segments if segment.session == key]
        assert counter_of(own) == high_water(line)
    assert handed_out.counter == total_of(high_water(line) for line in state.lines.values())
    sums = [each.captured.tokens or ZERO for each in handed_out.goals.values()]
    assert total_of([*sums, handed_out.remainder_tokens]) == handed_out.counter
    assert total_of(share.tokens for share in handed_out.remainder) == handed_out.remainder_tokens
    for goal in handed_out.goals.values():
        assert_adds_up(goal)


def assert_adds_up(goal: GoalUsage) -> None:
    shown, whole = goal.measure.tokens, goal.captured.tokens
    by_hand = total_of(share.usage.tokens for share in goal.manual if share.counts)
    assert (shown or ZERO) == (whole or ZERO) + by_hand
    assert (shown is None) == (goal.measure.quality is Quality.UNMEASURED)
    assert (goal.own is None) == (goal.subtree is None) == (shown is None)
    assert (goal.own or ZERO) + (goal.subtree or ZERO) == (shown or ZERO)
    assert total_of(each.tokens for each in goal.classes) == (whole or ZERO)
    assert total_of(tokens for _, tokens in goal.by_model) == (shown or ZERO)
    assert total_of(share.tokens for share in goal.sessions) == (whole or ZERO)
    assert total_of(each.measure.tokens or ZERO for each in goal.attempts) == (whole or ZERO)
    places = {(each.goal, each.attempt.number) for each in goal.attempts}
    assert len(places) == len(goal.attempts)
    assert total_of(each.measure.tokens or ZERO for each in goal.stages) == (whole or ZERO)
    for attempt in goal.attempts:
        place = (attempt.goal, attempt.attempt.number)
        stages = [each.measure.tokens for each in goal.stages if (each.goal, each.attempt) == place]
        assert total_of(tokens or ZERO for tokens in stages) == (attempt.measure.tokens or ZERO)


@given(st.one_of(messy_events(), worlds().map(lambda world: world.book.events)))
def test_a_session_added_up_is_the_sum_of_its_parts(events: list[Event]) -> None:
    state = fold(events)
    for key, line in state.lines.items():
        parts: dict[tuple[str, int] | None, list[Segment]] = {}
        for segment in segments_of(key, line):
            owner = segment.owner
            parts.setdefault(None if owner is None else (owner.goal, owner.attempt), []).append(segment)
        added_up = {part: Tally(counter_of(own), join(it.quality for it in own)) for part, own in parts.items()}
        assert tallies_of(line) == added_up
    handed_out = accounts(state)
    assert dict(handed_out.measures) == {goal: usage.measure for goal, usage in handed_out.goals.items()}


@given(messy_events())
def test_nothing_is_lost_or_counted_twice_whatever_the_counters_do(events: list[Event]) -> None:
    assert_conserved(fold(events))


@given(worlds())
def test_nothing_is_lost_or_counted_twice_in_a_world(world: World) -> None:
    state = world.book.state
    assert_conserved(state)
    for key, line in state.lines.items():
        own = [segment for segment in attribute(state.lines) if segment.session == key]
        by_class = merge_classes(each for segment in own for each in segment.classes)
        assert by_class == (line.points[-1].classes if line.points else ()), "counters that grow, class by class"


def test_no_session_at_all_is_null(book: Book) -> None:
    book.start("a")
    book.mark("a", "one")
    book.finish("a")
    found = usage(book)
    assert (found.measure, found.own, found.subtree) == (NOTHING, None, None)
    assert [attempt.measure for attempt in found.attempts] == [NOTHING]
    assert [(stage.name, stage.measure) for stage in found.stages] == [("one", NOTHING), (None, NOTHING)]
    assert (found.classes, found.by_model, found.sessions, found.unreported) == ((), (), (), ())


def test_a_session_without_growth_is_zero(book: Book) -> None:
    book.start("a", used("s", 5))
    assert usage(book).measure == measure(0)
    book.mark("a", "one", used("s", 5))
    book.finish("a", used("s", 5))
    found = usage(book)
    assert (found.measure, found.own, found.subtree) == (measure(0), ZERO, ZERO)
    assert [stage.measure for stage in found.stages] == [measure(0), measure(0)]


def test_a_session_whose_log_is_never_found_is_null(book: Book) -> None:
    book.start("a", lost("s"))
    assert usage(book).measure == NOTHING
    book.finish("a", lost("s"))
    assert usage(book).measure == NOTHING


def test_a_log_that_is_lost_on_the_way_is_null_not_zero(book: Book) -> None:
    book.start("a", used("s", 5))
    book.mark("a", "one", used("s", 9))
    book.finish("a", lost("s"))
    found = usage(book)
    assert found.measure == measure(4, Quality.LOWER_BOUND)
    assert [stage.measure for stage in found.stages] == [measure(4), NOTHING]
    book.start("b", used("t", 5))
    book.finish("b", lost("t"))
    assert usage(book, "b").measure == NOTHING


def test_a_child_is_counted_though_its_parents_log_is_lost(book: Book) -> None:
    book.start("a", lost("s"), child("s", "kid", 1))
    book.finish("a", lost("s"), child("s", "kid", 8))
    found = usage(book)
    assert found.measure == measure(7, Quality.LOWER_BOUND)
    assert (found.own, found.subtree) == (ZERO, TokenVector(input=7))


def test_what_came_before_the_first_session_is_not_known(book: Book) -> None:
    book.start("a")
    book.mark("a", "one", used("s", 100))
    book.mark("a", "two", used("s", 130))
    book.go_on("a", used("s", 140))
    book.finish("a", used("s", 190))
    found = usage(book)
    bound = Quality.LOWER_BOUND
    assert found.measure == measure(90, bound)
    assert [attempt.measure for attempt in found.attempts] == [measure(40, bound), measure(50)]
    assert [stage.measure for stage in found.stages] == [NOTHING, measure(30, bound), measure(10, bound), measure(50)]


def test_an_attempt_before_the_first_session_is_null(book: Book) -> None:
    book.start("a")
    book.go_on("a", used("s", 100))
    book.finish("a", used("s", 150))
    found = usage(book)
    assert [attempt.measure for attempt in found.attempts] == [NOTHING, measure(50)]
    assert found.measure == measure(50, Quality.LOWER_BOUND)


def test_a_session_born_after_the_start_leaves_what_came_before_unknown(book: Book) -> None:
    book.start("a")
    book.finish("a", born(used("s", 30)))
    assert usage(book).measure == measure(30, Quality.LOWER_BOUND)


def test_own_subtree_and_sessions(book: Book) -> None:
    book.start("a", used("s", 1))
    book.finish("a", used("s", 3), child("s", "kid", 5))
    found = usage(book)
    assert (found.measure, found.own, found.subtree) == (measure(7), TokenVector(input=2), TokenVector(input=5))
    assert [(share.key.session, share.parent, share.tokens.total) for share in found.sessions] == [
        ("kid", "s", 5),
        ("s", None, 2),
    ]


def test_models_and_classes(book: Book) -> None:
    book.start("a", used("s"))
    book.finish("a", used("s", 3, 4, 5))
    found = usage(book)
    assert found.by_model == (("m1", TokenVector(input=7)), ("m2", TokenVector(input=5)))
    assert found.classes == (of_class(0, 3), of_class(1, 4), of_class(2, 5))


def test_what_agents_do_not_report(book: Book) -> None:
    book.start("a", used("s"), used("t"))
    book.mark("a", "one", replace(used("s", 1), unreported=("reasoning", "cache_write_1h")))
    book.finish("a", replace(used("t", 1), unreported=("reasoning",)))
    assert usage(book).unreported == ("cache_write_1h", "reasoning")


def test_stages_carry_their_names_and_times(book: Book) -> None:
    book.start("a", used("s", 1))
    book.mark("a", "one", used("s", 3))
    book.go_on("a", used("s", 7))
    book.mark("a", "two", used("s", 15))
    goal = book.state.goals["a"]
    first, second = goal.attempts
    assert first.outcome is not None
    assert [(stage.attempt, stage.name, stage.at, stage.measure.tokens) for stage in usage(book).stages] == [
        (1, "one", first.stages[0].at, TokenVector(input=2)),
        (1, None, first.outcome.finished_at, TokenVector(input=4)),
        (2, "two", second.stages[0].at, TokenVector(input=8)),
        (2, None, None, ZERO),
    ]


def test_merged_goals_are_counted_once(book: Book) -> None:
    book.start("a", used("s", 1))
    book.finish("a", used("s", 3))
    book.start("b", used("s", 3))
    book.finish("b", used("s", 7))
    book.start("c")
    book.finish("c")
    apart = accounts(book.state)
    book.merge("a", "b")
    book.merge("a", "c")
    found = accounts(book.state)
    assert found.goals["a"].measure == measure(6, Quality.LOWER_BOUND)
    assert [(each.goal, each.measure) for each in found.goals["a"].attempts] == [
        ("a", measure(2)),
        ("b", measure(4)),
        ("c", NOTHING),
    ]
    for dropped in "bc":
        assert found.goals[dropped].measure == NOTHING
        assert found.goals[dropped].attempts == ()
        assert found.goals[dropped].sessions == ()
    assert (found.counter, found.remainder) == (apart.counter, apart.remainder)


def test_a_chain_of_merges_ends_at_the_goal_that_is_kept(book: Book) -> None:
    for goal, start in (("a", 0), ("b", 1), ("c", 3)):
        book.start(goal, used("s", start))
        book.finish(goal, used("s", 2 * start + 1))
    book.merge("b", "c")
    book.merge("a", "b")
    assert usage(book).measure == measure(7)


def test_the_remainder_is_shown_by_session(book: Book) -> None:
    book.start("a", used("s", 10), child("s", "kid", 4))
    book.finish("a", used("s", 30), used("t", 7))
    book.start("b", used("s", 31))
    found = accounts(book.state)
    assert [(share.key, share.parent, share.tokens.total) for share in found.remainder] == [
        (SessionKey("claude", "kid"), "s", 4),
        (SessionKey("claude", "s"), None, 11),
        (SessionKey("claude", "t"), None, 7),
    ]
    assert found.remainder_tokens == TokenVector(input=22)
    assert found.counter == TokenVector(input=42)


def test_an_empty_ledger() -> None:
    found = accounts(fold([]))
    assert (found.goals, found.remainder, found.remainder_tokens, found.counter) == ({}, (), ZERO, ZERO)
