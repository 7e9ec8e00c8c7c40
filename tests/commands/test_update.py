"""`tally update`: new values for goals that are open or closed; what stood before stays in the ledger."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from commands.agents import ClaudeAgent
from commands.bench import tokens

if TYPE_CHECKING:
    from commands.bench import Bench


def closed(bench: Bench, title: str = "Add a shelf") -> str:
    goal = bench.start(title, "--untracked")
    bench.ok("finish-task", goal, "--status", "success")
    return goal


def test_an_open_goal_gets_new_values(bench: Bench) -> None:
    source = closed(bench)
    goal = bench.start("first", "--ref", "#1")
    said = bench.ok(
        *("update", "--title", "second", "--notes", "n", "--model", "m", "--ref", "#2", "--ref", "#1"),
        *("--input", source, "--input-source", "paper", "--json"),
    )
    assert (said.goal["id"], said.goal["title"], said.goal["notes"], said.goal["model"]) == (goal, "second", "n", "m")
    assert said.goal["links"]["refs"] == ["#1", "#2"]
    assert (said.goal["links"]["inputs"], said.goal["links"]["input_sources"]) == ([source], ["paper"])
    assert bench.events("goal_started")[-1]["body"]["title"] == "first", "the old title stays"
    assert "title, notes, model" in bench.ok("log").out


def test_a_closed_goal_is_corrected_and_says_so(bench: Bench) -> None:
    goal = closed(bench)
    said = bench.ok("update", goal, "--result-fit", "partial_fit", "--title", "Add two shelves")
    assert "stay in the ledger" in said.err
    found = bench.shown(goal)
    assert (found["result_fit"], found["title"], found["status"]) == ("partial_fit", "Add two shelves", "success")
    assert bench.ok("verify").code == 0


def test_what_is_refused(bench: Bench) -> None:
    goal = closed(bench)
    assert bench.refused("update", "--title", "t") == "clean-update"
    assert bench.refused("update", "g261122-00000000", "--title", "t") == "goal-unknown"
    assert bench.refused("update", goal, "--result-fit", "miss") == "outcome-invalid"
    assert bench.refused("update", goal, "--input", goal) == "input-cycle"
    assert bench.refused("update", goal, "--input", "g261122-00000000") == "input-unknown"
    assert bench.refused("update", goal, "--title", "token = ghp_" + "a" * 36) == "secret-like"
    running = bench.start("open")
    assert bench.refused("update", "--result-fit", "exact_fit") == "fit-while-open"
    bench.start("another")
    assert bench.refused("update", "--title", "t") == "several-goals"
    bench.ok("finish-task", running, "--status", "success")
    bench.ok("merge-tasks", "--keep", goal, "--drop", running)
    assert bench.refused("update", running, "--title", "t") == "goal-merged"


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ((), "nothing-to-update"),
        (("--title", ""), "bad-text"),
        (("--title", "a\nb"), "bad-text"),
        (("--model", ""), "bad-text"),
        (("--ref", "x" * 2001), "bad-text"),
        (("--result-fit", "good"), "usage"),
        (("--tokens-input", "-1"), "usage"),
        (("--tokens-input", "many"), "usage"),
        (("--tokens-output", "9" * 30), "bad-number"),
        (("--tokens-reasoning", "1"), "bad-number"),
        (("--tokens-model", "m"), "no-numbers"),
    ],
)
def test_bad_arguments(bench: Bench, arguments: tuple[str, ...], code: str) -> None:
    bench.start()
    assert bench.misused("update", *arguments) == code


def test_the_session_tells_the_goal_and_no_boundary_is_drawn(bench: Bench) -> None:
    agent = ClaudeAgent(bench, 1)
    goal = bench.start("one", **agent.environ)
    bench.start("two", "--untracked")
    used = agent.say()
    snapshots = len(bench.events("usage_snapshot"))
    assert bench.ok("update", "--notes", "n", "--json", **agent.environ).goal["id"] == goal
    assert len(bench.events("usage_snapshot")) == snapshots
    bench.ok("finish-task", goal, "--status", "success", **agent.environ)
    assert tokens(bench.shown(goal)["tokens"]) == used


def test_numbers_by_hand_stand_for_a_goal_that_nobody_measured(bench: Bench) -> None:
    goal = bench.start("by hand", "--untracked")
    bench.ok(
        *("finish-task", "--status", "success", "--tokens-input", "100", "--tokens-cache-write", "20"),
        *("--tokens-output", "30", "--tokens-model", "m"),
    )
    found = bench.shown(goal)
    assert tokens(found["tokens"]) == {"input": 100, "cache_write_unknown": 20, "output": 30}
    assert tokens(found["self"]) == tokens(found["tokens"])
    assert (found["mode"], found["quality"], found["attempts"][0]["tokens"]) == ("manual", "unverified", None)
    assert set(found["unreported"]) == {"cache_read", "cache_write_5m", "cache_write_1h", "reasoning"}
    assert [(row["model"], row["tokens"]["total"]) for row in found["by_model"]] == [("m", 150)]
    bench.ok("update", goal, "--tokens-input", "7")
    found = bench.shown(goal)
    assert tokens(found["tokens"]) == {"input": 7}, "of two numbers by hand the later holds, and is not added"
    assert len(bench.events("usage_manual")) == 2
    state = bench.state()
    assert (state["summary"]["measured"], state["summary"]["by_hand"]) == (0, 1)
    assert state["remainder"]["tokens"]["total"] == 0


def test_numbers_by_hand_never_overwrite_captured_ones(bench: Bench) -> None:
    agent = ClaudeAgent(bench, 1)
    goal = bench.start("captured", **agent.environ)
    bench.ok("update", goal, "--tokens-output", "5")
    assert bench.shown(goal)["mode"] == "captured"
    used = agent.say()
    bench.ok("finish-task", "--status", "success", "--tokens-output", "1000000", **agent.environ)
    found = bench.shown(goal)
    assert tokens(found["tokens"]) == used
    (manual,) = found["manual"]
    assert (manual["tokens"]["output"], manual["counts"], found["quality"]) == (1_000_000, False, "exact")
    assert "kept beside what was captured" in bench.ok("show", goal).out


def test_a_later_capture_takes_the_place_and_the_numbers_stay(bench: Bench) -> None:
    agent = ClaudeAgent(bench, 1)
    goal = bench.start("both", "--untracked")
    bench.ok("update", goal, "--tokens-input", "5")
    bench.ok("mark", "plan", "--goal", goal, "--agent", "claude", "--session", agent.session)
    used = agent.say()
    bench.ok("finish-task", goal, "--status", "success", "--agent", "claude", "--session", agent.session)
    found = bench.shown(goal)
    assert tokens(found["tokens"]) == used
    assert (found["quality"], [row["counts"] for row in found["manual"]]) == ("lower_bound", [False])


def test_the_report_tells_numbers_by_hand_apart(bench: Bench) -> None:
    goal = bench.start("by hand", "--untracked")
    bench.ok("update", goal, "--tokens-output", "12345", "--tokens-model", "m|x")
    text = bench.ok("report").out
    assert "- By hand: 12,345 tokens told for 1 that were not; in no counter." in text
    assert "- Goals: — tokens in 0 of 1 goals that were measured." in text
    assert r"| m\|x *by hand* | — | 0 | 0 | 0 | 12,345 | 12,345 |" in text
