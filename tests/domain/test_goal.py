"""What a goal is, and each invariant of its own."""

from __future__ import annotations

from datetime import timedelta

import pytest
from msgspec.structs import replace

from tallybook.domain.goal import (
    LONGEST_TEXT,
    Attempt,
    Goal,
    Outcome,
    Status,
    goal_faults,
    moment,
    outcome_faults,
    text_fault,
)

START = "2026-06-20T12:00:00+02:00"
LATER = "2026-06-20T13:00:00+02:00"
OPEN = Goal("g1", "a title", "product", START, (Attempt(1, START),), "w-a", ("0", "w-a", 1))


def closed(goal: Goal, outcome: Outcome) -> Goal:
    return replace(goal, outcome=outcome, attempts=(replace(goal.attempt, outcome=outcome),))


@pytest.mark.parametrize(
    "text", ["", " ", "\t", "a\nb", "a\tb", "a\x00b", "\x1b[31m", "a\x7f", "a\x9b", "a\u2028b", "a\u2029", "a\ud800b"]
)
def test_text_that_is_refused(text: str) -> None:
    assert text_fault(text)


@pytest.mark.parametrize("text", ["a", " a ", "größer 漢字 🙂", "x" * LONGEST_TEXT])
def test_text_that_is_allowed(text: str) -> None:
    assert text_fault(text) is None


def test_a_text_can_have_2000_characters_and_no_more() -> None:
    assert "2001" in (text_fault("x" * 2001) or "")


def test_a_control_character_is_named() -> None:
    assert "U+001B" in (text_fault("a\x1b") or "")


@pytest.mark.parametrize(
    "text", ["", "now", "2026-06-20", "2026-06-20T12:00:00", "2026-02-30T12:00:00Z", "nan", "12:00Z"]
)
def test_what_names_no_moment(text: str) -> None:
    assert moment(text) is None


def test_a_moment_has_a_zone() -> None:
    first, second = moment("2026-06-20T12:00:00+02:00"), moment("2026-06-20T10:00:00Z")
    assert first == second
    assert first is not None
    assert first.utcoffset() == timedelta(hours=2)


@pytest.mark.parametrize(
    "outcome",
    [
        Outcome("success", LATER),
        Outcome("success", START),
        Outcome("success", "2026-06-20T10:00:00Z"),
        Outcome("success", LATER, None, "exact_fit"),
        Outcome("success", LATER, None, "partial_fit"),
        Outcome("fail", LATER, "other"),
        Outcome("fail", LATER, "unclear_task", "miss"),
    ],
)
def test_outcomes_that_are_allowed(outcome: Outcome) -> None:
    assert list(outcome_faults(OPEN, outcome)) == []
    assert list(goal_faults(closed(OPEN, outcome))) == []


@pytest.mark.parametrize(
    ("outcome", "words"),
    [
        (Outcome("done", LATER), "status 'done'"),
        (Outcome("fail", LATER), "needs a failure reason"),
        (Outcome("success", LATER, "other"), "has no failure reason"),
        (Outcome("fail", LATER, "bad luck"), "'bad luck'"),
        (Outcome("success", LATER, None, "good"), "'good'"),
        (Outcome("success", LATER, None, "miss"), "can't be a miss"),
        (Outcome("fail", LATER, "other", "exact_fit"), "is a miss or has no result fit"),
        (Outcome("fail", LATER, "other", "partial_fit"), "is a miss or has no result fit"),
        (Outcome("success", "2026-06-20T11:59:59+02:00"), "lies before the start"),
        (Outcome("success", "2026-06-20T12:30:00+03:00"), "lies before the start"),
        (Outcome("success", "2026-06-20T13:00:00"), "with a zone"),
        (Outcome("success", "soon"), "with a zone"),
    ],
)
def test_outcomes_that_break_an_invariant(outcome: Outcome, words: str) -> None:
    faults = list(outcome_faults(OPEN, outcome))
    assert len(faults) == 1
    assert words in faults[0]
    assert list(goal_faults(closed(OPEN, outcome))) == faults


@pytest.mark.parametrize("kind", ["retro", "meta", "check"])
def test_only_product_goals_have_a_fit(kind: str) -> None:
    goal = replace(OPEN, kind=kind)
    assert any("only product goals" in fault for fault in outcome_faults(goal, Outcome("success", LATER, None, "miss")))
    assert list(outcome_faults(goal, Outcome("success", LATER))) == []


def test_an_attempt_does_not_end_before_it_began() -> None:
    second = replace(OPEN, attempts=(*OPEN.attempts, Attempt(2, LATER)))
    between = Outcome("success", "2026-06-20T12:30:00+02:00")
    assert "start of its attempt" in next(outcome_faults(second, between))


def test_an_unreadable_start_is_one_fault() -> None:
    goal = replace(OPEN, started_at="then", attempts=(Attempt(1, "then"),))
    assert list(outcome_faults(goal, Outcome("success", LATER))) == []
    assert "start time" in next(goal_faults(goal))


@pytest.mark.parametrize(
    ("goal", "words"),
    [
        (replace(OPEN, title=" "), "title is empty"),
        (replace(OPEN, notes="a\nb"), "U+000A"),
        (replace(OPEN, kind="chore"), "'chore'"),
    ],
)
def test_fields_that_break_an_invariant(goal: Goal, words: str) -> None:
    faults = list(goal_faults(goal))
    assert len(faults) == 1
    assert words in faults[0]


def test_an_open_goal_with_notes_breaks_nothing() -> None:
    assert list(goal_faults(replace(OPEN, notes="fine"))) == []


def test_status() -> None:
    success, fail = closed(OPEN, Outcome("success", LATER)), closed(OPEN, Outcome("fail", LATER, "other"))
    assert (OPEN.status, success.status, fail.status) == (Status.OPEN, Status.SUCCESS, Status.FAIL)
    assert replace(success, superseded_by="g2").status is Status.SUPERSEDED
    assert replace(success, superseded_by="g2", merged_into="g3").status is Status.MERGED
    assert replace(OPEN, superseded_by="g2").status is Status.OPEN
    assert replace(OPEN, merged_into="g3").status is Status.MERGED
    assert closed(OPEN, Outcome("from a later version", LATER)).status is Status.FAIL


def test_a_goal_is_open_until_it_is_closed_or_merged() -> None:
    assert OPEN.is_open
    assert not closed(OPEN, Outcome("success", LATER)).is_open
    assert not replace(OPEN, merged_into="g3").is_open


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
def test_moments_at_the_end_of_time_can_be_compared(text: str) -> None:
    goal = replace(OPEN, started_at="0001-01-01T00:00:00-14:00")
    assert len(list(outcome_faults(goal, Outcome("success", text)))) <= 1
