"""`tally log`: the events, newest first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from commands.agents import CodexAgent

if TYPE_CHECKING:
    from commands.bench import Bench


def test_newest_first_with_what_they_say(bench: Bench) -> None:
    agent = CodexAgent(bench, 1, late=True)
    agent.say()
    agent.issue()
    goal = bench.start("Add a shelf", "--budget-tokens", "5000", "--budget-usd", "1", **agent.environ)
    bench.ok("continue-task", "--failure-reason", "other", **agent.environ)
    bench.ok("finish-task", "--status", "fail", "--failure-reason", "other", **agent.environ)
    bench.ok("finish-task", goal, "--status", "success", "--amend")
    told = bench.ok("log", "--json").json
    assert told["schema"] == "tallybook.log/1"
    rows = told["events"]
    assert set(rows[0]) == {"id", "writer", "seq", "at", "type", "goal", "summary"}
    assert [row["seq"] for row in rows] == sorted((row["seq"] for row in rows), reverse=True)
    said = {row["type"]: row["summary"] for row in rows}
    assert said["goal_started"] == "Add a shelf"
    assert said["goal_corrected"] == "success"
    assert said["goal_finished"] == "fail: other"
    assert said["goal_continued"] == "next attempt; the one before: other"
    assert said["budget_set"] == "5,000 tokens, 1.00 USD"
    assert said["usage_snapshot"].startswith("start: 1 session, ")
    assert said["usage_snapshot"].endswith("tokens, pending")


def test_one_goal_and_a_limit(bench: Bench) -> None:
    one, two = bench.start("one"), bench.start("two")
    bench.ok("mark", "plan", "--goal", one)
    assert {row["goal"] for row in bench.ok("log", "--goal", one, "--json").json["events"]} == {one}
    assert [row["summary"] for row in bench.ok("log", "--limit", "1", "--json").json["events"]] == ["plan"]
    assert bench.misused("log", "--limit", "0") == "usage"
    assert bench.refused("log", "--goal", "g260101-00000000") == "goal-unknown"
    head, *rows = bench.ok("log", "--goal", two).out.splitlines()
    assert head == "time\tgoal\tevent\twhat"
    assert len(rows) == 1


def test_an_empty_ledger(bench: Bench) -> None:
    assert bench.ok("log", "--json").json["events"] == []
    assert bench.ok("log").out == "time\tgoal\tevent\twhat\n"
