"""Every token of a known session finds its goal, its stage or the remainder."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from commands.agents import ClaudeAgent, CodexAgent
from commands.bench import tokens

if TYPE_CHECKING:
    from collections import Counter

    from commands.agents import Agent
    from commands.bench import Bench, Json


def boundary(agent: Agent, *command: str) -> tuple[Counter[str], Json]:
    """The agent runs a command: what that response used, and the goal as the command shows it."""
    used = agent.issue()
    goal = agent.bench.ok(*command, "--json", **agent.environ).goal
    agent.returned()
    return used, goal


def settled(bench: Bench) -> Json:
    assert bench.ok("settle", "--json").json["pending"] == 0
    return bench.state()


def test_a_task_life_of_one_session(bench: Bench, agent: Agent) -> None:
    before = agent.say()
    used, goal = boundary(agent, "start-task", "--title", "Add a shelf", "--kind", "product")
    before += used
    plan = agent.say()
    plan += boundary(agent, "mark", "plan")[0]
    first_tail = agent.say()
    first_tail += boundary(agent, "continue-task", "--failure-reason", "model_mistake")[0]
    build = agent.say() + agent.say()
    build += boundary(agent, "mark", "build")[0]
    second_tail = agent.say()
    second_tail += boundary(agent, "finish-task", "--status", "success", "--result-fit", "exact_fit")[0]
    agent.say()
    state = settled(bench)
    (shown,) = state["goals"]
    assert shown["id"] == goal["id"]
    assert tokens(shown["tokens"]) == plan + first_tail + build + second_tail
    assert [tokens(attempt["tokens"]) for attempt in shown["attempts"]] == [plan + first_tail, build + second_tail]
    stages = {(stage["attempt"], stage["name"]): tokens(stage["tokens"]) for stage in shown["stages"]}
    assert stages == {(1, "plan"): plan, (1, None): first_tail, (2, "build"): build, (2, None): second_tail}
    assert tokens(state["remainder"]["tokens"]) == before
    assert shown["quality"] == "exact"
    how = "environment" if "TALLYBOOK_SESSION" in agent.environ else "variable"
    assert shown["session"] == {"agent": agent.agent, "id": agent.session, "detected_by": how}
    assert [model["model"] for model in shown["by_model"]] == [agent.model]


@pytest.mark.parametrize("agent", ["codex-late"], indirect=True)
def test_both_snapshots_of_a_late_response_stay_in_the_ledger(bench: Bench, agent: CodexAgent) -> None:
    agent.issue()
    bench.start(**agent.environ)
    agent.returned()
    work = agent.say()
    work += agent.issue()
    said = bench.ok("finish-task", "--status", "success", "--json", **agent.environ)
    assert said.goal["quality"] == "lower_bound"
    agent.returned()
    first = bench.lines()
    told = bench.ok("settle", "--json").json
    assert (told["settled"], told["pending"]) == (1, 0)
    again = bench.lines()
    assert again != first
    assert all(again[name].startswith(data) for name, data in first.items())
    assert bench.ok("settle", "--json").json["settled"] == 0
    assert bench.lines() == again
    reasons = [event["body"]["reason"] for event in bench.events("usage_snapshot")]
    assert sorted(reasons) == ["finish", "settle", "settle", "start"]
    (goal,) = bench.state()["goals"]
    assert tokens(goal["tokens"]) == work
    assert goal["quality"] == "exact"


def test_of_two_goals_in_a_session_the_one_activated_last_gets_the_response(bench: Bench, agent: Agent) -> None:
    outer = boundary(agent, "start-task", "--title", "outer", "--kind", "product")[1]["id"]
    theirs = agent.say()
    used, inner = boundary(agent, "start-task", "--title", "inner", "--kind", "meta")
    theirs += used
    mine = agent.say()
    mine += boundary(agent, "finish-task", str(inner["id"]), "--status", "success")[0]
    theirs += agent.say()
    theirs += boundary(agent, "finish-task", outer, "--status", "fail", "--failure-reason", "other")[0]
    state = settled(bench)
    found = {goal["title"]: tokens(goal["tokens"]) for goal in state["goals"]}
    assert found == {"outer": theirs, "inner": mine}


def test_continuing_the_outer_goal_gives_it_what_comes_next(bench: Bench) -> None:
    agent = ClaudeAgent(bench, 1)
    outer = bench.start("outer", **agent.environ)
    first = agent.say()
    bench.start("inner", **agent.environ)
    inner = agent.say()
    bench.ok("continue-task", outer, "--failure-reason", "other", **agent.environ)
    second = agent.say()
    bench.ok("finish-task", outer, "--status", "success", **agent.environ)
    found = {goal["title"]: goal["tokens"] for goal in bench.state()["goals"]}
    assert tokens(found["outer"]) == first + second
    assert tokens(found["inner"]) == inner


def test_a_subagent_of_claude_counts_as_subtree(bench: Bench) -> None:
    agent = ClaudeAgent(bench, 1)
    early = agent.delegate("11") + agent.say()
    goal = bench.start(**agent.environ)
    own, theirs = agent.say(), agent.delegate("11") + agent.delegate("22")
    bench.ok("mark", "plan", **agent.environ)
    late = agent.delegate("22")
    bench.ok("finish-task", "--status", "success", **agent.environ)
    shown = bench.shown(goal)
    assert tokens(shown["self"]) == own
    assert tokens(shown["subtree"]) == theirs + late
    assert tokens(shown["tokens"]) == own + theirs + late
    rows = {row["id"]: row["parent"] for row in shown["sessions"]}
    assert rows == {agent.session: None, agent.child("11"): agent.session, agent.child("22"): agent.session}
    plan, tail = shown["stages"]
    assert tokens(plan["tokens"]) == own + theirs
    assert tokens(tail["tokens"]) == late
    assert tokens(bench.state()["remainder"]["tokens"]) == early


def test_a_spawned_thread_of_codex_counts_as_subtree(bench: Bench) -> None:
    agent = CodexAgent(bench, 1)
    goal = bench.start(**agent.environ)
    own = agent.say()
    child = CodexAgent(bench, 2, parent=agent)
    theirs = child.say()
    grandchild = CodexAgent(bench, 3, parent=child)
    theirs += grandchild.say()
    bench.ok("finish-task", "--status", "success", **agent.environ)
    shown = bench.shown(goal)
    assert tokens(shown["self"]) == own
    assert tokens(shown["subtree"]) == theirs
    assert {row["id"]: row["parent"] for row in shown["sessions"]} == {
        agent.session: None,
        child.session: agent.session,
        grandchild.session: child.session,
    }
    bench.state()


def test_a_goal_of_the_child_takes_its_own_part(bench: Bench) -> None:
    agent = CodexAgent(bench, 1)
    bench.start("outer", **agent.environ)
    own = agent.say()
    child = CodexAgent(bench, 2, parent=agent)
    early = child.say()
    bench.start("inner", **child.environ)
    mine = child.say()
    titles = {goal["title"]: goal["id"] for goal in bench.state()["goals"]}
    bench.ok("finish-task", titles["inner"], "--status", "success", **child.environ)
    rest = child.say()
    bench.ok("finish-task", titles["outer"], "--status", "success", **agent.environ)
    found = {goal["title"]: tokens(goal["tokens"]) for goal in bench.state()["goals"]}
    assert found == {"outer": own + early + rest, "inner": mine}


def test_a_goal_spans_a_session_that_was_there_and_one_that_is_new(bench: Bench) -> None:
    first, old = ClaudeAgent(bench, 1), CodexAgent(bench, 2)
    earlier = old.say()
    goal = bench.start(**first.environ)
    work = first.say()
    fresh = ClaudeAgent(bench, 3)
    work += fresh.say()
    bench.ok("mark", "plan", "--goal", goal, **fresh.environ)
    earlier += old.say()
    bench.ok("mark", "look", "--goal", goal, **old.environ)
    work += first.say() + fresh.say() + old.say()
    bench.ok("finish-task", goal, "--status", "success", **first.environ)
    state = bench.state()
    (shown,) = state["goals"]
    assert tokens(shown["tokens"]) == work
    assert tokens(state["remainder"]["tokens"]) == earlier
    assert {row["id"] for row in shown["sessions"]} == {first.session, fresh.session, old.session}


def test_another_model_and_a_compaction(bench: Bench) -> None:
    agent = CodexAgent(bench, 1)
    goal = bench.start(**agent.environ)
    first = agent.say()
    agent.compact()
    agent.turn("gpt-5.2-mini")
    second = agent.say()
    bench.ok("finish-task", "--status", "success", **agent.environ)
    shown = bench.shown(goal)
    assert {row["model"]: tokens(row["tokens"]) for row in shown["by_model"]} == {
        "gpt-5.2-codex": first,
        "gpt-5.2-mini": second,
    }
    bench.state()


def test_two_agents_in_one_repository(bench: Bench) -> None:
    claude, codex = ClaudeAgent(bench, 1), CodexAgent(bench, 2)
    one = bench.start("one", **claude.environ)
    two = bench.start("two", **codex.environ)
    mine, theirs = claude.say(), codex.say()
    bench.ok("mark", "plan", **claude.environ)
    bench.ok("mark", "look", **codex.environ)
    mine += claude.say()
    theirs += codex.say()
    bench.ok("finish-task", "--status", "success", **claude.environ)
    bench.ok("finish-task", "--status", "success", **codex.environ)
    assert tokens(bench.shown(one)["tokens"]) == mine
    assert tokens(bench.shown(two)["tokens"]) == theirs
    bench.state()


def test_a_goal_in_each_of_two_worktrees(bench: Bench) -> None:
    other = bench.repo.parent / "other"
    bench.git("worktree", "add", "-q", str(other))
    one, two = ClaudeAgent(bench, 1), ClaudeAgent(bench, 2)
    bench.start("here", **one.environ)
    there = bench.ok("start-task", "--title", "there", "--kind", "product", "--quiet", cwd=other, **two.environ)
    mine, theirs = one.say(), two.say()
    assert bench.ok("finish-task", "--status", "success", "--json", **one.environ).goal["title"] == "here"
    done = bench.ok("finish-task", "--status", "success", "--json", cwd=other, **two.environ).goal
    assert done["id"] == there.out.strip()
    found = {goal["title"]: tokens(goal["tokens"]) for goal in bench.state()["goals"]}
    assert found == {"here": mine, "there": theirs}


def test_a_log_that_vanished_is_still_counted(bench: Bench) -> None:
    agent = ClaudeAgent(bench, 1)
    goal = bench.start(**agent.environ)
    work = agent.say()
    bench.ok("mark", "plan", **agent.environ)
    agent.log.unlink()
    bench.ok("finish-task", "--status", "success", **agent.environ)
    assert tokens(bench.shown(goal)["tokens"]) == work


def test_what_no_goal_touched_is_unattributed(bench: Bench) -> None:
    stranger = CodexAgent(bench, 7)
    idle = stranger.say()
    agent = ClaudeAgent(bench, 1)
    bench.start(**agent.environ)
    work = agent.say()
    bench.ok("mark", "plan", **agent.environ)
    after = agent.say()
    bench.ok("sessions")
    state = bench.state()
    assert tokens(state["unattributed"]["tokens"]) == idle + after
    assert tokens(state["goals"][0]["tokens"]) == work


def test_a_fork_belongs_to_the_goal_from_its_own_first_response(bench: Bench) -> None:
    """Its log begins with copies of older rows, so that it looks as old as what it was copied from."""
    first, fork = ClaudeAgent(bench, 1), ClaudeAgent(bench, 2)
    before = first.say() + boundary(first, "start-task", "--title", "Add a shelf", "--kind", "product")[0]
    whole = first.say() + boundary(first, "mark", "plan")[0]
    origin = {"forkedFrom": {"sessionId": first.session, "messageUuid": "m"}}
    rows = [row for row in first.records if row.get("uuid")]
    fork.records[:] = [{**row, "sessionId": fork.session, **origin} for row in rows]
    own = fork.say() + boundary(fork, "mark", "forked")[0]
    whole += own + first.say() + boundary(first, "finish-task", "--status", "success")[0]
    state = settled(bench)
    (goal,) = state["goals"]
    assert tokens(goal["tokens"]) == whole
    assert tokens(goal["stages"][1]["tokens"]) == own
    assert tokens(state["remainder"]["tokens"]) == before


def test_what_is_untracked_stays_so(bench: Bench, agent: Agent) -> None:
    goal = bench.start("by hand", "--untracked")
    agent.say()
    bench.ok("mark", "plan", "--goal", goal)
    said = bench.ok("finish-task", goal, "--status", "success", "--json")
    assert (said.goal["tokens"], said.goal["sessions"]) == (None, [])
    assert "session" not in said.err
