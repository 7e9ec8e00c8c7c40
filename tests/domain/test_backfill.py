"""Usage that is found afterwards: the same numbers as if it had been captured, and nobody else's."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import event, example, given
from hypothesis import strategies as st
from msgspec.structs import replace

from tallybook.domain.backfill import Book as Backfilling
from tallybook.domain.backfill import Candidate, Evidence, Stretch, Window, innermost_first, window_of
from tallybook.domain.events import (
    BackfilledPart,
    BackfilledSession,
    GoalContinued,
    GoalCorrected,
    GoalFinished,
    GoalStarted,
    StageMarked,
    UsageBackfilled,
    UsageManual,
)
from tallybook.domain.goal import Stage, moment
from tallybook.domain.metrics import accounts
from tallybook.domain.quality import Quality
from tallybook.domain.replay import fold
from tallybook.domain.tokens import TokenVector, total_of
from tallybook.domain.usage import SessionKey
from timelines import Command, Timeline, timelines, told, write
from worlds import Book, clock, lost, numbers, of_class, pending, used

if TYPE_CHECKING:
    from random import Random

    from tallybook.domain.goal import Goal
    from tallybook.domain.state import LedgerState
    from tallybook.domain.usage import SessionUsage

shuffles = st.randoms(use_true_random=False)
OUTER_WENT_ON = Timeline(
    ((3, "s0", of_class(0, 1)), (5, "s0", of_class(0, 2)), (8, "s0", of_class(0, 4)), (10, "s0", of_class(0, 8))),
    (
        Command(2, "outer", "s0", GoalStarted("outer", "product", clock(2))),
        Command(4, "inner", "s0", GoalStarted("inner", "product", clock(4))),
        Command(6, "inner", "s0", GoalFinished("success", clock(6))),
        Command(9, "outer", "s0", GoalContinued(clock(9), "other")),
        Command(11, "outer", "s0", GoalFinished("success", clock(11))),
    ),
)
"""The outer goal is the one activated last, though the inner one lay within it."""


def backfill(line: Timeline, book: Book, goals: list[str]) -> None:
    """Backfill goals, the inner one before the outer one."""
    state = book.state
    planned = Backfilling(state.lines)
    for goal in innermost_first(state.goals[name] for name in goals):
        candidate = line.candidate(goal)
        verdict = planned.give(goal, () if candidate is None else (candidate,))
        assert (verdict.reason is None) == bool(verdict.taken)
        if verdict.taken:
            write(book, verdict)


def counter(state: LedgerState) -> TokenVector:
    found = accounts(state)
    goals = (found.goals[goal].captured.tokens for goal in state.goals)
    assert found.counter == total_of([*(tokens for tokens in goals if tokens is not None), found.remainder_tokens])
    return found.counter


@given(timelines(), st.integers(1, 4))
@example(OUTER_WENT_ON, 2)
def test_goals_that_nobody_measured_get_what_they_would_have_had(line: Timeline, count: int) -> None:
    """Those that were started first are not known; none of them is worked on within one that is."""
    unknown = line.goals()[:count]
    book = line.book(unknown)
    backfill(line, book, unknown)
    found, truth = book.state, line.book().state
    assert found.problems == []
    for goal in line.goals():
        event(f"{goal in unknown}: {accounts(found).measures[goal].quality}")
        if accounts(found).measures[goal].tokens is None:
            assert not (accounts(truth).measures[goal].tokens or TokenVector()).total
        else:
            assert told(found, goal) == told(truth, goal)
    counter(found)


@given(timelines(), st.sets(st.integers(0, 5)), st.data())
def test_nobody_loses_a_token_and_none_is_counted_twice(line: Timeline, picked: set[int], data: st.DataObject) -> None:
    unknown = [goal for number, goal in enumerate(line.goals()) if number in picked]
    book = line.book(unknown)
    before = book.state
    backfill(line, book, unknown)
    after = book.state
    for goal in set(line.goals()) - set(unknown):
        assert told(after, goal) == told(before, goal)
    assert counter(after).covers(counter(before))
    used_in_all = total_of(usage.tokens for _, _, usage in line.responses)
    assert used_in_all.covers(counter(after))
    shuffle: Random = data.draw(shuffles)
    mixed = [*book.events]
    shuffle.shuffle(mixed)
    assert numbers(fold(mixed)) == numbers(after)
    assert fold(mixed) == after


@given(timelines())
def test_a_second_backfill_stands_in_the_place_of_the_first(line: Timeline) -> None:
    unknown = line.goals()
    book, once = line.book(unknown), line.book(unknown)
    backfill(line, once, unknown)
    backfill(line, book, unknown)
    state = book.state
    planned = Backfilling(state.lines)
    given_before = [goal for goal in state.goals.values() if goal.backfill is not None]
    for goal in given_before:
        planned.take_back(goal)
        book.write(goal.id, UsageBackfilled(clock(0), clock(0), (), "test/1"))
    bare = book.state
    assert counter(bare) == TokenVector()
    assert all(goal.backfill is None for goal in bare.goals.values())
    for goal in innermost_first(given_before):
        candidate = line.candidate(goal)
        assert candidate is not None
        write(book, planned.give(goal, (candidate,)))
    for name in line.goals():
        assert told(book.state, name) == told(once.state, name)


@given(timelines())
def test_backfilled_again_gives_nothing_new(line: Timeline) -> None:
    unknown = line.goals()
    book = line.book(unknown)
    backfill(line, book, unknown)
    state = book.state
    planned = Backfilling(state.lines)
    for goal in state.goals.values():
        candidate = line.candidate(goal)
        verdict = planned.give(goal, () if candidate is None else (candidate,))
        assert verdict.reason in {"nothing", "counted", "owned"}
        assert verdict.taken == ()


def test_of_goals_within_each_other_the_inner_one_is_first() -> None:
    """Whichever was continued; of two that began at one moment the shorter one; those without a time are the last."""
    book = Book()
    outer, later = goal_at(1, 9, book, "outer"), goal_at(3, 9, book, "later")
    short = goal_at(1, 4, book, "short")
    book.write("open", GoalStarted("title", "product", clock(1)))
    lost_time = replace(outer, id="lost", started_at="some day")
    goals = [outer, lost_time, book.state.goals["open"], short, later]
    assert [goal.id for goal in innermost_first(goals)] == ["later", "open", "short", "outer", "lost"]
    assert innermost_first(reversed(goals)) == innermost_first(goals)


def goal_at(start: int, end: int, book: Book | None = None, name: str = "g") -> Goal:
    """A closed goal that nobody measured."""
    book = Book() if book is None else book
    book.write(name, GoalStarted("title", "product", clock(start)))
    book.write(name, GoalFinished("success", clock(end)))
    return book.state.goals[name]


def found(*counters: SessionUsage, evidence: Evidence = Evidence.WORKTREE) -> Candidate:
    """A session with its counter at the begin and at the end of a goal."""
    before, *ends = counters
    parts = tuple(BackfilledPart(1, 0, end) for end in ends)
    return Candidate(before.key, evidence, (BackfilledSession("worktree", before, parts),))


def reason(state: LedgerState, goal: Goal, *candidates: Candidate) -> str | None:
    return Backfilling(state.lines).give(goal, candidates).reason


def test_the_window_is_cut_at_attempts_and_stages() -> None:
    """Marks at one moment, before the start or after the end leave no empty parts."""
    book = Book()
    book.write("g", GoalStarted("title", "product", clock(10)))
    for at in (5, 20, 20):
        book.write("g", StageMarked("stage", clock(at)))
    book.write("g", GoalContinued(clock(30), "other"))
    book.write("g", StageMarked("late", clock(90)))
    book.write("g", GoalFinished("success", clock(40)))
    window = window_of(book.state.goals["g"])
    assert window is not None
    begin = window.since - 10_000_000
    assert window.until == begin + 40_000_000
    ends = [(part.attempt, part.stage, (part.until - begin) // 1_000_000) for part in window.stretches]
    assert ends == [(1, 1, 20), (1, 3, 30), (2, 0, 40)]


def test_a_later_end_belongs_to_the_last_part() -> None:
    """An end that was corrected is not the end of the attempt in older ledgers only."""
    goal = goal_at(10, 20)
    open_ended = replace(goal, attempts=(replace(goal.attempt, outcome=None),))
    start = moment(clock(10))
    assert start is not None
    since = round(start.timestamp() * 1_000_000)
    assert window_of(open_ended) == Window(since, since + 10_000_000, (Stretch(1, 0, since + 10_000_000),))


def test_no_window() -> None:
    goal = goal_at(10, 20)
    assert window_of(replace(goal, outcome=None)) is None
    assert window_of(replace(goal, started_at="some day")) is None
    assert window_of(replace(goal, started_at=clock(20))) is None
    unreadable = replace(goal.attempt, outcome=None, stages=(Stage("s", "some day"),))
    assert window_of(replace(goal, attempts=(unreadable,))) is not None


def test_two_with_the_same_evidence_are_a_doubt() -> None:
    goal, state = goal_at(1, 9), Book().state
    one, other = found(used("s1", 1), used("s1", 4)), found(used("s2"), used("s2", 5))
    verdict = Backfilling(state.lines).give(goal, (other, one))
    assert (verdict.reason, verdict.taken) == ("ambiguous", ())
    assert [each.candidate for each in verdict.weighed] == [one, other]
    assert [each.candidate.tokens.total for each in verdict.weighed] == [3, 5]


def test_better_evidence_wins() -> None:
    goal, state = goal_at(1, 9), Book().state
    weak = found(used("s1", 1), used("s1", 4), evidence=Evidence.TIME)
    strong = found(used("s2"), used("s2", 5), evidence=Evidence.REPOSITORY)
    verdict = Backfilling(state.lines).give(goal, (weak, strong))
    assert [each.candidate for each in verdict.taken] == [strong]
    assert verdict.sessions == strong.sessions
    assert [each.evidence.is_proof for each in (weak, strong, found(used("s"), used("s", 1)))] == [False, False, True]


def test_all_sessions_of_its_own_are_taken_together() -> None:
    goal, state = goal_at(1, 9), Book().state
    both = [found(used(name), used(name, 5), evidence=Evidence.SESSION) for name in ("s1", "s2")]
    assert len(Backfilling(state.lines).give(goal, both).taken) == 2


def test_nothing_is_taken_back_from_a_goal_that_got_nothing() -> None:
    goal, state = goal_at(1, 9), Book().state
    planned = Backfilling(state.lines)
    planned.take_back(goal)
    assert planned.give(goal, (found(used("s"), used("s", 5)),)).reason is None


def test_nothing_was_used() -> None:
    assert reason(Book().state, goal_at(1, 9)) == "nothing"


def test_what_another_goal_owns_is_not_taken() -> None:
    """One that is another goal's as a whole makes no doubt either."""
    book = Book()
    book.start("other", used("s", 1))
    book.finish("other", used("s", 7))
    goal = goal_at(1, 9, book)
    taken = found(used("s", 2), used("s", 7))
    assert reason(book.state, goal, taken) == "owned"
    free = found(used("s2"), used("s2", 5))
    verdict = Backfilling(book.state.lines).give(goal, (taken, free))
    assert [each.candidate for each in verdict.taken] == [free]
    assert verdict.weighed[0].owners == ("other",)


def test_a_part_is_taken_around_another_goal() -> None:
    book = Book()
    book.start("other", used("s", 3))
    book.finish("other", used("s", 7))
    goal = goal_at(1, 9, book)
    verdict = Backfilling(book.state.lines).give(goal, (found(used("s", 1), used("s", 12)),))
    (weighed,) = verdict.taken
    assert (weighed.owners, weighed.gain) == (("other",), TokenVector(input=7))
    write(book, verdict)
    state = book.state
    assert accounts(state).measures["g"].tokens == TokenVector(input=7)
    assert accounts(state).measures["other"].tokens == TokenVector(input=4)
    assert accounts(state).remainder_tokens == TokenVector(input=1)


def test_what_it_has_already_is_no_candidate() -> None:
    book = Book()
    book.start("g", used("s", 3))
    book.finish("g", used("s", 7))
    goal = book.state.goals["g"]
    counted = found(used("s", 3), used("s", 7), evidence=Evidence.SESSION)
    assert reason(book.state, goal, counted) == "counted"
    missed = found(used("s2"), used("s2", 5))
    assert reason(book.state, goal, counted, missed) is None


def test_a_boundary_that_waits_is_waited_for() -> None:
    book = Book()
    book.start("other", pending(used("s", 3)))
    goal = goal_at(1, 9, book)
    assert reason(book.state, goal, found(used("s", 3), used("s", 7))) == "pending"
    assert reason(book.state, goal, found(used("s", 1), used("s", 2))) is None


def test_an_obstacle_stands_in_the_way_of_its_candidate_alone() -> None:
    book = Book()
    book.start("other", used("s", 0, 3))
    goal = goal_at(1, 9, book)
    crossed = found(used("s", 1), used("s", 7))
    assert reason(book.state, goal, crossed) == "crossed"
    better = found(used("s2"), used("s2", 5), evidence=Evidence.SESSION)
    assert reason(book.state, goal, crossed, better) is None
    assert reason(book.state, goal, crossed, found(used("s3"), used("s3", 5))) == "ambiguous"


def test_a_log_that_was_not_there_is_measured_afterwards() -> None:
    book = Book()
    book.start("g", lost("s"))
    book.finish("g", lost("s"))
    goal = book.state.goals["g"]
    verdict = Backfilling(book.state.lines).give(goal, (found(used("s", 2), used("s", 9), evidence=Evidence.SESSION),))
    first = write(book, verdict)
    measure = accounts(book.state).measures["g"]
    assert (measure.tokens, measure.quality) == (TokenVector(input=7), Quality.EXACT)
    assert book.state.goals["g"].backfill is not None
    book.write("g", UsageBackfilled(clock(0), clock(0), (), "test/1"))
    state = book.state
    assert accounts(state).measures["g"].quality is Quality.UNMEASURED
    assert all(point.snapshot != first for point in state.lines[SessionKey("claude", "s")].points)


def test_numbers_by_hand_stay_beside() -> None:
    book = Book()
    goal = goal_at(1, 9, book)
    book.write("g", UsageManual(TokenVector(output=99)))
    write(book, Backfilling(book.state.lines).give(goal, (found(used("s"), used("s", 5)),)))
    usage = accounts(book.state).goals["g"]
    assert (usage.measure.tokens, usage.backfilled) == (TokenVector(input=5), ("g",))
    assert [share.counts for share in usage.manual] == [False]


def test_an_open_goal_gets_nothing() -> None:
    book = Book()
    book.write("g", GoalStarted("title", "product", clock(1)))
    session = BackfilledSession("time", used("s"), (BackfilledPart(1, 0, used("s", 5)),))
    book.write("g", UsageBackfilled(clock(1), clock(9), (session,), "test/1"))
    state = book.state
    assert [problem.code for problem in state.problems] == ["backfilled-while-open"]
    assert state.lines == {}


@pytest.mark.parametrize(
    ("there", "ends", "code"),
    [
        ((used("s", 9), used("s", 5)), (used("s", 2), used("s", 7)), "backfill-fell"),
        ((used("s", 9),), (used("s", 7), used("s", 2)), "backfill-fell"),
        ((used("s", 0, 9),), (used("s", 2), used("s", 7)), "backfill-crossed"),
        ((used("s", 9),), (lost("s"), used("s", 7)), "backfill-unmeasured"),
        ((used("s", 1), lost("s"), used("s", 9)), (used("s", 2), used("s", 7)), "backfill-unmeasured"),
        ((used("s", 1), lost("s")), (used("s", 2), used("s", 7)), "backfill-unmeasured"),
    ],
)
def test_what_has_no_certain_place_is_left_out(
    there: tuple[SessionUsage, ...], ends: tuple[SessionUsage, ...], code: str
) -> None:
    """A replay says so, whoever has written the event."""
    book = Book()
    book.start("other", there[0])
    for usage in there[1:]:
        book.mark("other", "stage", usage)
    goal_at(1, 9, book)
    before = book.state
    book.write("g", UsageBackfilled(clock(1), clock(9), found(*ends).sessions, "test/1"))
    state = book.state
    assert [problem.code for problem in state.problems] == [code]
    assert state.lines == before.lines
    assert state.goals == before.goals


def test_silent_boundaries_elsewhere_are_no_obstacle() -> None:
    book = Book()
    for usage in (lost("s"), used("s", 1), used("s", 9), lost("s")):
        book.snap("other", usage)
    goal = goal_at(1, 9, book)
    assert reason(book.state, goal, found(used("s", 2), used("s", 7))) is None


def test_a_correction_comes_after() -> None:
    """What was found stays where the goal's outcome is corrected."""
    book = Book()
    goal = goal_at(1, 9, book)
    write(book, Backfilling(book.state.lines).give(goal, (found(used("s"), used("s", 5)),)))
    book.write("g", GoalCorrected("fail", clock(9), "other"))
    assert accounts(book.state).measures["g"].tokens == TokenVector(input=5)
