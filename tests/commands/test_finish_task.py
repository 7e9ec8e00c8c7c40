"""`tally finish-task`: outcomes, invariants, and corrections that keep what was before."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from commands.bench import Bench


def test_a_success_with_everything_said(bench: Bench) -> None:
    goal = bench.start()
    said = bench.ok(
        *("finish-task", goal, "--status", "success", "--result-fit", "partial_fit", "--notes", "well"),
        *("--finished-at", "2126-06-20T14:03:00Z", "--json"),
    ).goal
    assert (said["status"], said["result_fit"], said["failure_reason"]) == ("success", "partial_fit", None)
    assert said["finished_at"] == "2126-06-20T14:03:00Z"
    assert said["attempts"][0]["status"] == "success"


def test_a_failure_needs_its_reason(bench: Bench) -> None:
    bench.start()
    assert bench.refused("finish-task", "--status", "fail") == "outcome-invalid"
    said = bench.ok("finish-task", "--status", "fail", "--failure-reason", "other", "--result-fit", "miss", "--json")
    assert (said.goal["status"], said.goal["failure_reason"], said.goal["result_fit"]) == ("fail", "other", "miss")


@pytest.mark.parametrize(
    "options",
    [
        ("--status", "success", "--failure-reason", "other"),
        ("--status", "success", "--result-fit", "miss"),
        ("--status", "fail", "--failure-reason", "other", "--result-fit", "exact_fit"),
        ("--status", "success", "--finished-at", "2020-01-01T00:00:00Z"),
    ],
)
def test_outcomes_that_break_an_invariant(bench: Bench, options: tuple[str, ...]) -> None:
    bench.start()
    assert bench.refused("finish-task", *options) == "outcome-invalid"


@pytest.mark.parametrize("kind", ["retro", "meta", "check"])
def test_only_product_goals_have_a_fit(bench: Bench, kind: str) -> None:
    bench.start(kind=kind)
    assert bench.refused("finish-task", "--status", "success", "--result-fit", "exact_fit") == "outcome-invalid"


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ((), "usage"),
        (("--status", "open"), "usage"),
        (("--status", "fail", "--failure-reason", "fate"), "usage"),
        (("--status", "success", "--result-fit", "nice"), "usage"),
        (("--status", "success", "--finished-at", "2026-06-20"), "bad-time"),
        (("--status", "success", "--notes", "a\nb"), "bad-text"),
    ],
)
def test_bad_arguments(bench: Bench, options: tuple[str, ...], code: str) -> None:
    bench.start()
    assert bench.misused("finish-task", *options) == code


def test_a_closed_goal_is_corrected_and_the_old_outcome_kept(bench: Bench) -> None:
    goal = bench.start()
    bench.ok("finish-task", "--status", "success", "--result-fit", "exact_fit")
    assert bench.refused("finish-task", goal, "--status", "success") == "closed_repair-finish-task"
    before = bench.lines()
    amend = ("finish-task", goal, "--status", "fail", "--failure-reason", "model_mistake", "--amend")
    said = bench.ok(*amend, "--json")
    assert (said.goal["status"], said.goal["failure_reason"]) == ("fail", "model_mistake")
    assert said.goal["corrections"] == 1
    assert "stays in the ledger" in said.err
    assert all(bench.lines()[name].startswith(data) for name, data in before.items())
    assert bench.events("goal_finished")[0]["body"]["status"] == "success"


def test_an_amendment_keeps_the_invariants(bench: Bench) -> None:
    goal = bench.start()
    assert bench.refused("finish-task", goal, "--status", "success", "--amend") == "nothing-to-amend"
    bench.ok("finish-task", "--status", "success")
    assert bench.refused("finish-task", "--status", "success", "--amend") == "nothing-to-amend"
    assert bench.refused("finish-task", goal, "--status", "fail", "--amend") == "outcome-invalid"


def test_several_open_goals_are_listed(bench: Bench) -> None:
    one, two = bench.start("one"), bench.start("two")
    said = bench.tally("finish-task", "--status", "success", "--json")
    assert (said.code, said.error) == (1, "several-goals")
    assert one in said.err
    assert two in said.err
    assert bench.ok("finish-task", two, "--status", "success", "--quiet").out == f"{two}\n"
    assert bench.ok("finish-task", "--status", "success", "--quiet").out == f"{one}\n"


def test_unknown_goals(bench: Bench) -> None:
    bench.start()
    assert bench.refused("finish-task", "g260101-00000000", "--status", "success") == "goal-unknown"
    assert bench.refused("finish-task", "no id at all", "--status", "success") == "goal-unknown"
