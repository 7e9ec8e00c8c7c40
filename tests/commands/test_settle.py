"""`tally settle`: what was logged late is put where it belongs, once."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from commands.agents import ClaudeAgent, CodexAgent
from commands.bench import tokens

if TYPE_CHECKING:
    from commands.bench import Bench


def test_nothing_to_do(bench: Bench) -> None:
    assert bench.ok("settle", "--json").json == {
        "schema": "tallybook.settle/1",
        "settled": 0,
        "pending": 0,
        "problems": [],
    }
    assert bench.ok("settle").out == "0 settled, 0 still pending\n"


def test_it_waits_as_long_as_nothing_is_logged(bench: Bench) -> None:
    agent = CodexAgent(bench, 1, late=True)
    before = agent.issue()
    bench.start(**agent.environ)
    assert bench.state()["summary"]["pending"] == 1
    lines = bench.lines()
    told = bench.ok("settle", "--json").json
    assert (told["settled"], told["pending"]) == (0, 1)
    assert bench.lines() == lines
    assert "Run tally settle" in bench.ok("report").out
    agent.returned()
    assert bench.ok("settle").out == "1 settled, 0 still pending\n"
    state = bench.state()
    assert state["summary"]["pending"] == 0
    assert tokens(state["remainder"]["tokens"]) == before


def test_a_later_command_of_the_session_settles_too(bench: Bench) -> None:
    agent = CodexAgent(bench, 1, late=True)
    before = agent.issue()
    goal = bench.start(**agent.environ)
    agent.returned()
    work = agent.say()
    bench.ok("mark", "plan", **agent.environ)
    assert "settle" in {event["body"]["reason"] for event in bench.events("usage_snapshot")}
    assert tokens(bench.shown(goal)["tokens"]) == work
    assert tokens(bench.state()["remainder"]["tokens"]) == before
    assert bench.ok("settle", "--json").json["settled"] == 0


def test_what_was_said_after_the_finish_is_not_the_goals(bench: Bench) -> None:
    agent = CodexAgent(bench, 1, late=True)
    agent.issue()
    goal = bench.start(**agent.environ)
    agent.returned()
    work = agent.say() + agent.issue()
    bench.ok("finish-task", "--status", "success", **agent.environ)
    agent.returned()
    after = agent.say()
    bench.ok("settle")
    assert tokens(bench.shown(goal)["tokens"]) == work
    bench.ok("sessions")
    assert tokens(bench.state()["unattributed"]["tokens"]) == after


def test_a_call_that_was_given_up_settles_to_what_was_there(bench: Bench) -> None:
    agent = CodexAgent(bench, 1, late=True)
    agent.issue()
    goal = bench.start(**agent.environ)
    agent.returned()
    work = agent.say()
    agent.issue()
    bench.ok("mark", "plan", **agent.environ)
    agent.rollout.event("turn_aborted", turn_id="t", reason="interrupted")
    agent.turn()
    assert bench.ok("settle", "--json").json["pending"] == 0
    assert tokens(bench.shown(goal)["tokens"]) == work
    bench.state()


def test_a_running_call_that_is_not_logged_yet_is_waited_for(bench: Bench) -> None:
    """Codex names the call that runs; its response may reach the log after the command has read it."""
    agent = CodexAgent(bench, 1, late=True)
    before = agent.say()
    goal = bench.start(**agent.environ, CODEX_TOOL_CALL_ID="call_1_3")
    before += agent.issue()
    assert agent.waiting == "call_1_3"
    agent.returned()
    work = agent.say()
    bench.ok("finish-task", "--status", "success", **agent.environ)
    assert bench.ok("settle", "--json").json["pending"] == 0
    assert tokens(bench.shown(goal)["tokens"]) == work
    assert tokens(bench.state()["remainder"]["tokens"]) == before


def test_a_call_that_the_log_does_not_show_yet_is_waited_for(bench: Bench) -> None:
    """The agent names its running call, and writes it down only later."""
    agent = CodexAgent(bench, 1, late=True, ago=timedelta(minutes=1))
    before = agent.say()
    goal = bench.start(**agent.environ, CODEX_TOOL_CALL_ID="call-unseen")
    assert bench.state()["summary"]["pending"] == 1
    assert bench.ok("settle", "--json").json["settled"] == 0
    agent.rollout.call("call-unseen")
    agent.flush()
    assert bench.ok("settle", "--json").json["pending"] == 1
    work = agent.say()
    assert bench.ok("settle", "--json").json["pending"] == 0
    bench.ok("finish-task", "--status", "success", **agent.environ)
    assert tokens(bench.shown(goal)["tokens"]) == {}
    assert tokens(bench.state()["remainder"]["tokens"]) == before + work


def test_a_placeholder_is_waited_for(bench: Bench) -> None:
    """Claude Code's row of the running response may lack its final output."""
    agent = ClaudeAgent(bench, 1)
    before = agent.issue()
    message = agent.records[-1]["message"]
    whole = dict(message)
    message |= {"stop_reason": None, "usage": {**whole["usage"], "output_tokens": 1}}
    agent.flush()
    goal = bench.start(**agent.environ)
    assert bench.state()["summary"]["pending"] == 1
    assert bench.ok("settle", "--json").json["pending"] == 1
    message |= whole
    agent.flush()
    assert bench.ok("settle", "--json").json["pending"] == 0
    bench.ok("finish-task", "--status", "success", **agent.environ)
    assert tokens(bench.state()["remainder"]["tokens"]) == before
    assert tokens(bench.shown(goal)["tokens"]) == {}


def test_a_boundary_settles_while_the_next_call_runs(bench: Bench) -> None:
    agent = CodexAgent(bench, 1, late=True)
    before = agent.issue()
    goal = bench.start(**agent.environ)
    agent.returned()
    work = agent.issue()
    bench.ok("mark", "plan", **agent.environ)
    assert bench.state()["summary"]["pending"] == 1
    assert tokens(bench.state()["remainder"]["tokens"]) == before
    agent.returned()
    bench.ok("settle")
    assert tokens(bench.shown(goal)["stages"][0]["tokens"]) == work
