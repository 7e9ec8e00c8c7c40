"""`tally merge-tasks`: two goals become one; known parts are kept, nothing is counted twice."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from commands.agents import ClaudeAgent, CodexAgent
from commands.bench import tokens

if TYPE_CHECKING:
    from commands.bench import Bench


def test_closed_goals_become_one(bench: Bench) -> None:
    agent = ClaudeAgent(bench, 1)
    goals, used = [], []
    for title in ("one", "two"):
        goals.append(bench.start(title, **agent.environ))
        used.append(agent.say())
        bench.ok("finish-task", "--status", "success", **agent.environ)
    keep, drop = goals
    said = bench.ok("merge-tasks", "--keep", keep, "--drop", drop, "--json")
    assert tokens(said.goal["tokens"]) == used[0] + used[1]
    assert (said.goal["merged"], said.goal["title"], said.goal["quality"]) == ([drop], "one", "exact")
    assert [attempt["goal"] for attempt in said.goal["attempts"]] == [keep, drop]
    dropped = bench.shown(drop)
    assert (dropped["status"], dropped["merged_into"], dropped["tokens"]) == ("merged", keep, None)
    assert len(bench.events("usage_snapshot")) == 4, "no boundary where nothing was open"
    bench.state()


def test_known_and_unknown_parts_are_a_lower_bound(bench: Bench) -> None:
    agent = CodexAgent(bench, 1)
    keep = bench.start("measured", **agent.environ)
    used = agent.say()
    bench.ok("finish-task", "--status", "success", **agent.environ)
    drop = bench.start("unknown", "--untracked")
    bench.ok("finish-task", drop, "--status", "success")
    goal = bench.ok("merge-tasks", "--keep", keep, "--drop", drop, "--json").goal
    assert (tokens(goal["tokens"]), goal["quality"]) == (used, "lower_bound")


def test_a_measured_goal_and_one_told_by_hand(bench: Bench) -> None:
    agent = ClaudeAgent(bench, 1)
    keep = bench.start("measured", **agent.environ)
    used = agent.say()
    bench.ok("finish-task", "--status", "success", **agent.environ)
    drop = bench.start("by hand", "--untracked")
    bench.ok("finish-task", drop, "--status", "success", "--tokens-input", "5")
    goal = bench.ok("merge-tasks", "--keep", keep, "--drop", drop, "--json").goal
    assert tokens(goal["tokens"])["input"] == used["input"] + 5
    assert (goal["mode"], goal["quality"]) == ("mixed", "unverified")
    assert [(row["goal"], row["counts"]) for row in goal["manual"]] == [(drop, True)]


@pytest.mark.parametrize("where", ["in the session", "in another", "outside"])
def test_a_goal_without_a_session_takes_over_those_of_the_other(bench: Bench, where: str) -> None:
    """Whatever runs its further commands, these go on to count; what the kept one used before stays unknown."""
    worker, other = ClaudeAgent(bench, 1), CodexAgent(bench, 2)
    keep, drop = bench.start("kept", "--untracked"), bench.start("dropped", **worker.environ)
    first = worker.say()
    bench.ok("merge-tasks", "--keep", keep, "--drop", drop)
    environ = {"in the session": worker.environ, "in another": other.environ, "outside": {}}[where]
    second = worker.say()
    bench.ok("mark", "plan", "--goal", keep, **environ)
    third = worker.say()
    other.say()
    bench.ok("finish-task", keep, "--status", "success", **environ)
    worker.say()
    goal = bench.shown(keep)
    assert (tokens(goal["tokens"]), goal["quality"]) == (first + second + third, "lower_bound")
    assert [tokens(stage["tokens"]) for stage in goal["stages"] if stage["name"] == "plan"] == [second]
    assert [session["id"] for session in goal["sessions"]] == [worker.session]
    bench.state()


def test_sessions_that_were_taken_over_are_unmeasured_without_a_history(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The goal is finished all the same, and the reason is told."""
    worker = ClaudeAgent(bench, 1)
    keep, drop = bench.start("kept", "--untracked"), bench.start("dropped", **worker.environ)
    bench.ok("merge-tasks", "--keep", keep, "--drop", drop)
    monkeypatch.setenv("TALLYBOOK_HOME", "/dev/null/nowhere")
    said = bench.ok("finish-task", keep, "--status", "success", "--json")
    assert (said.goal["status"], [one["code"] for one in said.json["problems"]][:1]) == (
        "success",
        ["history-unusable"],
    )


@pytest.mark.parametrize("late", [False, True])
def test_the_sessions_of_an_open_goal_go_on_with_the_one_that_is_kept(bench: Bench, late: bool) -> None:
    one, two = ClaudeAgent(bench, 1), CodexAgent(bench, 2, late=late)
    keep = bench.start("keep", **one.environ)
    drop = bench.start("drop", **two.environ)
    used = one.say() + two.say() + two.issue()
    bench.ok("merge-tasks", "--keep", keep, "--drop", drop, **two.environ)
    two.returned()
    used += two.say() + one.say() + two.issue()
    bench.ok("finish-task", keep, "--status", "success", **two.environ)
    two.returned()
    two.say()
    bench.ok("settle")
    goal = bench.shown(keep)
    assert tokens(goal["tokens"]) == used
    assert goal["quality"] == "exact"
    assert [attempt["status"] for attempt in goal["attempts"]] == ["success", "merged"]
    assert bench.state()["remainder"]["tokens"]["total"] == 0
    assert bench.ok("verify").code == 0


def test_commands_and_commits_of_a_merged_goal_name_the_other(bench: Bench) -> None:
    keep, drop = bench.start("keep"), bench.start("drop")
    bench.ok("merge-tasks", "--keep", keep, "--drop", drop)
    said = bench.tally("mark", "plan", "--goal", drop)
    assert (said.code, f"merged into {keep}" in said.err) == (1, True)
    assert bench.ok("mark", "plan", "--json").goal["id"] == keep, "only one is open now"


def test_what_is_refused(bench: Bench) -> None:
    keep, drop = bench.start("keep"), bench.start("drop")
    check = bench.start("check", kind="check")
    nowhere = "g261122-00000000"
    assert bench.misused("merge-tasks", "--keep", keep, "--drop", keep) == "merge-with-itself"
    assert bench.misused("merge-tasks", "--keep", keep) == "usage"
    assert bench.refused("merge-tasks", "--keep", nowhere, "--drop", keep) == "goal-unknown"
    assert bench.refused("merge-tasks", "--keep", keep, "--drop", nowhere) == "goal-unknown"
    assert bench.refused("merge-tasks", "--keep", keep, "--drop", check) == "merge-other-kind"
    bench.ok("finish-task", keep, "--status", "success")
    assert bench.refused("merge-tasks", "--keep", keep, "--drop", drop) == "merge-open-into-closed"
    bench.ok("merge-tasks", "--keep", drop, "--drop", keep)
    assert bench.refused("merge-tasks", "--keep", keep, "--drop", drop) == "goal-merged"
    assert bench.refused("merge-tasks", "--keep", drop, "--drop", keep) == "goal-merged"


def test_a_chain_of_successors_is_shown_beside_and_in_no_total(bench: Bench) -> None:
    agent = ClaudeAgent(bench, 1)
    ids: list[str] = []
    used: list[int] = []
    for number in range(3):
        more = ("--supersedes", ids[-1]) if ids else ()
        ids.append(bench.start(f"try {number}", *more, **agent.environ))
        used.append(sum(agent.say().values()))
        last = number == 2
        outcome = ("--status", "success") if last else ("--status", "fail", "--failure-reason", "other")
        bench.ok("finish-task", *outcome, **agent.environ)
    found = bench.shown(ids[2])
    assert found["chain"]["goals"] == ids
    assert (found["chain"]["tokens"]["total"], found["tokens"]["total"]) == (sum(used), used[2])
    assert bench.shown(ids[0])["chain"] is None
    state = bench.state()
    assert [goal["status"] for goal in state["goals"]] == ["superseded", "superseded", "success"]
    assert sum(goal["tokens"]["total"] for goal in state["goals"]) == sum(used)
    text = bench.ok("report").out
    assert f"| {ids[2]} | try 2 | {ids[0]}, {ids[1]} |" in text
    assert f"chain     {' > '.join(ids)}  {sum(used):,} tokens (exact)" in bench.ok("show", ids[2]).out
