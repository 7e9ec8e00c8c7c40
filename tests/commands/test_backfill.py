"""`tally backfill`: what was used while nobody measured is found in the history, where it is clear whose it was."""

from __future__ import annotations

import time
from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from commands.agents import AmpAgent, ClaudeAgent, CodexAgent
from commands.bench import Bench, tokens, tree
from commands.pi_agent import PiAgent

if TYPE_CHECKING:
    from pathlib import Path

    from commands.bench import Json

MOMENT = 0.004
"""Seconds; logs tell milliseconds."""


def moment() -> None:
    """Let the clock go on, so that what comes is later than what was."""
    time.sleep(MOMENT)


class Unseen:
    """Runs commands while nothing is measured."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._settings = bench.repo / "config" / "tallybook.toml"

    def run(self, *arguments: str, cwd: Path | None = None) -> str:
        place = (cwd or self._bench.repo) / "config" / "tallybook.toml"
        place.parent.mkdir(exist_ok=True)
        place.write_text("[capture]\nenabled = false\n")
        moment()
        said = self._bench.ok(*arguments, cwd=cwd)
        moment()
        place.unlink()
        return said.out.strip()

    def start(self, *more: str, cwd: Path | None = None) -> str:
        return self.run("start-task", "--title", "Add a shelf", "--kind", "product", "--quiet", *more, cwd=cwd)

    def finish(self, goal: str, *more: str, cwd: Path | None = None) -> None:
        self.run("finish-task", goal, "--status", "success", *more, cwd=cwd)


@pytest.fixture
def unseen(bench: Bench) -> Unseen:
    return Unseen(bench)


def answer(bench: Bench, *arguments: str, code: int = 0) -> Json:
    said = bench.tally("backfill", *arguments, "--json")
    assert said.code == code, said
    assert said.json["schema"] == "tallybook.backfill/1"
    return said.json


def only(found: Json) -> Json:
    (row,) = found["goals"]
    assert isinstance(row, dict)
    return row


@pytest.mark.parametrize("kind", ["claude", "pi", "amp"])
def test_a_goal_that_one_agent_worked_on(bench: Bench, unseen: Unseen, kind: str) -> None:
    """Attempts and stages keep their own parts; what came before and after is remainder."""
    made = {"claude": ClaudeAgent, "pi": PiAgent, "amp": AmpAgent}
    agent = made[kind](bench, 1)
    before = agent.say()
    goal = unseen.start()
    plan = agent.say() + agent.say()
    unseen.run("mark", "plan")
    failed = agent.say()
    unseen.run("continue-task", "--failure-reason", "model_mistake")
    rest = agent.say()
    unseen.finish(goal)
    agent.say()
    assert bench.shown(goal)["tokens"] is None
    row = only(answer(bench))
    assert (row["id"], row["reason"]) == (goal, None)
    assert row["sessions"] == [{"agent": kind, "id": agent.session, "evidence": "worktree"}]
    shown = bench.shown(goal)
    assert tokens(shown["tokens"]) == tokens(row["tokens"]) == plan + failed + rest
    assert (shown["mode"], shown["quality"]) == ("backfilled", "exact")
    assert [tokens(attempt["tokens"]) for attempt in shown["attempts"]] == [plan + failed, rest]
    assert [tokens(stage["tokens"]) for stage in shown["stages"]] == [plan, failed, rest]
    assert shown["backfill"]["sessions"] == row["sessions"]
    state = bench.state()
    assert tokens(state["remainder"]["tokens"]) == before
    assert "by worktree" in bench.ok("log").out
    assert f"{kind} {agent.session}, by worktree" in bench.ok("show", goal).out


def test_it_is_done_once(bench: Bench, unseen: Unseen) -> None:
    """The second time there is nothing to do; named, the goal is refused; forced, the newer result holds."""
    agent = ClaudeAgent(bench, 1)
    goal = unseen.start()
    work = agent.say()
    unseen.finish(goal)
    answer(bench)
    lines, state = bench.lines(), bench.state()
    assert answer(bench)["goals"] == []
    row = only(answer(bench, goal, code=1))
    assert (row["reason"], row["tokens"]) == ("backfilled", None)
    assert bench.lines() == lines
    assert only(answer(bench, goal, "--force"))["reason"] is None
    assert tokens(bench.shown(goal)["tokens"]) == work
    assert len(bench.events("usage_backfilled")) == 3
    assert bench.state()["remainder"] == state["remainder"]
    assert "taken back" in bench.ok("log").out
    assert bench.ok("verify", "--json").json["problems"] == []


def test_a_dry_run_writes_nothing(bench: Bench, unseen: Unseen, home: Path) -> None:
    agent = ClaudeAgent(bench, 1)
    goal = unseen.start()
    work = agent.say()
    unseen.finish(goal)
    bench.ok("sessions")
    before = tree(bench.ledger, bench.repo)
    found = answer(bench, "--dry-run")
    assert tree(bench.ledger, bench.repo) == before
    assert (found["dry_run"], found["found"]) == (True, 1)
    assert tokens(only(found)["tokens"]) == work
    assert bench.ok("backfill", "--dry-run").out.endswith("1 of 1 would be backfilled\n")
    assert bench.shown(goal)["tokens"] is None
    assert home.exists()


def test_two_agents_at_once_are_a_doubt(bench: Bench, unseen: Unseen) -> None:
    """Nothing is taken, both are told of; where the agent is named there is no doubt."""
    one, other = ClaudeAgent(bench, 1), PiAgent(bench, 2)
    goal = unseen.start()
    work, theirs = one.say(), other.say()
    unseen.finish(goal)
    lines = bench.lines()
    row = only(answer(bench))
    assert row["reason"] == "ambiguous"
    told = {(each["agent"], each["id"]): each for each in row["candidates"]}
    assert set(told) == {("claude", one.session), ("pi", other.session)}
    assert tokens(told["claude", one.session]["tokens"]) == work
    assert tokens(told["pi", other.session]["tokens"]) == theirs
    assert all(each["cwd"] == str(bench.repo) and each["last_activity"] for each in told.values())
    assert bench.lines() == lines
    text = bench.ok("backfill").out
    assert "several sessions can be meant" in text
    assert one.session in text
    assert "--agent chooses one agent's" in row["hint"]
    assert only(answer(bench, "--agent", "claude"))["reason"] is None
    assert tokens(bench.shown(goal)["tokens"]) == work


def test_two_sessions_of_one_agent_are_a_doubt_that_its_name_does_not_end(bench: Bench, unseen: Unseen) -> None:
    """Only its tokens by hand can help then."""
    one, other = PiAgent(bench, 1), PiAgent(bench, 2)
    goal = unseen.start()
    one.say()
    other.say()
    unseen.finish(goal)
    for options in ((), ("--agent", "pi")):
        row = only(answer(bench, *options))
        assert row["reason"] == "ambiguous"
        assert row["hint"] == f"tally update {goal} --tokens-input N … tells its tokens by hand"


def test_the_agent_that_the_goal_names_is_the_one(bench: Bench, unseen: Unseen) -> None:
    one, other = ClaudeAgent(bench, 1), PiAgent(bench, 2)
    goal = unseen.start("--agent", "pi")
    one.say()
    work = other.say()
    unseen.finish(goal)
    assert only(answer(bench))["reason"] is None
    assert tokens(bench.shown(goal)["tokens"]) == work


def test_a_goal_within_another(bench: Bench, unseen: Unseen) -> None:
    """The inner one gets its own, the outer one what is around it; measured or not."""
    agent = ClaudeAgent(bench, 1)
    outer = unseen.start()
    first = agent.say()
    inner = unseen.start()
    second = agent.say()
    unseen.finish(inner)
    third = agent.say() + agent.issue()
    moment()
    measured = bench.start(**agent.environ)
    fourth = agent.say() + agent.issue()
    bench.ok("finish-task", measured, "--status", "success", **agent.environ)
    moment()
    fifth = agent.say()
    unseen.finish(outer)
    rows = answer(bench)["goals"]
    assert [(row["id"], row["reason"]) for row in rows] == [(inner, None), (outer, None)]
    assert rows[1]["candidates"][0]["owned_by"] == sorted([inner, measured])
    found = {goal: tokens(bench.shown(goal)["tokens"]) for goal in (outer, inner, measured)}
    assert found == {outer: first + third + fifth, inner: second, measured: fourth}
    assert tokens(bench.state()["remainder"]["tokens"]) == Counter()


def test_the_outer_goal_alone_and_then_both(bench: Bench, unseen: Unseen) -> None:
    """What one goal has is not taken by another; with force for both it is shared out anew."""
    agent = ClaudeAgent(bench, 1)
    outer = unseen.start()
    first = agent.say()
    inner = unseen.start()
    second = agent.say()
    unseen.finish(inner)
    unseen.finish(outer)
    answer(bench, outer)
    assert tokens(bench.shown(outer)["tokens"]) == first + second
    row = only(answer(bench, inner, code=1))
    assert (row["reason"], row["candidates"][0]["owned_by"]) == ("owned", [outer])
    answer(bench, inner, outer, "--force")
    assert tokens(bench.shown(inner)["tokens"]) == second
    assert tokens(bench.shown(outer)["tokens"]) == first
    assert tokens(bench.state()["remainder"]["tokens"]) == Counter()


def test_the_outer_goal_was_continued_after_the_inner_one(bench: Bench, unseen: Unseen) -> None:
    """Each gets its own, though the outer one was at work last."""
    agent = ClaudeAgent(bench, 1)
    outer = unseen.start()
    first = agent.say()
    inner = unseen.start()
    second = agent.say()
    unseen.finish(inner)
    third = agent.say()
    unseen.run("continue-task", outer, "--failure-reason", "other")
    fourth = agent.say()
    unseen.finish(outer)
    rows = answer(bench)["goals"]
    assert [(row["id"], row["reason"]) for row in rows] == [(inner, None), (outer, None)]
    assert tokens(bench.shown(inner)["tokens"]) == second
    shown = bench.shown(outer)
    assert tokens(shown["tokens"]) == first + third + fourth
    assert [tokens(attempt["tokens"]) for attempt in shown["attempts"]] == [first + third, fourth]


def test_child_sessions_come_along(bench: Bench, unseen: Unseen) -> None:
    """Also where their parent itself was idle."""
    agent = ClaudeAgent(bench, 1)
    agent.say()
    goal = unseen.start()
    work = agent.delegate("scout")
    unseen.finish(goal)
    answer(bench)
    shown = bench.shown(goal)
    assert tokens(shown["subtree"]) == work
    assert tokens(shown["self"]) == Counter()
    assert {share["id"] for share in shown["sessions"] if share["tokens"]["total"]} == {agent.child("scout")}


def test_a_session_whose_log_was_not_there(bench: Bench) -> None:
    """Its id is the best evidence there is, whoever else was at work."""
    agent, other = ClaudeAgent(bench, 1), PiAgent(bench, 2)
    agent.say()
    moment()
    hidden = agent.log.rename(agent.log.with_suffix(".away"))
    goal = bench.start(**agent.environ)
    hidden.rename(agent.log)
    moment()
    work = agent.say()
    other.say()
    moment()
    hidden = agent.log.rename(agent.log.with_suffix(".away"))
    bench.ok("finish-task", goal, "--status", "success", **agent.environ)
    hidden.rename(agent.log)
    assert bench.shown(goal)["quality"] == "unmeasured"
    row = only(answer(bench))
    assert row["sessions"] == [{"agent": "claude", "id": agent.session, "evidence": "session"}]
    shown = bench.shown(goal)
    assert (tokens(shown["tokens"]), shown["quality"]) == (work, "exact")
    bench.state()


def test_a_session_that_was_missed(bench: Bench, unseen: Unseen) -> None:
    """A goal that was measured in part gets the rest where that is asked for."""
    missed, agent = PiAgent(bench, 2), ClaudeAgent(bench, 1)
    goal = unseen.start()
    first = missed.say()
    agent.issue()
    moment()
    bench.ok("mark", "plan", **agent.environ)
    second = agent.say() + agent.issue()
    bench.ok("finish-task", goal, "--status", "success", **agent.environ)
    assert bench.shown(goal)["quality"] == "lower_bound"
    assert answer(bench)["goals"] == []
    assert only(answer(bench, goal, code=1))["reason"] == "measured"
    row = only(answer(bench, "--agent", "pi", "--force"))
    assert row["reason"] is None
    shown = bench.shown(goal)
    assert tokens(shown["tokens"]) == first + second
    assert [tokens(stage["tokens"]) for stage in shown["stages"]] == [first, second]
    bench.state()


def test_time_alone_is_a_weak_hint(bench: Bench, unseen: Unseen, tmp_path: Path) -> None:
    """It counts where the agent was named, and is unverified."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    bench.go(elsewhere)
    agent = ClaudeAgent(bench, 1)
    bench.go(bench.repo)
    nameless = unseen.start()
    agent.say()
    unseen.finish(nameless)
    goal = unseen.start("--agent", "claude")
    work = agent.say()
    unseen.finish(goal)
    rows = {row["id"]: row for row in answer(bench)["goals"]}
    assert rows[nameless]["reason"] == "nothing"
    assert rows[goal]["sessions"][0]["evidence"] == "time"
    shown = bench.shown(goal)
    assert (tokens(shown["tokens"]), shown["quality"]) == (work, "unverified")


def test_another_worktree_of_the_clone(bench: Bench, unseen: Unseen, tmp_path: Path) -> None:
    """Each goal has the session of its own worktree; one without gets that of another, unverified."""
    other = tmp_path / "other"
    bench.git("worktree", "add", "-q", str(other))
    here = ClaudeAgent(bench, 1)
    bench.go(other)
    there = PiAgent(bench, 2)
    bench.go(bench.repo)
    goal, second = unseen.start(), unseen.start(cwd=other)
    work, theirs = here.say(), there.say()
    unseen.finish(goal)
    unseen.finish(second, cwd=other)
    third = unseen.start()
    more = there.say()
    unseen.finish(third)
    assert answer(bench)["found"] == 3
    assert tokens(bench.shown(goal)["tokens"]) == work
    assert tokens(bench.shown(second)["tokens"]) == theirs
    shown = bench.shown(third)
    assert (tokens(shown["tokens"]), shown["quality"]) == (more, "unverified")
    assert shown["backfill"]["sessions"][0]["evidence"] == "repository"


def test_goals_of_a_colleague(bench: Bench, unseen: Unseen, tmp_path: Path) -> None:
    """Their logs are not here; a session that worked here at that time is not theirs."""
    agent = ClaudeAgent(bench, 1)
    goal = unseen.start()
    agent.say()
    unseen.finish(goal)
    clone = tmp_path / "clone"
    bench.git("clone", "-q", str(bench.repo), str(clone))
    home = clone / ".git" / "tallybook" / "events"
    home.mkdir(parents=True)
    for path in bench.ledger.glob("*.ndjson"):
        (home / path.name).write_bytes(path.read_bytes())
    bench.go(clone)
    row = only(bench.ok("backfill", "--json").json)
    assert (row["reason"], row["candidates"]) == ("elsewhere", [])
    assert "another clone" in bench.ok("backfill").out


def test_what_is_not_looked_at(bench: Bench, unseen: Unseen) -> None:
    """Open goals, merged ones, those without a time; none of them is an error where none is named."""
    goal = unseen.start()
    assert only(answer(bench, goal, code=1))["reason"] == "open"
    unseen.finish(goal)
    second = unseen.start()
    unseen.finish(second)
    bench.ok("merge-tasks", "--keep", goal, "--drop", second)
    assert only(answer(bench, second, code=1))["reason"] == "merged"
    now = "2026-06-20T10:00:00+00:00"
    third = unseen.start("--started-at", now)
    unseen.finish(third, "--finished-at", now)
    found = answer(bench)
    assert {row["id"]: row["reason"] for row in found["goals"]} == {goal: "nothing", third: "no-window"}
    untracked = bench.start("Read", "--untracked")
    bench.ok("finish-task", untracked, "--status", "success")
    assert untracked not in {row["id"] for row in answer(bench)["goals"]}
    assert only(answer(bench, untracked, code=1))["reason"] == "nothing"


def test_which_goals(bench: Bench, unseen: Unseen) -> None:
    """By the day on which they began, and so many at most."""
    goals = []
    for day in (1, 2, 3):
        goals.append(unseen.start("--started-at", f"2026-06-0{day}T12:00:00+00:00"))
        unseen.finish(goals[-1], "--finished-at", f"2026-06-0{day}T13:00:00+00:00")

    def looked_at(*arguments: str) -> list[str]:
        return [row["id"] for row in answer(bench, *arguments)["goals"]]

    assert looked_at() == goals[::-1]
    assert looked_at("--limit", "1") == goals[2:]
    assert looked_at("--since", "2026-06-02T00:00:00Z") == [goals[2], goals[1]]
    assert looked_at("--until", "2026-06-02T12:00:00Z") == goals[:1]
    assert looked_at("--since", "2026-06-02T12:00:00Z", "--until", "2026-06-03T12:00:00Z") == [goals[1]]


def test_numbers_by_hand_stay_beside(bench: Bench, unseen: Unseen) -> None:
    agent = ClaudeAgent(bench, 1)
    goal = unseen.start()
    work = agent.say()
    unseen.finish(goal, "--tokens-output", "99")
    assert bench.shown(goal)["mode"] == "manual"
    answer(bench)
    shown = bench.shown(goal)
    assert (tokens(shown["tokens"]), shown["mode"]) == (work, "backfilled")
    assert [share["counts"] for share in shown["manual"]] == [False]


def test_a_boundary_that_waits(bench: Bench, unseen: Unseen) -> None:
    """Codex tells of a response late: what lies behind it is placed when it is settled."""
    agent = CodexAgent(bench, 1, late=True)
    agent.issue()
    measured = bench.start(**agent.environ)
    bench.ok("finish-task", measured, "--status", "fail", "--failure-reason", "other", **agent.environ)
    agent.returned()
    time.sleep(3)
    goal = unseen.start()
    agent.rollout.moment = datetime.now(UTC)
    work = agent.say()
    time.sleep(1)
    unseen.finish(goal)
    row = only(answer(bench, "--since", bench.shown(goal)["started_at"]))
    assert (row["reason"], row["hint"]) == ("pending", "tally settle")
    assert row["candidates"][0]["obstacle"] == "pending"
    assert ", pending\n" in bench.ok("backfill").out
    bench.ok("settle")
    assert only(answer(bench))["reason"] is None
    assert tokens(bench.shown(goal)["tokens"]) == work
    bench.state()


def test_arguments_that_are_wrong(bench: Bench) -> None:
    assert bench.refused("backfill", "g260620-aaaaaaaa") == "unknown-goal"
    assert bench.misused("backfill", "--agent", "nobody") == "unknown-agent"
    assert bench.misused("backfill", "--since", "yesterday") == "unreadable-date"
    assert bench.misused("backfill", "--until", "2026-13-01") == "unreadable-date"
    bench.misused("backfill", "--limit", "0")


def test_nothing_to_do(bench: Bench) -> None:
    assert bench.ok("backfill").out == "0 of 0 backfilled\n"
    assert bench.lines() == {}


def test_a_checkpoint_tells_the_same(bench: Bench, unseen: Unseen) -> None:
    """As a replay of everything does."""
    agent = ClaudeAgent(bench, 1)
    goal = unseen.start()
    agent.say()
    unseen.finish(goal)
    answer(bench)
    shown = bench.shown(goal)
    for path in (bench.data / "checkpoint").glob("*"):
        path.unlink()
    assert bench.shown(goal) == shown
    assert list((bench.data / "checkpoint").iterdir())
