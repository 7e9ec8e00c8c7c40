"""A thread of Amp through the real commands: every token its owner's, whatever happens to the document."""

from __future__ import annotations

import os
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from commands.agents import AmpAgent, milliseconds
from commands.bench import tokens
from loggen import amp

if TYPE_CHECKING:
    from pathlib import Path

    from commands.bench import Bench

UNREPORTED = ["cache_write_5m", "cache_write_1h", "reasoning"]


def test_a_task_named_by_its_thread(bench: Bench) -> None:
    agent = AmpAgent(bench, 1)
    agent.say()
    agent.issue()
    goal = bench.start("Add a shelf", "--agent", "amp", "--session", agent.session)
    agent.returned()
    plan = agent.say() + agent.issue()
    bench.ok("mark", "plan", "--agent", "amp", "--session", agent.session)
    agent.returned()
    rest = agent.say() + agent.issue()
    command = ("finish-task", goal, "--status", "success", "--agent", "amp", "--session", agent.session)
    shown = bench.ok(*command, "--json").goal
    assert tokens(shown["tokens"]) == plan + rest
    assert [tokens(stage["tokens"]) for stage in shown["stages"]] == [plan, rest]
    assert shown["quality"] == "exact"
    assert [(one["agent"], one["id"]) for one in shown["sessions"]] == [("amp", agent.session)]
    assert tokens(bench.shown(goal)["tokens"]) == plan + rest
    assert f"{(plan + rest).total():,} tokens (exact)" in bench.ok("show", goal).out
    bench.state()


def test_a_session_of_the_list(bench: Bench) -> None:
    agent = AmpAgent(bench, 1)
    used = agent.say() + agent.say()
    (row,) = bench.ok("sessions", "--agent", "amp", "--json").json["sessions"]
    assert tokens(row["tokens"]) == used
    assert (row["agent"], row["id"], row["model"], row["cwd"]) == ("amp", agent.session, amp.MODEL, str(bench.repo))
    assert (row["responses"], row["live"], row["paths"]) == (2, True, [str(agent.log)])


def test_the_conformance_case(bench: Bench) -> None:
    agent = AmpAgent(bench, 1)
    agent.messages.append(amp.answer(1, amp.usage((10, 11_372, 986, 178), amp.START)))
    agent.flush()
    (row,) = bench.ok("sessions", "--json").json["sessions"]
    assert row["tokens"]["total"] == 12_546
    assert tokens(row["tokens"]) == {"input": 10, "output": 178, "cache_write_unknown": 986, "cache_read": 11_372}


def test_what_can_not_be_understood_of_a_thread_is_told_of(bench: Bench) -> None:
    """A message that is wrong has no line, and counts among the bad ones all the same."""
    agent = AmpAgent(bench, 1)
    used = agent.say()
    agent.messages.append({"role": 5})
    agent.messages.append(amp.answer(9, amp.usage((1, 2, 3, 4), milliseconds()) | {"outputTokens": "4"}))
    agent.flush()
    found = bench.ok("why", agent.session, "--json").json
    assert tokens(found["counted"]["tokens"]) == used
    (bad,) = [one for one in found["logs"][0]["sums"] if one["verdict"] == "bad"]
    assert (bad["kind"], bad["lines"]) == ("document", 2)


def test_a_subagent_counts_once_and_for_the_goal(bench: Bench) -> None:
    agent, child = AmpAgent(bench, 1), AmpAgent(bench, 2)
    goal = bench.start(**agent.environ)
    own = agent.say()
    theirs = agent.delegate(child)
    own += agent.issue()
    shown = bench.ok("finish-task", goal, "--status", "success", "--json", **agent.environ).goal
    assert (tokens(shown["self"]), tokens(shown["subtree"])) == (own, theirs)
    assert shown["quality"] == "exact"
    rows = {row["id"]: row for row in bench.ok("sessions", "--json").json["sessions"]}
    assert (rows[child.session]["parent"], rows[child.session]["origin"]) == (agent.session, "subagent")


def test_what_the_user_cut_away_was_billed(bench: Bench) -> None:
    agent = AmpAgent(bench, 1)
    goal = bench.start(**agent.environ)
    used = agent.say() + agent.say()
    bench.ok("mark", "plan", **agent.environ)
    del agent.messages[2:], agent.events[1:]
    used += agent.say()
    shown = bench.ok("finish-task", goal, "--status", "success", "--json", **agent.environ).goal
    assert (tokens(shown["tokens"]), shown["quality"]) == (used, "exact")


def test_what_was_cut_was_billed_where_messages_have_no_times(bench: Bench) -> None:
    agent = AmpAgent(bench, 1)

    def say() -> Counter[str]:
        used = agent.say()
        del agent.messages[-1]["usage"]["timestamp"]
        agent.flush()
        return used

    goal = bench.start(**agent.environ)
    used = say() + say()
    bench.ok("mark", "plan", **agent.environ)
    cut = agent.messages[2]["messageId"]
    del agent.messages[2:], agent.events[1:]
    used += say()
    assert agent.messages[2]["messageId"] == cut, "another answer has its number"
    for _ in range(2):
        assert tokens(bench.ok("mark", "build", "--json", **agent.environ).goal["tokens"]) == used
    shown = bench.ok("finish-task", goal, "--status", "success", "--json", **agent.environ).goal
    assert tokens(shown["tokens"]) == used
    assert shown["quality"] == "estimated", "the day of what has no time is that of its neighbours"


def test_a_torn_thread_is_told_of_and_loses_nothing(bench: Bench) -> None:
    agent = AmpAgent(bench, 1)
    goal = bench.start(**agent.environ)
    used = agent.say()
    bench.ok("mark", "plan", **agent.environ)
    whole = agent.log.read_bytes()
    agent.log.write_bytes(whole[:-30])
    said = bench.ok("mark", "build", **agent.environ)
    assert "it is not whole JSON" in said.err
    assert str(agent.log) in said.err
    agent.log.write_bytes(whole)
    used += agent.say()
    said = bench.ok("finish-task", goal, "--status", "success", **agent.environ)
    assert "not whole" not in said.err
    assert tokens(bench.shown(goal)["tokens"]) == used


def test_a_torn_thread_that_is_named_is_refused(bench: Bench, tmp_path: Path) -> None:
    agent = AmpAgent(bench, 1)
    agent.say()
    place = tmp_path / agent.log.name
    place.write_bytes(agent.log.read_bytes()[:-30])
    said = bench.tally("check", "add", "--source-id", "s", "--usage-from", f"amp:{place}", "--json")
    assert (said.code, said.error) == (1, "no-log")
    assert "it is not whole JSON" in said.err
    assert str(place) in said.err


@pytest.mark.parametrize("kind", ["pipe", "device", "loop"])
def test_things_that_are_no_threads(bench: Bench, kind: str) -> None:
    agent = AmpAgent(bench, 1)
    used = agent.say()
    odd = agent.log.with_name("T-odd.json")
    if kind == "pipe":
        os.mkfifo(odd)
    else:
        odd.symlink_to("/dev/zero" if kind == "device" else odd)
    said = bench.ok("sessions", "--json")
    assert [tokens(row["tokens"]) for row in said.json["sessions"]] == [used]
    assert "T-odd.json" in said.err


def test_what_amp_does_not_tell_is_named(bench: Bench) -> None:
    agent = AmpAgent(bench, 1)
    bench.start(**agent.environ)
    agent.say()
    bench.ok("mark", "plan", **agent.environ)
    (session,) = bench.events("usage_snapshot")[-1]["body"]["sessions"]
    assert session["unreported"] == UNREPORTED


def test_a_call_booked_in_the_ledger_alone_is_a_lower_bound(bench: Bench) -> None:
    agent = AmpAgent(bench, 1)
    goal = bench.start(**agent.environ)
    used = agent.say()
    tokens_told = {"input": 40, "output": 2}
    agent.events.append(amp.event("title", 0, tokens_told, milliseconds(), operationType="title-generation"))
    agent.flush()
    (row,) = bench.ok("sessions", "--json").json["sessions"]
    assert tokens(row["tokens"]) == used + Counter(tokens_told)
    shown = bench.ok("finish-task", goal, "--status", "success", "--json", **agent.environ).goal
    assert (tokens(shown["tokens"]), shown["quality"]) == (used + Counter(tokens_told), "lower_bound")


def test_the_process_is_found_by_its_variable(bench: Bench) -> None:
    agent = AmpAgent(bench, 1)
    agent.say()
    bench.start(CLAUDECODE="1", AGENT="amp", AGENT_THREAD_ID=agent.session, **agent.environ)
    (start,) = bench.events("goal_started")
    assert start["body"]["session"] == {"agent": "amp", "id": agent.session, "detected_by": "variable"}
