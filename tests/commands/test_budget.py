"""`tally budget`: what a goal or a stage may use, what is left, and who is warned."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from commands.agents import ClaudeAgent
from commands.bench import tree

if TYPE_CHECKING:
    from commands.bench import Bench


def test_budgets_are_set_shown_and_taken_away(bench: Bench) -> None:
    agent = ClaudeAgent(bench, 1)
    goal = bench.start("shelf", "--budget-usd", "2", **agent.environ)
    bench.ok("budget", "set", "--tokens", "1000")
    said = bench.ok("budget", "set", "--stage", "plan", "--tokens", "100", "--json")
    assert said.goal["budget"]["tokens"] == 1000
    assert said.goal["budget"]["nano_usd"] == 2 * 10**9, "an amount that was not named stays"
    used = sum(agent.say().values())
    bench.ok("mark", "plan", **agent.environ)
    budget = bench.shown(goal)["budget"]
    assert (budget["used_tokens"], budget["used_percent"]) == (used, used * 100 // 1000)
    (stage,) = budget["stages"]
    assert (stage["stage"], stage["used_tokens"], stage["exceeded"]) == ("plan", used, True)
    whole, part = bench.ok("budget", "show", "--json").json["budgets"]
    assert (whole["goal"], whole["stage"], part["stage"], part["used_tokens"]) == (goal, None, "plan", used)
    assert f"stage plan  {used:,} of 100 tokens" in bench.ok("show", goal).out
    assert f"| {goal} | shelf | plan | 100 | {used} |" in bench.ok("report").out
    bench.ok("budget", "set", "--stage", "plan", "--clear")
    bench.ok("budget", "set", "--clear")
    assert bench.shown(goal)["budget"] is None
    assert bench.ok("budget", "show", "--json").json["budgets"] == []
    assert "plan: none" in bench.ok("log").out


def test_finish_task_warns_and_enforces(bench: Bench) -> None:
    agent = ClaudeAgent(bench, 1)
    goal = bench.start("shelf", "--budget-tokens", "10", **agent.environ)
    used = sum(agent.say().values())
    said = bench.tally("finish-task", "--status", "success", "--enforce", **agent.environ)
    assert (said.code, f"{used:,} tokens used: {used * 10} % of the budget of 10" in said.err) == (1, True)
    assert bench.shown(goal)["status"] == "success", "the warning stops nothing"


def test_budgets_of_one_goal_and_of_all_open_ones_first(bench: Bench) -> None:
    done = bench.start("done", "--budget-tokens", "5")
    bench.ok("finish-task", done, "--status", "success")
    running = bench.start("running", "--budget-tokens", "7")
    bench.start("none")
    rows = bench.ok("budget", "show", "--json").json["budgets"]
    assert [row["goal"] for row in rows] == [running, done]
    (row,) = bench.ok("budget", "show", done, "--json").json["budgets"]
    assert (row["tokens"], row["used_tokens"], row["used_percent"], row["exceeded"]) == (5, None, None, False)
    before = tree(bench.repo)
    bench.ok("budget", "show")
    assert tree(bench.repo) == before


def test_what_is_refused(bench: Bench) -> None:
    assert bench.refused("budget", "set", "--tokens", "5") == "clean-mark"
    assert bench.refused("budget", "show", "g261122-00000000") == "goal-unknown"
    goal = bench.start()
    bench.ok("finish-task", "--status", "success")
    assert bench.refused("budget", "set", goal, "--tokens", "5") == "closed_repair-mark"


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("set",), "bad-budget"),
        (("set", "--tokens", "1", "--clear"), "bad-budget"),
        (("set", "--tokens", "-1"), "usage"),
        (("set", "--tokens", "1e3"), "usage"),
        (("set", "--usd", "ten"), "usage"),
        (("set", "--usd", "0.0000000001"), "usage"),
        (("set", "--tokens", "1", "--stage", ""), "bad-text"),
        ((), "usage"),
        (("spend",), "usage"),
    ],
)
def test_bad_arguments(bench: Bench, arguments: tuple[str, ...], code: str) -> None:
    bench.start()
    assert bench.misused("budget", *arguments) == code
