"""Whose tokens `tally run` counts: real processes that are agents by name, with logs whose every token is known."""

from __future__ import annotations

import json
import shlex
import sys
from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from commands.agents import ClaudeAgent, CodexAgent
from commands.bench import program, tokens
from commands.worker import keep, nameless, used, worker

if TYPE_CHECKING:
    from pathlib import Path

    from commands.bench import Bench, Json, Said

RUN = ("run", "--title", "Mend a shelf", "--kind", "product", "--quiet", "--json")
TALLY = f"{sys.executable} -m tallybook"
SHOWN = (["show"], ["say"], ["say"], ["hold"])


def ran(bench: Bench, *command: str, **environ: str) -> tuple[Json, Said]:
    said = bench.ok(*RUN, "--", *command, **environ)
    assert said.json["schema"] == "tallybook.run/1"
    goal: Json = said.json["goal"]
    return goal, said


def total(truth: Path) -> Counter[str]:
    return sum(used(truth), Counter())


@pytest.mark.parametrize("kind", ["codex", "claude"])
@pytest.mark.parametrize("below", [False, True])
def test_an_agent_below_the_command_counts_for_the_goal(bench: Bench, kind: str, below: bool, tmp_path: Path) -> None:
    stranger = ClaudeAgent(bench, 7)
    stranger.say()
    command = worker(kind, 1, tmp_path / "truth", *SHOWN)
    if below:
        command = ["sh", "-c", f"true; {shlex.join(command)}; true"]
    goal, _ = ran(bench, *command)
    assert tokens(goal["tokens"]) == total(tmp_path / "truth")
    assert (goal["status"], goal["quality"]) == ("success", "exact")
    assert goal["session"]["detected_by"] == "descendant"
    assert [share["agent"] for share in goal["sessions"]] == [kind]
    assert goal["agent"] == kind
    bench.state()
    assert bench.ok("verify").code == 0


@pytest.mark.parametrize("kind", ["codex", "claude"])
@pytest.mark.parametrize("hold", [[], [["hold"]]], ids=["at once", "seen before"])
def test_child_sessions_count_as_such(bench: Bench, kind: str, hold: list[list[str]], tmp_path: Path) -> None:
    acts = (["show"], ["say"], *hold, ["delegate"], ["hold"])
    goal, _ = ran(bench, *worker(kind, 1, tmp_path / "truth", *acts))
    own, theirs = used(tmp_path / "truth")
    assert tokens(goal["self"]) == own
    assert tokens(goal["subtree"]) == theirs
    assert goal["quality"] == "exact"


def test_two_agents_below_the_command_both_count(bench: Bench, tmp_path: Path) -> None:
    truths = [tmp_path / "one", tmp_path / "two"]
    one, two = (
        shlex.join(worker(*who, truth, *SHOWN))
        for who, truth in zip((("codex", 1), ("claude", 2)), truths, strict=True)
    )
    goal, _ = ran(bench, "sh", "-c", f"{one} & {two}; wait")
    assert tokens(goal["tokens"]) == total(truths[0]) + total(truths[1])
    assert goal["quality"] == "exact"
    assert {share["agent"] for share in goal["sessions"]} == {"codex", "claude"}


@pytest.mark.parametrize("kind", ["codex", "claude"])
@pytest.mark.parametrize("early", [True, False], ids=["seen early", "seen late"])
def test_of_a_resumed_session_only_the_new_part_counts(bench: Bench, kind: str, early: bool, tmp_path: Path) -> None:
    agent = CodexAgent(bench, 1, ago=timedelta(minutes=5)) if kind == "codex" else ClaudeAgent(bench, 1)
    before = agent.say() + agent.say()
    state = keep(agent, tmp_path / "agent")
    acts = [["show"], ["say"], ["hold"], ["say"]] if early else [["say"], ["say"], ["show"], ["hold"]]
    goal, _ = ran(bench, *worker(kind, 1, tmp_path / "truth", ["resume", state], *acts))
    assert tokens(goal["tokens"]) == total(tmp_path / "truth")
    assert goal["quality"] == "exact"
    state_now = bench.state()
    assert tokens(state_now["remainder"]["tokens"]) == before


def test_of_a_resumed_session_that_had_used_nothing_all_counts(bench: Bench, tmp_path: Path) -> None:
    state = keep(CodexAgent(bench, 1, ago=timedelta(minutes=5)), tmp_path / "agent")
    acts = (["show"], ["say"], ["hold"], ["delegate"], ["hold"])
    goal, _ = ran(bench, *worker("codex", 1, tmp_path / "truth", ["resume", state], *acts))
    own, theirs = used(tmp_path / "truth")
    assert (tokens(goal["self"]), tokens(goal["subtree"])) == (own, theirs)
    assert goal["quality"] == "exact"


def test_of_a_resumed_session_with_children_only_their_new_part_counts(bench: Bench, tmp_path: Path) -> None:
    agent = ClaudeAgent(bench, 1)
    before = agent.say() + agent.delegate("11") + agent.delegate("22")
    state = keep(agent, tmp_path / "agent")
    acts = (["say"], ["delegate"], ["show"], ["hold"])
    goal, _ = ran(bench, *worker("claude", 1, tmp_path / "truth", ["resume", state], *acts))
    own, theirs = used(tmp_path / "truth")
    assert (tokens(goal["self"]), tokens(goal["subtree"])) == (own, theirs)
    assert tokens(bench.state()["remainder"]["tokens"]) == before


@pytest.mark.parametrize("kind", ["codex", "claude"])
def test_a_goal_that_the_agent_opens_takes_its_part(bench: Bench, kind: str, tmp_path: Path) -> None:
    start = ["tally", "start-task", "--title", "inner", "--kind", "meta"]
    finish = ["finish", "--status", "success"]
    acts = (["show"], ["say"], start, ["say"], finish, ["say"], ["hold"])
    goal, _ = ran(bench, *worker(kind, 1, tmp_path / "truth", *acts))
    first, issued, inside, closing, after = used(tmp_path / "truth")
    assert tokens(goal["tokens"]) == first + issued + after
    found = {one["title"]: one for one in bench.state()["goals"]}
    assert tokens(found["inner"]["tokens"]) == inside + closing
    assert goal["quality"] == found["inner"]["quality"] == "exact"


def test_a_run_within_a_run_takes_what_runs_below_it(bench: Bench, tmp_path: Path) -> None:
    inner, outer = (shlex.join(worker("codex", n, tmp_path / str(n), *SHOWN)) for n in (1, 2))
    goal, said = ran(bench, "sh", "-c", f"{TALLY} run --title inner --kind meta -- {inner}; {outer}")
    assert "another goal is open here; this one is nested in it" not in said.out
    assert tokens(goal["tokens"]) == total(tmp_path / "2")
    found = {one["title"]: one for one in bench.state()["goals"]}
    assert tokens(found["inner"]["tokens"]) == total(tmp_path / "1")
    assert found["inner"]["quality"] == "exact"


def test_a_run_within_an_agent_below_a_run(bench: Bench, tmp_path: Path) -> None:
    """The agent's own session counts for the inner goal while it runs, by the rule of every boundary."""
    inner = worker("claude", 2, tmp_path / "inner", *SHOWN)
    acts = (["show"], ["say"], ["tally", "run", "--title", "inner", "--kind", "meta", "--", *inner], ["say"], ["hold"])
    goal, _ = ran(bench, *worker("codex", 1, tmp_path / "outer", *acts))
    assert tokens(goal["tokens"]) == total(tmp_path / "outer")
    found = {one["title"]: one for one in bench.state()["goals"]}
    assert tokens(found["inner"]["tokens"]) == total(tmp_path / "inner")
    assert found["inner"]["session"]["detected_by"] == "variable"
    assert goal["quality"] == found["inner"]["quality"] == "exact"


@pytest.mark.parametrize("late", [False, True])
def test_within_a_session_the_response_that_issued_the_run_lies_before_it(bench: Bench, late: bool) -> None:
    agent = CodexAgent(bench, 1, late=late)
    before = agent.say() + agent.issue()
    goal, said = ran(bench, "true", **agent.environ)
    agent.returned()
    assert bench.ok("settle", "--json").json["pending"] == 0
    shown = bench.shown(goal["id"])
    assert tokens(shown["tokens"]) == Counter()
    assert shown["session"] == {"agent": "codex", "id": agent.session, "detected_by": "variable"}
    assert shown["quality"] == "exact"
    assert tokens(bench.state()["remainder"]["tokens"]) == before
    assert "no agent" not in said.err


def test_what_the_session_around_uses_meanwhile_counts(bench: Bench, tmp_path: Path) -> None:
    agent = ClaudeAgent(bench, 1)
    before = agent.say()
    agent.log.rename(tmp_path / "before")
    meanwhile = agent.say()
    agent.log.rename(tmp_path / "after")
    agent.log.write_bytes((tmp_path / "before").read_bytes())
    goal, _ = ran(bench, "cp", str(tmp_path / "after"), str(agent.log), **agent.environ)
    assert tokens(goal["tokens"]) == meanwhile
    assert tokens(bench.state()["remainder"]["tokens"]) == before


def test_one_session_born_here_is_taken_where_no_process_tells(bench: Bench, tmp_path: Path) -> None:
    ClaudeAgent(bench, 7).say()
    goal, said = ran(bench, *nameless(worker("codex", 1, tmp_path / "truth", ["say"])))
    assert tokens(goal["tokens"]) == total(tmp_path / "truth")
    assert goal["session"]["detected_by"] == "born"
    assert goal["quality"] == "exact"
    assert "note" not in said.err


def test_several_sessions_born_here_are_all_taken_unverified(bench: Bench, tmp_path: Path) -> None:
    truths = [tmp_path / "one", tmp_path / "two"]
    commands = []
    for kind, number, truth in (("codex", 1, truths[0]), ("claude", 2, truths[1])):
        commands.append(shlex.join(nameless(worker(kind, number, truth, ["say"]))))
    said = bench.ok("run", "--title", "t", "--kind", "product", "--", "sh", "-c", "; ".join(commands))
    assert "several sessions began here while the command ran; all were taken, unverified: " in said.err
    assert said.out == ""
    (goal,) = bench.state()["goals"]
    assert tokens(goal["tokens"]) == total(truths[0]) + total(truths[1])
    assert goal["quality"] == "unverified"
    assert len(goal["sessions"]) == 2


def test_a_session_that_works_for_another_goal_is_left_to_it(bench: Bench, tmp_path: Path) -> None:
    """It began here while the command ran, but below nobody we know."""
    start = ["tally", "start-task", "--title", "theirs", "--kind", "meta"]
    goal, said = ran(bench, *nameless(worker("codex", 1, tmp_path / "truth", start, ["say"])))
    assert goal["tokens"] is None
    assert goal["sessions"] == []
    assert json.loads(said.out)["goal"]["quality"] == "unmeasured"


def test_an_agent_whose_process_shows_nothing_is_found_by_its_directory(bench: Bench, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    command = shlex.join(worker("codex", 1, tmp_path / "truth", ["say"], ["hold"]))
    other = nameless(worker("claude", 2, tmp_path / "other", ["say"]))
    goal, _ = ran(bench, "sh", "-c", f"{shlex.join(other)}; cd {elsewhere} && {command}; true")
    assert tokens(goal["tokens"]) == total(tmp_path / "truth")
    assert goal["session"]["detected_by"] == "born"


def test_an_agent_without_any_log_is_told(bench: Bench, tmp_path: Path) -> None:
    said = bench.ok(
        "run", "--title", "t", "--kind", "meta", "--", *worker("codex", 1, tmp_path / "t", ["say"], ["hide"], ["hold"])
    )
    assert "codex was at work below the command, but no log of it was found; what it used is not counted" in said.err
    (goal,) = bench.state()["goals"]
    assert goal["tokens"] is None


def test_beside_an_agent_without_a_log_the_others_are_a_lower_bound(bench: Bench, tmp_path: Path) -> None:
    hidden = shlex.join(worker("codex", 1, tmp_path / "hidden", ["say"], ["hide"], ["hold"]))
    shown = shlex.join(worker("claude", 2, tmp_path / "shown", *SHOWN))
    goal, _ = ran(bench, "sh", "-c", f"{hidden}; {shown}")
    assert tokens(goal["tokens"]) == total(tmp_path / "shown")
    assert (goal["quality"], goal["session"]) == ("lower_bound", None)


def test_a_registered_session_without_a_log_is_unmeasured(bench: Bench, tmp_path: Path) -> None:
    command = worker("claude", 1, tmp_path / "t", ["say"], ["show"], ["hide"], ["hold"])
    said = bench.ok("run", "--title", "t", "--kind", "meta", "--", *command)
    assert "until one does, it is unmeasured" in said.err
    (goal,) = bench.state()["goals"]
    assert (goal["tokens"], goal["quality"], len(goal["sessions"])) == (None, "unmeasured", 1)
    assert goal["session"]["detected_by"] == "descendant"


def test_a_name_that_the_registry_gave_up_does_not_count(bench: Bench, tmp_path: Path) -> None:
    acts = (["show", "f00d"], ["hold"], ["show"], ["say"], ["hold"])
    goal, _ = ran(bench, *worker("claude", 1, tmp_path / "truth", *acts))
    assert tokens(goal["tokens"]) == total(tmp_path / "truth")
    assert goal["quality"] == "exact"


@pytest.mark.parametrize("how", ["option", "settings"])
def test_nothing_is_looked_for_where_nobody_wants_it(bench: Bench, how: str, tmp_path: Path) -> None:
    more = ("--untracked",) if how == "option" else ()
    if how == "settings":
        (bench.repo / "config").mkdir()
        (bench.repo / "config" / "tallybook.toml").write_text("[capture]\nenabled = false\n")
    command = worker("codex", 1, tmp_path / "truth", *SHOWN)
    said = bench.ok("run", "--title", "t", "--kind", "meta", *more, "--json", "--", *command)
    goal = said.json["goal"]
    assert (goal["tokens"], goal["sessions"], goal["session"]) == (None, [], None)
    assert "agent" not in said.err


def test_the_agent_may_close_the_goal_itself(bench: Bench, tmp_path: Path) -> None:
    finish = ["tally", "finish-task", "--status", "success", "--result-fit", "partial_fit"]
    acts = (["show"], ["say"], finish, ["say"], ["hold"], ["exit", "3"])
    said = bench.tally("run", "--title", "t", "--kind", "product", "--", *worker("codex", 1, tmp_path / "truth", *acts))
    assert said.code == 3
    assert "was closed while the command ran, and stays as it is" in said.err
    (goal,) = bench.state()["goals"]
    first, issued, _ = used(tmp_path / "truth")
    assert (goal["status"], goal["result_fit"]) == ("success", "partial_fit")
    assert tokens(goal["tokens"]) == first + issued


def test_marks_from_below_the_command(bench: Bench, tmp_path: Path) -> None:
    acts = (["show"], ["say"], ["tally", "mark", "plan"], ["say"], ["hold"])
    goal, _ = ran(bench, *worker("claude", 1, tmp_path / "truth", *acts))
    first, issued, last = used(tmp_path / "truth")
    assert [(stage["name"], tokens(stage["tokens"])) for stage in goal["stages"]] == [
        ("plan", first + issued),
        (None, last),
    ]


def test_a_session_named_by_hand(bench: Bench) -> None:
    agent = CodexAgent(bench, 1)
    agent.say()
    named = ("--agent", "codex", "--session", agent.session)
    said = bench.ok(*RUN, *named, "--", "true")
    assert said.json["goal"]["session"] == {"agent": "codex", "id": agent.session, "detected_by": "flag"}
    said = bench.tally(*RUN, "--untracked", *named, "--", "true")
    assert (said.code, said.error) == (2, "usage")


def test_outside_of_a_repository(bench: Bench, tmp_path: Path) -> None:
    place = tmp_path / "bare"
    place.mkdir()
    bench.go(place)
    goal, _ = ran(bench, *worker("codex", 1, tmp_path / "truth", *SHOWN))
    assert tokens(goal["tokens"]) == total(tmp_path / "truth")
    assert program("show", goal["id"], cwd=place).returncode == 0


def test_a_history_that_cannot_be_used_is_told(bench: Bench) -> None:
    bench.data.write_text("")
    said = bench.ok("run", "--title", "t", "--kind", "meta", "--", "true")
    assert "usage is not measured" in said.err
