"""`tally mark`: stages, keys, budgets, and two marks at once."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from commands.agents import ClaudeAgent
from commands.bench import tokens
from ledger.ledgers import append
from tallybook.clock import SystemClock, SystemIds
from tallybook.domain.events import BudgetSet, NewEvent
from tallybook.ledger.store import Ledger, LedgerPlace

if TYPE_CHECKING:
    from commands.bench import Bench


def stages(bench: Bench, goal: str) -> list[str | None]:
    return [stage["name"] for stage in bench.shown(goal)["stages"]]


def test_a_stage_has_its_tokens_and_notes(bench: Bench) -> None:
    agent = ClaudeAgent(bench, 1)
    goal = bench.start(**agent.environ)
    used = agent.say()
    said = bench.ok("mark", "plan", "--goal", goal, "--notes", "done", "--json", **agent.environ)
    stage, tail = said.goal["stages"]
    assert set(stage) == {"goal", "attempt", "name", "at", "tokens", "cost", "quality", "notes"}
    assert (stage["name"], stage["notes"], tokens(stage["tokens"])) == ("plan", "done", used)
    assert tail["name"] is None
    assert bench.ok("mark", "build", "--quiet", **agent.environ).out == f"{goal}\n"


def test_what_an_agent_logs_while_the_command_waits_for_it_is_before_the_mark(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Claude Code keeps the row of the call that runs the command back for a tenth of a second."""
    agent = ClaudeAgent(bench, 1)
    goal = bench.start(**agent.environ)
    used = [agent.say()]
    monkeypatch.setattr("tallybook.usecases.tasks.await_call", lambda *_: used.append(agent.say()))
    said = bench.ok("mark", "plan", "--goal", goal, "--json", **agent.environ)
    assert len(used) >= 2
    assert tokens(said.goal["stages"][0]["tokens"]) == sum(used, Counter())


def test_two_marks_at_once_are_both_kept(bench: Bench) -> None:
    goal = bench.start()
    command = [sys.executable, "-m", "tallybook", "mark", "--goal", goal]
    running = [subprocess.Popen([*command, f"stage {number}"], stdout=subprocess.DEVNULL) for number in range(4)]
    assert [process.wait(60) for process in running] == [0] * 4
    assert sorted(filter(None, stages(bench, goal))) == [f"stage {number}" for number in range(4)]
    assert bench.ok("verify").code == 0


def test_a_key_makes_a_second_mark_do_nothing(bench: Bench) -> None:
    goal = bench.start()
    bench.ok("mark", "plan", "--key", "k1")
    before = bench.lines()
    said = bench.ok("mark", "plan", "--key", "k1")
    assert "nothing was written" in said.err
    assert bench.lines() == before
    bench.ok("mark", "plan", "--key", "k2")
    assert stages(bench, goal) == ["plan", "plan", None]
    bench.ok("continue-task")
    bench.ok("mark", "plan", "--key", "k1")
    assert stages(bench, goal) == ["plan", "plan", None, "plan", None]


def test_the_same_key_from_two_processes_is_one_mark(bench: Bench) -> None:
    goal = bench.start()
    command = [sys.executable, "-m", "tallybook", "mark", "plan", "--key", "k"]
    running = [subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) for _ in range(3)]
    assert [process.wait(60) for process in running] == [0] * 3
    assert stages(bench, goal) == ["plan", None]


def test_the_goal_may_be_left_out_only_where_one_is_open(bench: Bench) -> None:
    assert bench.refused("mark", "plan") == "clean-mark"
    one, two = bench.start("one"), bench.start("two")
    said = bench.tally("mark", "plan", "--json")
    assert (said.code, said.error) == (1, "several-goals")
    assert one in said.err
    assert two in said.err
    assert bench.ok("mark", "plan", "--goal", one, "--json").goal["id"] == one


def test_the_session_tells_the_goal_where_several_are_open(bench: Bench) -> None:
    agent = ClaudeAgent(bench, 1)
    one = bench.start("one", **agent.environ)
    bench.start("two", "--untracked")
    assert bench.ok("mark", "plan", "--json", **agent.environ).goal["id"] == one


def test_of_several_sessions_here_the_one_that_works_on_a_goal_is_meant(bench: Bench) -> None:
    working, idle = ClaudeAgent(bench, 1), ClaudeAgent(bench, 2)
    goal = bench.start(**working.environ)
    used = working.say()
    idle.say()
    assert bench.ok("mark", "plan", "--json").goal["id"] == goal
    assert tokens(bench.shown(goal)["tokens"]) == used
    bench.ok("mark", "look", "--goal", goal, **idle.environ)
    said = bench.ok("mark", "build")
    assert "no agent session was found" in said.err
    assert tokens(bench.shown(goal)["tokens"]) == used


def test_a_stage_can_have_a_budget_of_its_own(bench: Bench) -> None:
    agent = ClaudeAgent(bench, 1)
    goal = bench.start(**agent.environ)
    ledger = Ledger(LedgerPlace(bench.ledger, None, bench.repo / ".git"), SystemClock(), SystemIds())
    append(ledger, NewEvent(goal, BudgetSet(100, None, "plan")), NewEvent(goal, BudgetSet(10**6, None, "build")))
    used = sum(agent.say().values())
    said = bench.tally("mark", "plan", "--enforce", **agent.environ)
    assert said.code == 1
    assert f"{used:,} tokens used: {used} % of the budget of stage plan of 100" in said.err
    assert "stage build" not in said.err


def test_a_budget_of_nothing_is_used_up_at_once(bench: Bench) -> None:
    agent = ClaudeAgent(bench, 1)
    bench.start("t", "--budget-tokens", "0", **agent.environ)
    agent.say()
    said = bench.tally("mark", "plan", "--enforce", **agent.environ)
    assert (said.code, "more than the budget of 0" in said.err) == (1, True)


def test_a_closed_goal_has_no_more_stages(bench: Bench) -> None:
    goal = bench.start()
    bench.ok("finish-task", "--status", "success")
    assert bench.refused("mark", "late", "--goal", goal) == "closed_repair-mark"


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ((), "usage"),
        (("",), "bad-text"),
        (("a\rb",), "bad-text"),
        (("plan", "--key", ""), "bad-text"),
        (("plan", "--notes", "\x9b31m"), "bad-text"),
        (("plan", "more"), "usage"),
    ],
)
def test_bad_arguments(bench: Bench, arguments: tuple[str, ...], code: str) -> None:
    bench.start()
    assert bench.misused("mark", *arguments) == code


def test_budgets_warn_at_80_and_100_percent(bench: Bench) -> None:
    agent = ClaudeAgent(bench, 1)
    goal = bench.start("shelf", "--budget-tokens", "1500", **agent.environ)
    used = sum(agent.say().values())
    assert used < 1200
    said = bench.ok("mark", "one", "--enforce", **agent.environ)
    assert "budget" not in said.err
    used += sum(agent.say().values())
    assert used >= 1500
    said = bench.ok("mark", "two", **agent.environ)
    assert f"{used:,} tokens used: {used * 100 // 1500} % of the budget of 1,500" in said.err
    before = bench.lines()
    said = bench.tally("mark", "three", "--enforce", "--json", **agent.environ)
    assert (said.code, said.goal["id"]) == (1, goal)
    assert bench.lines() != before


def test_a_warning_between_80_and_100_percent_enforces_nothing(bench: Bench) -> None:
    agent = ClaudeAgent(bench, 1)
    bench.start("first", "--untracked")
    size = sum(agent.say().values())
    budget = str(size * 10 // 9 + 40)
    bench.start("shelf", "--budget-tokens", budget, **agent.environ)
    used = sum(agent.say().values())
    assert 80 <= used * 100 / int(budget) < 100
    said = bench.ok("mark", "one", "--enforce", **agent.environ)
    assert f"{used:,} tokens used: " in said.err


def test_a_budget_in_money_is_looked_after_as_well(bench: Bench) -> None:
    agent = ClaudeAgent(bench, 1)
    bench.start("shelf", "--budget-usd", "0.001", **agent.environ)
    agent.say()
    said = bench.tally("mark", "one", "--enforce", **agent.environ)
    assert (said.code, " USD used: " in said.err) == (1, True)
