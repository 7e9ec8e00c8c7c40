"""`tally check`: numbered passes over a source, with stages, tokens and what they found."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import pytest

from commands.agents import AmpAgent, ClaudeAgent, CodexAgent
from commands.bench import tokens, tree

if TYPE_CHECKING:
    from pathlib import Path

    from commands.agents import Agent
    from commands.bench import Bench


def test_a_pass_from_start_to_end(bench: Bench) -> None:
    agent = ClaudeAgent(bench, 1)
    check = bench.ok("check", "start", "--source-id", "paper-7", "--quiet", **agent.environ).out.strip()
    plan = agent.say()
    bench.ok("check", "mark", "--id", check, "--stage", "read", **agent.environ)
    rest = agent.say()
    said = bench.ok(
        *("check", "complete", "--id", check, "--claims-extracted", "12", "--claims-updated", "3"),
        *("--input-source", "book-1", "--notes", "n", "--json"),
        **agent.environ,
    )
    goal = said.goal
    assert (goal["kind"], goal["source_id"], goal["pass"], goal["status"]) == ("check", "paper-7", 1, "success")
    assert (goal["claims"], goal["links"]["input_sources"]) == ({"extracted": 12, "updated": 3}, ["book-1"])
    assert [tokens(stage["tokens"]) for stage in goal["stages"]] == [plan, rest]
    assert goal["synthesis"]["sources"] == ["book-1"]
    assert "claims    12 extracted, 3 updated" in bench.ok("show", check).out
    assert f"| paper-7 | 1 | 12 | 3 | {check} | success |" in bench.ok("report").out
    assert bench.ok("verify").code == 0


def test_passes_are_numbered_and_listed(bench: Bench) -> None:
    def start(*more: str) -> str:
        return bench.ok("check", "start", "--source-id", "s", "--quiet", *more).out.strip()

    ids = [start()]
    bench.ok("check", "complete")
    ids.append(start("--pass", "7"))
    bench.ok("check", "complete", "--status", "failed")
    assert bench.shown(ids[1])["failure_reason"] == "other"
    ids.append(start("--pass", "7"))
    bench.ok("check", "complete", "--status", "failed", "--failure-reason", "missing_context")
    ids.append(start())
    other = bench.ok("check", "start", "--source-id", "t", "--quiet").out.strip()
    listed = bench.ok("check", "list", "--source-id", "s", "--json").json["checks"]
    assert [(row["id"], row["pass"]) for row in listed] == list(zip(ids, (1, 7, 7, 8), strict=True))
    rows = bench.ok("check", "list").out.splitlines()
    assert len(rows) == 1 + len(ids) + 1
    assert other in rows[-1]
    assert bench.refused("check", "start", "--source-id", "s", "--pass", "1") == "pass-exists"


def test_synthesis_takes_each_input_once_and_follows_corrections(bench: Bench) -> None:
    agent = ClaudeAgent(bench, 1)
    shared, one, two = (bench.start(title, kind="check", **agent.environ) for title in ("shared", "one", "two"))
    sizes = {}
    for goal in (two, one, shared):
        sizes[goal] = sum(agent.say().values())
        bench.ok("check", "complete", "--id", goal, **agent.environ)
    for goal in (one, two):
        bench.ok("update", goal, "--input", shared)
    top = bench.start("top", "--input", one, kind="meta", **agent.environ)
    own = sum(agent.say().values())
    bench.ok("finish-task", "--status", "success", **agent.environ)
    bench.ok("update", top, "--input", two)
    found = bench.shown(top)["synthesis"]
    assert {(row["id"], row["direct"]) for row in found["inputs"]} == {(one, True), (two, True), (shared, False)}
    assert (found["own"]["total"], found["end_to_end"]["total"]) == (own, own + sum(sizes.values()))
    assert found["quality"] == "exact"
    text = bench.ok("report").out
    assert f"| {top} | input of an input {shared} | shared |" in text
    assert f"| {own + sum(sizes.values()):,} | exact |" in text
    late = bench.start("late", "--untracked", kind="check")
    bench.ok("finish-task", late, "--status", "success")
    bench.ok("update", top, "--input", late)
    assert bench.shown(top)["synthesis"]["quality"] == "lower_bound"
    bench.ok("update", late, "--tokens-output", "1000")
    after = bench.shown(top)["synthesis"]
    assert after["end_to_end"]["total"] == found["end_to_end"]["total"] + 1000
    assert bench.refused("update", shared, "--input", top) == "input-cycle"


def test_a_check_that_is_over_is_added_from_numbers(bench: Bench) -> None:
    said = bench.ok(
        *("check", "add", "--source-id", "s", "--tokens-input", "10", "--tokens-output", "5", "--model", "m"),
        *("--started-at", "2026-06-20T10:00:00Z", "--finished-at", "2026-06-20T11:00:00Z", "--claims-extracted", "2"),
        "--json",
    )
    goal = said.goal
    assert (tokens(goal["tokens"]), goal["mode"], goal["claims"]["extracted"]) == (
        {"input": 10, "output": 5},
        "manual",
        2,
    )
    assert (goal["started_at"], goal["finished_at"]) == ("2026-06-20T10:00:00Z", "2026-06-20T11:00:00Z")
    assert [row["model"] for row in goal["by_model"]] == ["m"]
    bare = bench.ok("check", "add", "--source-id", "s", "--status", "failed", "--json").goal
    assert (bare["pass"], bare["tokens"], bare["quality"], bare["failure_reason"]) == (2, None, "unmeasured", "other")


def test_a_check_is_added_from_the_log_of_its_session_with_its_subagents(bench: Bench) -> None:
    agent = ClaudeAgent(bench, 1)
    own, child = agent.say(), agent.delegate("one")
    said = bench.ok("check", "add", "--source-id", "s", "--usage-from", f"claude:{agent.log}", "--json")
    goal = said.goal
    assert (tokens(goal["self"]), tokens(goal["subtree"])) == (own, child)
    assert (goal["quality"], goal["mode"], goal["session"]["detected_by"]) == ("exact", "captured", "log")
    assert bench.refused("check", "add", "--source-id", "s", "--usage-from", f"claude:{agent.log}") == "log-counted"
    more = agent.say()
    said = bench.ok("check", "add", "--source-id", "s", "--usage-from", f"claude:{agent.log}", "--json")
    assert tokens(said.goal["tokens"]) == more
    assert "belong to" in said.err
    bench.state()
    assert bench.ok("verify").code == 0


def test_tokens_that_a_goal_has_are_not_taken_from_it(bench: Bench) -> None:
    agent = CodexAgent(bench, 1)
    before = agent.say()
    goal = bench.start("work", **agent.environ)
    used = agent.say()
    bench.ok("finish-task", "--status", "success", **agent.environ)
    said = bench.ok("check", "add", "--source-id", "s", "--usage-from", f"codex:{agent.log}", "--json")
    assert tokens(said.goal["tokens"]) == before, "the remainder was nobody's"
    assert tokens(bench.shown(goal)["tokens"]) == used
    assert goal in said.err
    assert bench.state()["remainder"]["tokens"]["total"] == 0


@pytest.mark.parametrize("kind", [AmpAgent, ClaudeAgent, CodexAgent])
def test_a_log_that_lies_elsewhere_is_counted_by_itself(bench: Bench, tmp_path: Path, kind: type[Agent]) -> None:
    agent = kind(bench, 1)
    used = agent.say()
    place = tmp_path / "elsewhere" / agent.log.name
    place.parent.mkdir()
    shutil.move(agent.log, place)
    said = bench.ok("check", "add", "--source-id", "s", "--usage-from", f"{agent.agent}:{place}", "--json")
    assert tokens(said.goal["tokens"]) == used
    assert bench.ok("sessions", "--json").json["sessions"] == [], "it stays out of the history"
    assert not list(bench.data.glob("log-*")), "and leaves nothing behind"
    assert b"elsewhere" not in b"".join(bench.lines().values())


def test_a_relative_path_and_a_link_are_the_same_log(bench: Bench) -> None:
    agent = CodexAgent(bench, 1)
    used = agent.say()
    link = bench.repo / "rollout.link"
    link.symlink_to(agent.log)
    said = bench.ok("check", "add", "--source-id", "s", "--usage-from", f"codex:{link.name}", "--json")
    assert tokens(said.goal["tokens"]) == used
    place = os.path.relpath(agent.log, bench.repo)
    assert bench.refused("check", "add", "--source-id", "s", "--usage-from", f"codex:{place}") == "log-counted"


def test_a_log_of_several_sessions_needs_a_name(bench: Bench, tmp_path: Path) -> None:
    one, two = ClaudeAgent(bench, 1), ClaudeAgent(bench, 2)
    one.say()
    used = two.say()
    place = tmp_path / "both.jsonl"
    place.write_bytes(one.log.read_bytes() + two.log.read_bytes())
    for agent in (one, two):
        agent.log.unlink()
    arguments = ("check", "add", "--source-id", "s", "--usage-from", f"claude:{place}")
    said = bench.tally(*arguments, "--json")
    assert (said.error, one.session in said.err, two.session in said.err) == ("several-sessions", True, True)
    assert bench.refused(*arguments, "--session", "nobody") == "no-session-in-log"
    assert tokens(bench.ok(*arguments, "--session", two.session, "--json").goal["tokens"]) == used


def test_what_is_refused(bench: Bench, tmp_path: Path) -> None:
    goal = bench.start("work")
    assert bench.refused("check", "mark", "--id", goal, "--stage", "read") == "other-kind"
    assert bench.refused("check", "complete", "--id", goal) == "other-kind"
    bench.ok("finish-task", "--status", "success")
    assert bench.refused("check", "mark", "--stage", "read") == "clean-mark"
    assert bench.refused("check", "complete") == "clean-finish-task"
    empty = tmp_path / "empty.jsonl"
    empty.write_text("")
    assert bench.refused("check", "add", "--source-id", "s", "--usage-from", f"claude:{empty}") == "no-session-in-log"
    other = tmp_path / "other.jsonl"
    other.write_text('{"a": 1}\nnot json\n')
    assert bench.refused("check", "add", "--source-id", "s", "--usage-from", f"codex:{other}") == "no-usage-in-log"
    os.mkfifo(tmp_path / "pipe")
    assert bench.misused("check", "add", "--source-id", "s", "--usage-from", f"claude:{tmp_path / 'pipe'}") == "no-log"


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("start",), "usage"),
        (("start", "--source-id", ""), "bad-text"),
        (("start", "--source-id", "s", "--pass", "0"), "usage"),
        (("mark", "--stage", ""), "bad-text"),
        (("complete", "--status", "success"), "usage"),
        (("complete", "--claims-extracted", "-1"), "usage"),
        (("add", "--source-id", "s", "--usage-from", "nobody:/log"), "unknown-agent"),
        (("add", "--source-id", "s", "--usage-from", "log"), "unknown-agent"),
        (("add", "--source-id", "s", "--usage-from", "claude:"), "no-log"),
        (("add", "--source-id", "s", "--usage-from", "claude:/nowhere/log.jsonl"), "no-log"),
        (("add", "--source-id", "s", "--session", "x"), "usage"),
        (("add", "--source-id", "s", "--started-at", "yesterday"), "bad-time"),
        (("add", "--source-id", "s", "--started-at", "2999-01-01T00:00:00Z"), "start-in-future"),
        (("add", "--source-id", "s", "--tokens-reasoning", "5"), "bad-number"),
        (("add", "--source-id", "s", "--failure-reason", "bad luck"), "usage"),
    ],
)
def test_bad_arguments(bench: Bench, arguments: tuple[str, ...], code: str) -> None:
    bench.ok("check", "start", "--source-id", "open")
    assert bench.misused("check", *arguments) == code


def test_a_listing_writes_nothing(bench: Bench) -> None:
    bench.ok("check", "start", "--source-id", "s")
    before = tree(bench.repo)
    bench.ok("check", "list")
    assert tree(bench.repo) == before
