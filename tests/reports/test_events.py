"""Events in a few words."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tallybook.domain.events import BudgetSet, Event, GoalContinued, GoalLinked, GoalsMerged, UnknownBody
from tallybook.reports.events import event_cells, event_json, summary

if TYPE_CHECKING:
    from tallybook.domain.events import Body

GOAL = "g261122-k3f9x2ab"
AT = "2026-11-22T02:25:14.123456Z"


def event(body: Body) -> Event:
    return Event("0193e000-0000-7000-8000-000000000000", "w-4f2a9c1e", 1, AT, "1795314314123-0000", GOAL, body)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (GoalsMerged("g261122-00000000"), "took in g261122-00000000"),
        (GoalLinked("pr", "#12"), "pr #12"),
        (GoalContinued(AT), "next attempt; the one before: reason not given"),
        (BudgetSet(1000, None), "1,000 tokens"),
        (BudgetSet(None, 5), "0.000000005 USD"),
        (UnknownBody("goal_praised"), ""),
    ],
)
def test_in_a_few_words(body: Body, words: str) -> None:
    assert summary(event(body)) == words
    assert event_cells(event(body)) == (AT, GOAL, event(body).type, words)
    assert event_json(event(body))["summary"] == words
