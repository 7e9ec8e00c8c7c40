"""Why a counter differs from the responses: each cause where it holds, and none where nothing is known."""

from __future__ import annotations

import pytest

from tallybook.history.ccusage import Counts
from tallybook.history.own_cells import (
    ANEW,
    COMPACTION,
    CONTINUED,
    CUT,
    EARLIER,
    FORK,
    LATER,
    NOT_ITEMISED,
    RESET,
    TAKEN_BACK,
    WITHIN,
    Circumstances,
    cause_by_model,
    cause_of_total,
)
from tallybook.history.reconcile import EQUAL, UNEXPLAINED

LOW, HIGH, MIXED = Counts(1, 2, 3, 4), Counts(2, 2, 3, 5), Counts(9, 0, 3, 4)


@pytest.mark.parametrize(
    ("scope", "around", "cause"),
    [
        ("thread", Circumstances(), UNEXPLAINED),
        ("thread", Circumstances(later=True), LATER),
        ("thread", Circumstances(recorded=True), COMPACTION),
        ("record", Circumstances(recorded=True), EARLIER),
        ("thread", Circumstances(fell=True, forked=True, bounded=True), UNEXPLAINED),
    ],
)
def test_where_responses_have_more(scope: str, around: Circumstances, cause: str) -> None:
    """The counter is older, or leaves something out."""
    assert cause_of_total(scope, HIGH, LOW, around) == cause
    assert cause_of_total(scope, LOW, LOW, around) == EQUAL


@pytest.mark.parametrize(
    ("around", "cause"),
    [
        (Circumstances(), UNEXPLAINED),
        (Circumstances(fell=True), RESET),
        (Circumstances(forked=True), FORK),
        (Circumstances(forked=True, started=True), UNEXPLAINED),
        (Circumstances(bounded=True), CUT),
        (Circumstances(later=True, recorded=True), UNEXPLAINED),
    ],
)
def test_where_the_total_has_more(around: Circumstances, cause: str) -> None:
    """It began with something else, or tells of what no log itemises; a part of each alike."""
    assert cause_of_total("thread", LOW, HIGH, around) == cause
    assert cause_of_total("record", LOW, MIXED, around) == cause


def test_a_total_that_responses_are_made_of_has_causes_of_its_own() -> None:
    """It tells all that they do, save where it fell or began with another session's."""
    assert cause_of_total("session", HIGH, LOW, Circumstances(later=True)) == ANEW
    assert cause_of_total("session", LOW, HIGH, Circumstances(continued=True)) == CONTINUED
    assert cause_of_total("session", LOW, HIGH, Circumstances(bounded=True, forked=True)) == UNEXPLAINED
    assert cause_of_total("session", LOW, LOW, Circumstances(continued=True)) == EQUAL


def test_a_sum_of_steps_has_causes_of_its_own() -> None:
    """It loses what is taken back, starts at what a fork has copied, and may add the reasoning once more."""
    assert cause_of_total("steps", HIGH, LOW, Circumstances(later=True)) == LATER
    assert cause_of_total("steps", HIGH, LOW, Circumstances()) == TAKEN_BACK
    assert cause_of_total("steps", LOW, HIGH, Circumstances(forked=True)) == FORK
    loud = Counts(1, 2, 3, 7)
    assert cause_of_total("steps", LOW, loud, Circumstances(reasoning=3, bounded=True)) == WITHIN
    assert cause_of_total("steps", LOW, loud, Circumstances(reasoning=2, bounded=True)) == CUT
    assert cause_of_total("thread", LOW, loud, Circumstances(reasoning=3)) == UNEXPLAINED


def test_a_counter_by_model_may_have_more_and_never_less() -> None:
    """Only a log that goes on behind it explains less."""
    assert cause_by_model(LOW, LOW, later=False) == EQUAL
    assert cause_by_model(LOW, HIGH, later=False) == NOT_ITEMISED
    assert cause_by_model(HIGH, LOW, later=True) == LATER
    assert cause_by_model(HIGH, LOW, later=False) == UNEXPLAINED
    assert cause_by_model(LOW, MIXED, later=False) == UNEXPLAINED
