"""A session of Copilot CLI through the real commands: every token its owner's, whichever of its logs tells it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from commands.bench import tokens
from commands.copilot_agent import CopilotAgent
from loggen import copilot

if TYPE_CHECKING:
    from commands.bench import Bench, Json

UNREPORTED = ["cache_write_5m", "cache_write_1h"]


def rows(bench: Bench) -> dict[str, Json]:
    return {row["id"]: row for row in bench.ok("sessions", "--json").json["sessions"]}


def trace(agent: CopilotAgent) -> None:
    """Write telemetry of all responses."""
    place = Path(os.environ["COPILOT_HOME"], "otel", "all.jsonl")
    place.parent.mkdir(parents=True, exist_ok=True)
    calls = [event["data"]["apiCallId"] for event in agent.events if event["type"] == "assistant.message"]
    at = [int(copilot.START + 1000 * number) for number in range(len(calls))]
    spans = [
        copilot.span(f"{number:032x}", number, agent.session, call, used.model, used.parts, at[number])
        for number, (call, used) in enumerate(zip(calls, agent.counted, strict=True))
    ]
    place.write_bytes(copilot.encode(spans))


def test_a_task_named_by_its_session(bench: Bench) -> None:
    agent = CopilotAgent(bench, 1)
    agent.say()
    agent.issue()
    goal = bench.start("Add a shelf", "--agent", "copilot", "--session", agent.session)
    agent.returned()
    plan = agent.say() + agent.issue()
    bench.ok("mark", "plan", "--agent", "copilot", "--session", agent.session)
    agent.returned()
    rest = agent.say() + agent.issue()
    command = ("finish-task", goal, "--status", "success", "--agent", "copilot", "--session", agent.session)
    shown = bench.ok(*command, "--json").goal
    assert tokens(shown["tokens"]) == plan + rest
    assert [tokens(stage["tokens"]) for stage in shown["stages"]] == [plan, rest]
    assert shown["quality"] == "exact"
    assert f"{sum((plan + rest).values()) - (plan + rest)['reasoning']:,} tokens (exact)" in bench.ok("show", goal).out
    agent.end()
    assert tokens(bench.shown(goal)["tokens"]) == plan + rest
    bench.state()


def test_a_session_of_the_list(bench: Bench) -> None:
    agent = CopilotAgent(bench, 1)
    used = agent.say() + agent.say()
    agent.end()
    row = rows(bench)[agent.session]
    assert tokens(row["tokens"]) == used
    assert (row["agent"], row["model"], row["cwd"]) == ("copilot", agent.model, str(bench.repo))
    assert (row["responses"], row["live"], row["paths"]) == (2, True, [str(agent.log)])


def test_telemetry_adds_nothing_to_receipts(bench: Bench) -> None:
    agent = CopilotAgent(bench, 1)
    used = agent.say() + agent.issue()
    trace(agent)
    agent.end()
    row = rows(bench)[agent.session]
    assert (tokens(row["tokens"]), row["responses"]) == (used, 2)


def test_counters_of_processes_add_up_whatever_the_build(bench: Bench) -> None:
    for number, build in enumerate(copilot.BUILDS, start=1):
        agent = CopilotAgent(bench, number, build=build)
        used = agent.say() + agent.say()
        agent.end()
        agent.resume()
        used += agent.say()
        agent.end()
        assert tokens(rows(bench)[agent.session]["tokens"]) == used, build


def test_a_killed_process_of_an_early_build_is_a_lower_bound(bench: Bench) -> None:
    agent = CopilotAgent(bench, 1, build="middle")
    goal = bench.start(**agent.environ)
    cut = agent.say()
    agent.resume()
    shown = bench.ok("finish-task", goal, "--status", "success", "--json", **agent.environ).goal
    assert tokens(shown["tokens"]) == {"output": cut["output"]}
    assert shown["quality"] == "lower_bound"


def test_a_goal_around_a_process_of_an_early_build(bench: Bench) -> None:
    agent = CopilotAgent(bench, 1, build="early")
    goal = bench.start(**agent.environ)
    used = agent.say()
    bench.ok("mark", "plan", **agent.environ)
    used += agent.say()
    agent.end()
    shown = bench.ok("finish-task", goal, "--status", "success", "--json", **agent.environ).goal
    assert tokens(shown["tokens"]) == used
    assert shown["quality"] == "lower_bound", "input was not known when the stage ended"


def test_telemetry_takes_the_place_of_messages(bench: Bench) -> None:
    agent = CopilotAgent(bench, 1, build="middle")
    used = agent.say() + agent.say()
    assert tokens(rows(bench)[agent.session]["tokens"]) == {"output": used["output"]}
    trace(agent)
    assert tokens(rows(bench)[agent.session]["tokens"]) == used
    agent.end()
    assert tokens(rows(bench)[agent.session]["tokens"]) == used


def test_a_subagent_counts_once_and_for_the_goal(bench: Bench) -> None:
    agent = CopilotAgent(bench, 1)
    goal = bench.start(**agent.environ)
    own = agent.say()
    theirs = agent.delegate("kid")
    own += agent.issue()
    shown = bench.ok("finish-task", goal, "--status", "success", "--json", **agent.environ).goal
    assert (tokens(shown["self"]), tokens(shown["subtree"])) == (own, theirs)
    assert shown["quality"] == "exact"
    child = rows(bench)[agent.child("kid")]
    assert (child["parent"], child["origin"]) == (agent.session, "subagent")


def test_a_torn_line_is_read_once_it_is_whole(bench: Bench) -> None:
    agent = CopilotAgent(bench, 1)
    used = agent.say()
    whole = agent.log.read_bytes()
    more = agent.say()
    grown = agent.log.read_bytes()
    agent.log.write_bytes(grown[: len(whole) + 40])
    assert tokens(rows(bench)[agent.session]["tokens"]) == used
    agent.log.write_bytes(grown)
    assert tokens(rows(bench)[agent.session]["tokens"]) == used + more


def test_a_session_of_2025_has_no_number(bench: Bench) -> None:
    place = Path(os.environ["COPILOT_HOME"], "history-session-state", "session_old.json")
    place.parent.mkdir(parents=True)
    place.write_text('{"sessionId":"old","startTime":"2025-10-01T10:00:00Z","chatMessages":[],"timeline":[]}')
    assert rows(bench)["old"]["tokens"] is None


def test_what_copilot_does_not_tell_is_named(bench: Bench) -> None:
    agent = CopilotAgent(bench, 1)
    bench.start(**agent.environ)
    agent.say()
    bench.ok("mark", "plan", **agent.environ)
    (session,) = bench.events("usage_snapshot")[-1]["body"]["sessions"]
    assert session["unreported"] == UNREPORTED


def test_the_process_is_found_by_its_variable(bench: Bench) -> None:
    agent = CopilotAgent(bench, 1)
    agent.say()
    bench.start(COPILOT_CLI="1", **agent.environ)
    (start,) = bench.events("goal_started")
    assert start["body"]["session"] == {"agent": "copilot", "id": agent.session, "detected_by": "variable"}
