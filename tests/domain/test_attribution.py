"""Who owns each token, in worlds small enough to be counted by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from tallybook.domain.events import UsageSnapshot
from tallybook.domain.quality import Quality
from tallybook.domain.state import open_goals
from tallybook.domain.usage import SessionKey, SnapshotReason
from worlds import Book, attribute, born, child, lost, of_class, pending, used

if TYPE_CHECKING:
    from tallybook.domain.attribution import Owner
    from tallybook.domain.usage import SessionUsage


@pytest.fixture
def book() -> Book:
    return Book()


def tokens(book: Book) -> dict[str | None, int]:
    """Tokens by goal, before merges; None is the remainder."""
    sums: dict[str | None, int] = {}
    for segment in attribute(book.state.lines):
        owner = None if segment.owner is None else segment.owner.goal
        sums[owner] = sums.get(owner, 0) + segment.tokens.total
    return {owner: number for owner, number in sums.items() if number}


def place(owner: Owner | None) -> str | None:
    """``goal.attempt.stage``, with ``~`` before it where it came through an ancestor."""
    if owner is None:
        return None
    return f"{'' if owner.direct else '~'}{owner.goal}.{owner.attempt}.{owner.stage}"


def parts(book: Book) -> list[tuple[str, str | None, int, str]]:
    """Every segment: session, owner, tokens, quality."""
    return [
        (segment.session.session, place(segment.owner), segment.tokens.total, segment.quality.value)
        for segment in attribute(book.state.lines)
    ]


def test_before_and_after_the_goal_is_remainder(book: Book) -> None:
    book.start("a", used("s", 100))
    book.finish("a", used("s", 130))
    book.start("b", used("s", 150))
    assert tokens(book) == {None: 120, "a": 30}


def test_stages_and_attempts_cut(book: Book) -> None:
    book.start("a", used("s", 10))
    book.mark("a", "one", used("s", 30))
    book.mark("a", "two", used("s", 70))
    book.go_on("a", used("s", 150))
    book.mark("a", "three", used("s", 310))
    book.finish("a", used("s", 630))
    assert parts(book) == [
        ("s", None, 10, "exact"),
        ("s", "a.1.0", 20, "exact"),
        ("s", "a.1.1", 40, "exact"),
        ("s", "a.1.2", 80, "exact"),
        ("s", "a.2.0", 160, "exact"),
        ("s", "a.2.1", 320, "exact"),
    ]


def test_the_inner_of_nested_goals_gets_its_own_and_the_outer_the_rest(book: Book) -> None:
    book.start("outer", used("s", 1))
    book.start("inner", used("s", 3))
    book.finish("inner", used("s", 7))
    book.finish("outer", used("s", 15))
    assert tokens(book) == {None: 1, "outer": 2 + 8, "inner": 4}


def test_to_continue_a_goal_is_to_activate_it(book: Book) -> None:
    book.start("outer", used("s", 1))
    book.start("inner", used("s", 3))
    book.go_on("outer", used("s", 7))
    book.finish("inner", used("s", 15))
    book.finish("outer", used("s", 31))
    assert tokens(book) == {None: 1, "outer": 2 + 8 + 16, "inner": 4}
    assert [goal.id for goal in open_goals(book.state)] == []


def test_a_mark_of_the_outer_goal_activates_nothing(book: Book) -> None:
    book.start("outer", used("s", 1))
    book.start("inner", used("s", 3))
    book.mark("outer", "stage", used("s", 7))
    book.finish("inner", used("s", 15))
    book.finish("outer", used("s", 31))
    assert tokens(book) == {None: 1, "outer": 2 + 16, "inner": 12}


def test_goals_in_two_sessions_do_not_meet(book: Book) -> None:
    book.start("a", used("s", 1))
    book.start("b", used("t", 10))
    book.finish("a", used("s", 3))
    book.finish("b", used("t", 50))
    assert tokens(book) == {None: 11, "a": 2, "b": 40}


def test_a_goal_that_spans_two_sessions(book: Book) -> None:
    book.start("a", used("s", 1))
    book.go_on("a", used("s", 5), used("t", 100))
    book.finish("a", used("s", 5), used("t", 130))
    assert tokens(book) == {None: 101, "a": 34}
    assert book.state.joined["a"] == (SessionKey("claude", "s"), SessionKey("claude", "t"))


def test_a_session_born_after_the_start_is_claimed_with_its_children(book: Book) -> None:
    book.start("a")
    book.mark("a", "one", born(used("t", 40)), child("t", "u", 5))
    book.finish("a", used("t", 50), child("t", "u", 6))
    assert parts(book) == [
        ("t", "a.1.0", 40, "exact"),
        ("t", "a.1.1", 10, "exact"),
        ("u", "~a.1.0", 5, "exact"),
        ("u", "~a.1.1", 1, "exact"),
    ]


def test_a_session_born_before_the_start_is_not_claimed(book: Book) -> None:
    book.start("a")
    book.mark("a", "one", used("t", 40), child("t", "u", 5))
    book.finish("a", used("t", 50), child("t", "u", 6))
    assert tokens(book) == {None: 45, "a": 11}


def test_a_goal_that_began_before_its_session_claims_it_at_once(book: Book) -> None:
    book.start("a", born(used("t", 40)), child("t", "u", 5))
    book.finish("a", used("t", 50), child("t", "u", 6))
    assert parts(book) == [
        ("t", "a.1.0", 40, "exact"),
        ("t", "a.1.0", 10, "exact"),
        ("u", "~a.1.0", 5, "exact"),
        ("u", "~a.1.0", 1, "exact"),
    ]


def test_a_claim_takes_nothing_from_another_goal(book: Book) -> None:
    book.start("a")
    book.start("b", used("t", 8))
    book.finish("b", used("t", 24))
    book.finish("a", born(used("t", 56)))
    assert tokens(book) == {"a": 8 + 32, "b": 16}


def test_a_session_is_claimed_when_it_joins_and_at_no_other_time(book: Book) -> None:
    book.start("a")
    book.mark("a", "one", used("t", 8))
    book.mark("a", "two", born(used("t", 24)))
    assert tokens(book) == {None: 8, "a": 16}


def test_a_closed_goal_claims_nothing(book: Book) -> None:
    book.start("a")
    book.finish("a")
    book.snap("a", born(used("t", 24)))
    book.snap("unknown", born(used("t", 25)))
    assert tokens(book) == {None: 25}


def test_children_and_grandchildren_follow_the_nearest_ancestor(book: Book) -> None:
    book.start("a", used("s", 1), child("s", "kid", 2))
    book.start("b", child("s", "kid", 6), child("kid", "grandkid", 8))
    book.finish("b", child("s", "kid", 22), child("kid", "grandkid", 40))
    book.finish("a", used("s", 65), child("s", "kid", 150), child("kid", "grandkid", 296))
    assert parts(book) == [
        ("grandkid", "~a.1.0", 8, "exact"),
        ("grandkid", "~b.1.0", 32, "exact"),
        ("grandkid", "~a.1.0", 256, "exact"),
        ("kid", None, 2, "exact"),
        ("kid", "~a.1.0", 4, "exact"),
        ("kid", "b.1.0", 16, "exact"),
        ("kid", "~a.1.0", 128, "exact"),
        ("s", None, 1, "exact"),
        ("s", "a.1.0", 64, "exact"),
    ]
    assert book.state.joined == {"a": (SessionKey("claude", "s"),), "b": (SessionKey("claude", "kid"),)}


def test_a_child_of_a_session_without_a_goal_is_remainder(book: Book) -> None:
    book.start("a", used("s", 1))
    book.snap("a", child("stranger", "kid", 5))
    book.snap("a", child("elsewhere", "kid", 9))
    assert tokens(book) == {None: 1 + 5, "a": 4}, "the kid was a root there and joined"


def test_sessions_that_spawn_each_other_come_to_an_end(book: Book) -> None:
    book.start("a", child("t", "s", 1), child("s", "t", 2), child("u", "u", 3))
    book.mark("a", "one", born(used("v", 4)), child("t", "s", 1), child("s", "t", 2))
    assert tokens(book) == {None: 6, "a": 4}


def test_finish_in_another_session_takes_the_last_tokens_of_all(book: Book) -> None:
    book.start("a", used("s", 1))
    book.finish("a", used("t", 100), used("s", 9))
    book.start("b", used("s", 19), used("t", 119))
    assert tokens(book) == {None: 1 + 100 + 10 + 19, "a": 8}


def test_a_goal_closed_elsewhere_gets_nothing_that_came_later(book: Book) -> None:
    book.start("a", used("s", 1))
    book.finish("a")
    book.start("b", used("s", 9))
    book.finish("b", used("s", 25))
    assert tokens(book) == {None: 9, "b": 16}


def test_an_agent_is_part_of_a_sessions_name(book: Book) -> None:
    book.start("a", used("s", 1))
    book.snap("a", replace(used("s", 7), agent="codex", parent="t"), replace(used("t", 3), agent="claude"))
    assert tokens(book) == {None: 1 + 7 + 3}


def settled(*settlements: tuple[int, SessionUsage], first: str = "finish") -> list[tuple[str, str | None, int, str]]:
    book = Book()
    snapshots = [book.start("a", used("s", 10)), book.mark("a", "one", pending(used("s", 20)))]
    if first == "settle":
        for number, usage in settlements:
            book.snap("a", usage, settles=snapshots[number])
    snapshots.append(book.finish("a", used("s", 100)))
    if first == "finish":
        for number, usage in settlements:
            book.snap("a", usage, settles=snapshots[number])
    return parts(book)


def test_a_pending_boundary_is_in_doubt_on_both_sides() -> None:
    assert settled() == [
        ("s", None, 10, "exact"),
        ("s", "a.1.0", 10, "lower_bound"),
        ("s", "a.1.1", 80, "unverified"),
    ]


@pytest.mark.parametrize("first", ["settle", "finish"])
def test_a_settled_boundary_is_exact_whenever_it_is_settled(first: str) -> None:
    assert settled((1, used("s", 35)), first=first) == [
        ("s", None, 10, "exact"),
        ("s", "a.1.0", 25, "exact"),
        ("s", "a.1.1", 65, "exact"),
    ]


def test_a_boundary_that_is_pending_still_stays_in_doubt() -> None:
    still = settled((1, pending(used("s", 35))))
    assert still[1:] == [("s", "a.1.0", 25, "lower_bound"), ("s", "a.1.1", 65, "unverified")]


def test_the_last_settlement_holds() -> None:
    assert [part[2] for part in settled((1, used("s", 35)), (1, used("s", 36)))] == [10, 26, 64]


def test_pending_boundaries_are_known_until_they_are_settled(book: Book) -> None:
    snapshot = book.start("a", pending(used("s", 10)), pending(used("t", 1)))
    key = SessionKey("claude", "s")
    assert snapshot is not None
    assert book.state.pending[snapshot, key].goal == "a"
    assert book.state.pending[snapshot, key].usage == pending(used("s", 10))
    book.snap("a", pending(used("s", 12)), settles=snapshot)
    assert len(book.state.pending) == 2
    book.snap("a", used("s", 12), settles=snapshot)
    assert set(book.state.pending) == {(snapshot, SessionKey("claude", "t"))}


def test_a_settlement_of_what_is_not_here_is_a_problem(book: Book) -> None:
    snapshot = book.start("a", used("s", 10))
    book.snap("a", used("s", 12), settles="e99999")
    book.snap("a", used("stranger", 12), settles=snapshot)
    assert [problem.code for problem in book.state.problems] == ["settles-unknown"] * 2
    assert tokens(book) == {None: 10}


def test_a_settlement_says_anew_what_is_not_reported(book: Book) -> None:
    snapshot = book.start("a", lost("s"))
    book.snap("a", replace(used("s", 12), unreported=("reasoning",)), settles=snapshot)
    (segment,) = attribute(book.state.lines)
    assert segment.unreported == ("reasoning",)


def test_a_counter_that_fell_is_not_counted_again(book: Book) -> None:
    book.start("a", used("s", 10))
    book.mark("a", "one", used("s", 50))
    book.mark("a", "two", used("s", 20))
    book.mark("a", "three", used("s", 45))
    book.finish("a", used("s", 60))
    assert parts(book)[1:] == [
        ("s", "a.1.0", 40, "exact"),
        ("s", "a.1.1", 0, "unverified"),
        ("s", "a.1.2", 0, "unverified"),
        ("s", "a.1.3", 10, "exact"),
    ]


def test_usage_that_moves_to_another_class_is_not_counted_again(book: Book) -> None:
    book.start("a", used("s", 50))
    book.mark("a", "one", used("s", 20, 40))
    book.finish("a", used("s", 0, 40, 25))
    assert parts(book) == [
        ("s", None, 50, "exact"),
        ("s", "a.1.0", 10, "unverified"),
        ("s", "a.1.1", 5, "unverified"),
    ]
    taken = [segment.classes for segment in attribute(book.state.lines)]
    assert taken == [(of_class(0, 50),), (of_class(1, 10),), (of_class(1, 0 + 5),)]


def test_responses_that_fell_are_seen_though_the_tokens_did_not(book: Book) -> None:
    book.start("a", used("s", 10))
    fewer = replace(of_class(0, 10), responses=9)
    book.finish("a", replace(used("s"), classes=(fewer,)))
    assert parts(book)[1] == ("s", "a.1.0", 0, "unverified")


def searches(book: Book) -> list[list[int | None]]:
    """Of each segment, by class."""
    return [[usage.web_searches for usage in segment.classes] for segment in attribute(book.state.lines)]


def told(session: str, *counts: tuple[int, int | None]) -> SessionUsage:
    """A counter: tokens and searches of each class."""
    classes = tuple(replace(of_class(number, tokens), web_searches=web) for number, (tokens, web) in enumerate(counts))
    return replace(used(session), classes=classes)


def test_searches_belong_to_whom_their_tokens_belong(book: Book) -> None:
    """One that is told later than the tokens of its response as well."""
    book.start("a", told("s", (10, 1)))
    book.mark("a", "one", told("s", (30, 4)))
    book.mark("a", "two", told("s", (30, 5)))
    book.finish("a", told("s", (40, 5), (1, 2)))
    assert searches(book) == [[1], [3], [1], [0, 2]]
    assert [part[3] for part in parts(book)] == ["exact"] * 4


def test_searches_that_nobody_counted_are_not_none(book: Book) -> None:
    """What came between a counter without them and one with them is not known either."""
    book.start("a", told("s", (10, None)))
    book.mark("a", "one", told("s", (30, 4)))
    book.mark("a", "two", told("s", (40, 6)))
    book.finish("a", told("s", (50, None)))
    assert searches(book) == [[None], [None], [2], [None]]
    assert [part[3] for part in parts(book)] == ["exact"] * 4


def test_searches_that_fell_are_not_counted_again(book: Book) -> None:
    """As little as tokens are: not when they rise to where they were, and not in another class."""
    book.start("a", told("s", (10, 5)))
    book.mark("a", "one", told("s", (20, 3)))
    book.mark("a", "two", told("s", (30, 6)))
    book.finish("a", told("s", (30, 2), (10, 9)))
    assert searches(book) == [[5], [0], [1], [5]]
    assert [part[3] for part in parts(book)] == ["exact", "unverified", "exact", "unverified"]


def test_where_a_counter_fell_searches_may_be_untold(book: Book) -> None:
    """Then nobody can tell how many came."""
    book.start("a", told("s", (10, None), (10, 1)))
    book.finish("a", told("s", (5, 2), (30, 3)))
    assert searches(book) == [[None, 1], [None]]


def test_a_class_in_which_nothing_was_counted_may_go_again(book: Book) -> None:
    book.start("a", replace(used("s"), classes=(of_class(0, 10), of_class(1, 0))))
    book.finish("a", used("s", 15))
    assert parts(book) == [("s", None, 10, "exact"), ("s", "a.1.0", 5, "exact")]


def test_a_boundary_without_a_log_cuts_nothing(book: Book) -> None:
    book.start("a", used("s", 10))
    book.mark("a", "one", lost("s"))
    book.mark("a", "two", used("s", 50))
    book.finish("a", used("s", 60))
    assert parts(book) == [
        ("s", None, 10, "exact"),
        ("s", "a.1.0", 0, "unmeasured"),
        ("s", "a.1.1", 40, "unverified"),
        ("s", "a.1.2", 10, "exact"),
    ]


def test_a_start_without_a_log_leaves_in_doubt_what_came_before(book: Book) -> None:
    book.start("a", lost("s"))
    book.finish("a", used("s", 100))
    assert parts(book) == [("s", None, 0, "unmeasured"), ("s", "a.1.0", 100, "unverified")]


def test_the_quality_of_a_counter_is_kept(book: Book) -> None:
    book.start("a", used("s", 10))
    book.mark("a", "one", replace(used("s", 20), quality=Quality.ESTIMATED))
    book.mark("a", "two", replace(pending(used("s", 30)), quality=Quality.ESTIMATED))
    assert [part[3] for part in parts(book)] == ["exact", "estimated", "estimated"]


def test_starts_at_one_place_in_the_order_are_told_apart_by_id(book: Book) -> None:
    for goal in "hgfedcba":
        book.start(goal)
    book.events = [replace(event, hlc="1", seq=1) for event in book.events]
    assert [goal.id for goal in open_goals(book.state)] == list("abcdefgh")


def test_an_empty_snapshot_changes_nothing(book: Book) -> None:
    book.start("a", used("s", 10))
    book.write("a", UsageSnapshot(SnapshotReason.MARK, (), "test/1"))
    assert tokens(book) == {None: 10}
