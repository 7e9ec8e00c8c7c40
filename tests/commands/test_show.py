"""`tally show`: the state and single goals, as text and as the contract says in JSON."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

from commands.agents import ClaudeAgent, CodexAgent
from commands.bench import VECTOR
from commands.test_start_task import MEMBERS

if TYPE_CHECKING:
    from commands.bench import Bench


def test_the_state_object(bench: Bench) -> None:
    agent = ClaudeAgent(bench, 1)
    agent.say()
    goal = bench.start(**agent.environ)
    agent.say()
    bench.ok("mark", "plan", **agent.environ)
    told = bench.state()
    assert list(told) == [
        *("schema", "workflow", "goals", "summary", "remainder", "prices", "unattributed", "problems"),
    ]
    assert told["schema"] == "tallybook.state/1"
    assert set(told["workflow"]) == {"state", "worktree", "open", "message", "hint", "unpublished_events"}
    assert told["workflow"]["unpublished_events"] == len(bench.ok("log", "--json").json["events"]) > 0
    assert [row["id"] for row in told["goals"]] == told["workflow"]["open"] == [goal]
    assert set(told["remainder"]) == {"tokens", "cost", "by_session"}
    (row,) = told["remainder"]["by_session"]
    assert set(row) == {"agent", "id", "tokens"}
    assert set(told["remainder"]["tokens"]) == VECTOR
    assert set(told["unattributed"]) == {"tokens"}
    assert told["summary"] == {
        "goals": 1,
        "by_status": {"open": 1},
        "by_kind": {"product": 1},
        "measured": 1,
        "by_hand": 0,
        "pending": 0,
        "unknown_events": 0,
    }


def test_the_goal_object(bench: Bench) -> None:
    agent = CodexAgent(bench, 1)
    goal = bench.start(**agent.environ)
    agent.say()
    bench.ok("finish-task", "--status", "success", **agent.environ)
    said = bench.ok("show", goal, "--json").json
    assert list(said) == ["schema", "goal", "problems"]
    shown = said["goal"]
    assert set(shown) >= MEMBERS
    for name in ("tokens", "self", "subtree"):
        assert set(shown[name]) == VECTOR
    (session,) = shown["sessions"]
    assert set(session) == {"agent", "id", "parent", "tokens"}
    (model,) = shown["by_model"]
    assert set(model) == {"model", "tokens", "cost"}
    (attempt,) = shown["attempts"]
    wanted = {"number", "started_at", "finished_at", "status", "failure_reason", "tokens", "quality"}
    assert set(attempt) >= wanted
    assert set(shown["links"]) >= {"commits", "branch", "pr", "refs", "inputs"}
    assert {"usd", "nano_usd", "priced_share"} <= set(shown["cost"])


def test_nothing_yet(bench: Bench) -> None:
    told = bench.state()
    assert (told["goals"], told["unattributed"]) == ([], None)
    assert "no goals yet" in bench.ok("show").out


def test_an_unknown_goal(bench: Bench) -> None:
    assert bench.refused("show", "g260101-00000000") == "goal-unknown"
    assert bench.tally("show", "\udcff", "--json").error == "goal-unknown"


def test_people_see_the_state(bench: Bench) -> None:
    agent = ClaudeAgent(bench, 1)
    agent.say()
    goal = bench.start(**agent.environ)
    used = agent.say()
    bench.ok("mark", "plan", **agent.environ)
    bench.start("unmeasured one", "--untracked")
    out = bench.ok("show").out
    assert "workflow  active" in out
    rows = {line.split("\t")[0]: line.split("\t") for line in out.splitlines() if "\t" in line}
    assert rows[goal][1:7] == [
        "open",
        "product",
        f"{used.total() - used['reasoning']:,}",
        "exact",
        "here",
        "Add a shelf",
    ]
    (other,) = [row for row in rows.values() if row[-1] == "unmeasured one"]
    assert other[3:5] == ["—", "unmeasured"]
    assert "remainder " in out
    assert "unattributed " in out


def test_people_see_a_goal(bench: Bench) -> None:
    agent = ClaudeAgent(bench, 1)
    options = ("--ref", "#12", "--notes", "as agreed", "--input-source", "x")
    goal = bench.start("Add a shelf", *options, **agent.environ)
    agent.say()
    agent.delegate("11")
    bench.ok("mark", "plan", **agent.environ)
    bench.ok("continue-task", "--failure-reason", "other", **agent.environ)
    bench.ok("finish-task", "--status", "success", "--result-fit", "exact_fit", **agent.environ)
    out = bench.ok("show", goal).out
    for text in ("status    success, exact_fit", "self ", "child sessions", "attempt   1  other", "stage     1.plan"):
        assert text in out
    for text in ("refs      #12", "notes     as agreed", f"session   claude {agent.session}", "model     claude-opus"):
        assert text in out


def test_colours_and_boxes_only_where_asked(bench: Bench) -> None:
    bench.start()
    assert "\t" in bench.ok("show").out
    drawn = bench.ok("show", FORCE_COLOR="1").out
    assert "\t" not in drawn
    assert "Add a shelf" in drawn
    assert "\t" in bench.ok("show", FORCE_COLOR="1", NO_COLOR="1").out


def test_published_events_are_not_alone(bench: Bench) -> None:
    bench.ok("init", "--publish", "metrics/events")
    bench.start()
    bench.ok("hooks", "install")
    bench.git("add", "--all")
    subprocess.run(["git", "commit", "-qm", "carries the ledger"], cwd=bench.repo, check=True)
    assert bench.state()["workflow"]["unpublished_events"] == 0
    bench.ok("mark", "plan")
    assert bench.state()["workflow"]["unpublished_events"] == 1
    assert "1 event on this machine alone" in bench.ok("show").out


def test_a_session_that_no_log_tells_of_is_null_and_not_0(bench: Bench) -> None:
    named = ("--agent", "claude", "--session", "nowhere-1")
    goal = bench.start("lost", *named)
    bench.ok("mark", "plan", *named)
    (share,) = bench.shown(goal)["sessions"]
    assert (share["id"], share["tokens"]) == ("nowhere-1", None)
    assert "session   claude nowhere-1  —" in bench.ok("show", goal).out
