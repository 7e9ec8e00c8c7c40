"""Allowances in every shape that Codex has written, told where they change and by their own thread alone."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from loggen.codex import START, Rollout, uuid4, uuid7
from loggen.harness import ingest
from tallybook.agents.codex.reader import CodexReader

if TYPE_CHECKING:
    from tallybook.agents.port import LimitSample

READER = CodexReader()
NOW = int(START.timestamp())
WINDOW = {"used_percent": 12.5, "window_minutes": 300}


def limits_of(log: Rollout) -> list[LimitSample]:
    """The samples of one file."""
    (batch,) = ingest(READER, log.key, [log.data()])
    assert batch.bad_lines == 0
    return list(batch.limits)


SHAPES = [
    ({"primary": {**WINDOW, "resets_at": NOW}}, [("codex", 300, 1250, NOW * 10**6, None, None)]),
    (
        {"limit_id": "codex_other", "secondary": {"used_percent": 7, "window_minutes": 10080, "resets_at": NOW}},
        [("codex_other", 10080, 700, NOW * 10**6, None, None)],
    ),
    ({"primary": {**WINDOW, "resets_in_seconds": 60}}, [("codex", 300, 1250, (NOW + 60) * 10**6, None, None)]),
    (
        {"primary": {**WINDOW, "resets_at": "2026-09-01T08:00:00Z"}, "plan_type": "pro"},
        [("codex", 300, 1250, NOW * 10**6, "pro", None)],
    ),
    (
        {"primary_used_percent": 3.0, "weekly_used_percent": 4.25, "primary_to_weekly_ratio_percent": 9.0,
         "primary_window_minutes": 299, "weekly_window_minutes": 10079},
        [("codex", 299, 300, None, None, None), ("codex", 10079, 425, None, None, None)],
    ),
    ({"weekly_used_percent": 4.0}, [("codex", 10080, 400, None, None, None)]),
    (
        {"primary": WINDOW, "credits": {"has_credits": True, "unlimited": False, "balance": "12.5"}},
        [("codex", 300, 1250, None, None, "12.5")],
    ),
    ({"credits": {"has_credits": True, "unlimited": True}}, [("codex", None, None, None, None, "unlimited")]),
    (
        {"individual_limit": {"limit": "100", "used": "25", "remaining_percent": 75, "resets_at": NOW}},
        [("codex:individual", None, 2500, NOW * 10**6, None, None)],
    ),
    (
        {"primary": {"used_percent": "much", "window_minutes": -1, "resets_at": []}},
        [("codex", None, None, None, None, None)],
    ),
    ({"primary": None, "secondary": [1], "credits": "x", "plan_type": 3}, []),
    ({"limit_id": "sk-live-1", "primary": WINDOW}, [("other", 300, 1250, None, None, None)]),
    (None, []),
    ("nothing", []),
]  # fmt: skip


@pytest.mark.parametrize(("told", "expected"), SHAPES)
def test_every_shape_is_understood(told: object, expected: list[tuple[object, ...]]) -> None:
    """Windows by their minutes, use in hundredths of a percent, moments in microseconds."""
    log = Rollout(uuid7(1))
    log.moment = START - timedelta(milliseconds=700)
    log.meta()
    log.event("token_count", info=None, rate_limits=told)
    found = [(one.limit, one.window, one.used, one.resets_at, one.plan, one.credits) for one in limits_of(log)]
    assert found == expected


def say(log: Rollout, used: float, minutes: float) -> None:
    """A sample, so many minutes after the start."""
    log.moment = START + timedelta(minutes=minutes)
    reset = {"resets_in_seconds": int(3600 - minutes * 60)}
    log.event("token_count", info=None, rate_limits={"primary": {**WINDOW, **reset, "used_percent": used}})


def test_only_changes_are_told_and_the_last_of_five_minutes() -> None:
    """A moment that is told as seconds from now moves a little, which is no change."""
    log = Rollout(uuid7(1))
    log.meta()
    for used, minutes in [(1, 0.1), (2, 1), (3, 2), (3, 11), (3, 21), (4, 31), (5, 32)]:
        say(log, used, minutes)
    assert [(one.used, (one.at // 10**6 - NOW) // 60) for one in limits_of(log)] == [(300, 2), (500, 32)]


def test_nothing_is_told_of_what_a_fork_has_copied() -> None:
    """Until a line is proved to be its own: by its turn's id, or else by its moment."""
    parent = Rollout(uuid7(1))
    parent.meta()
    parent.event("task_started", turn_id=uuid7(2, START + timedelta(minutes=1)))
    say(parent, 10, 2)
    later = START + timedelta(hours=1)
    fork = Rollout(uuid7(3, later), later)
    fork.meta(forked_from_id=parent.thread)
    fork.copy(parent.lines)
    assert limits_of(fork) == []
    fork.event("task_started", turn_id=uuid7(4, later + timedelta(minutes=1)))
    fork.event("token_count", info=None, rate_limits={"primary": WINDOW})
    assert [(one.session, one.used) for one in limits_of(fork)] == [(fork.thread, 1250)]


def test_without_ids_the_moment_of_the_fork_ends_the_copy() -> None:
    """Lines of more than a second after the head are taken for its own."""
    parent = Rollout(uuid4(1))
    parent.meta()
    parent.event("token_count", info=None, rate_limits={"primary": WINDOW})
    later = START + timedelta(hours=1)
    fork = Rollout(uuid4(2), later)
    fork.meta()
    fork.copy(parent.lines)
    assert limits_of(fork) == []
    fork.moment = later + timedelta(minutes=1)
    fork.event("token_count", info=None, rate_limits={"primary": {**WINDOW, "used_percent": 50}})
    assert [one.used for one in limits_of(fork)] == [5000]


def test_what_was_told_last_is_known_at_the_next_visit() -> None:
    """So that a growing file tells no change twice."""
    log = Rollout(uuid7(1))
    log.meta()
    say(log, 1, 1)
    first = len(log.data())
    say(log, 1, 10)
    say(log, 2, 20)
    data = log.data()
    batches = ingest(READER, log.key, [data[:first], data[first:]])
    assert [[one.used for one in batch.limits] for batch in batches] == [[100], [200]]


def test_a_visit_within_five_minutes_tells_the_last_word_up_to_there() -> None:
    """Each visit tells what holds by then, and says it once; what has come back to where it was is taken back."""
    log = Rollout(uuid7(1))
    log.meta()
    ends = []
    for used, minutes in [(1, 0.5), (1, 5.5), (2, 6), (2, 7), (3, 8), (1, 9), (1, 12)]:
        say(log, used, minutes)
        ends.append(len(log.data()))
    data = log.data()
    batches = ingest(READER, log.key, [data[a:b] for a, b in pairwise([0, *ends])])
    told = [[(one.used, (one.at // 10**6 - NOW) / 60) for one in batch.limits] for batch in batches]
    assert told == [[(100, 0.5)], [], [(200, 6)], [(200, 7)], [(300, 8)], [(None, 5)], []]
    assert [one.taken_back for batch in batches for one in batch.limits] == [False] * 4 + [True]


def test_of_several_limits_each_has_its_last_word() -> None:
    """Lines tell of one limit each, so that the last of five minutes is not the last of each."""
    log = Rollout(uuid7(1))
    log.meta()
    for limit, used in (("codex", 1), ("codex_other", 2), ("codex", 3), (None, 4)):
        named = {} if limit is None else {"limit_id": limit}
        log.event("token_count", info=None, rate_limits={"primary": {**WINDOW, "used_percent": used}, **named})
    found = {(one.limit, one.used) for one in limits_of(log)}
    assert found == {("codex", 400), ("codex_other", 200)}
