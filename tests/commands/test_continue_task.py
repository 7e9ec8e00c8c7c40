"""`tally continue-task`: the attempt before has failed, the next is open."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from commands.bench import Bench


def test_the_reason_stays_with_the_attempt_that_failed(bench: Bench) -> None:
    goal = bench.start()
    said = bench.ok("continue-task", goal, "--failure-reason", "missing_context", "--notes", "again", "--json")
    one, two = said.goal["attempts"]
    assert (one["number"], one["status"], one["failure_reason"]) == (1, "fail", "missing_context")
    assert (two["number"], two["status"], two["failure_reason"]) == (2, "open", None)
    assert one["finished_at"] == two["started_at"]
    assert said.goal["status"] == "open"
    done = bench.ok("finish-task", "--status", "success", "--json").goal
    assert [attempt["failure_reason"] for attempt in done["attempts"]] == ["missing_context", None]
    assert done["failure_reason"] is None


def test_quiet_prints_the_id(bench: Bench) -> None:
    goal = bench.start()
    assert bench.ok("continue-task", "-q").out == f"{goal}\n"


def test_a_reason_may_be_left_out(bench: Bench) -> None:
    bench.start()
    assert bench.ok("continue-task", "--json").goal["attempts"][0]["failure_reason"] is None


def test_it_needs_an_open_goal(bench: Bench) -> None:
    assert bench.refused("continue-task") == "clean-continue-task"
    goal = bench.start()
    bench.ok("finish-task", "--status", "success")
    assert bench.refused("continue-task", goal) == "closed_repair-continue-task"
    assert bench.refused("continue-task", "g260101-00000000") == "goal-unknown"


@pytest.mark.parametrize(
    ("options", "code"),
    [
        (("--failure-reason", "bad luck"), "usage"),
        (("--notes", "a\nb"), "bad-text"),
        (("--agent", "nobody"), "unknown-agent"),
    ],
)
def test_bad_arguments(bench: Bench, options: tuple[str, ...], code: str) -> None:
    bench.start()
    assert bench.misused("continue-task", *options) == code
