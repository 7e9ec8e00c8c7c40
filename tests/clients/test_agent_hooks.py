"""Agents that keep their book by themselves: installed by command, run for real, removed without trace."""

from __future__ import annotations

import json
import subprocess
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from clients.account import ONE_PROMPT, RESUMED, Account, Step, finish, mark, start, vector, work
from clients.workbench import EARLIER, Bench, install

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.clients

PROMPT = [[start("a"), work(), mark("a", "plan"), work(), finish("a"), work()]]
THEIRS = {"hooks": {"Stop": [{"hooks": [{"type": "command", "command": "true"}]}]}}
RUNS = [
    ("codex", "codex", "project", "variable", PROMPT),
    ("codex", "codex", "user", "variable", RESUMED),
    ("codex", "codex-0.130.0", "project", "variable", PROMPT),
    ("claude", "claude", "project", "variable", ONE_PROMPT),
    ("claude", "claude-2.1.330", "project", "variable", PROMPT),
    ("claude", "claude-2.1.330", "user", "variable", RESUMED),
    ("claude", "claude-2.1.105", "project", "registry", PROMPT),
    ("claude", "claude-2.0.77", "project", "hook", RESUMED),
    ("claude", "claude-2.0.77", "user", "hook", PROMPT),
    ("claude", "claude-1.0.128", "project", "hook", PROMPT),
    ("claude", "claude-1.0.128", "user", "hook", RESUMED),
]
SETTINGS = {"claude": "settings.json", "codex": "hooks.json"}
INSTRUCTIONS = {"claude": "CLAUDE.md", "codex": "AGENTS.md"}


@pytest.mark.parametrize(
    ("agent", "build", "scope", "found", "prompts"), RUNS, ids=[f"{run[1]}-{run[2]}" for run in RUNS]
)
def test_a_session_keeps_its_book_by_itself(
    agent: str, build: str, scope: str, found: str, prompts: list[list[Step]], tools: Path, tmp_path: Path
) -> None:
    if build in EARLIER and (reason := install(tools, {build: EARLIER[build]})):
        pytest.skip(reason)
    bench = Bench(tmp_path, tools)
    place = bench.out / agent / "work"
    place.mkdir(parents=True)
    subprocess.run(["git", "init", "-q", "-b", "main"], cwd=place, check=True)
    own = place / f".{agent}" if scope == "project" else bench.out / agent / "home" / f".{agent}"
    own.mkdir(parents=True)
    (own / SETTINGS[agent]).write_text(json.dumps(THEIRS, indent=4))
    instructions = (place if scope == "project" else own) / INSTRUCTIONS[agent]
    instructions.write_bytes(b"Be brief.\r\nBe kind.")
    before = {path: path.read_bytes() for path in (own / SETTINGS[agent], instructions)}
    options = [] if scope == "project" else ["--user"]

    bench.tally(agent, "agent", "install", agent, *options)
    calls = bench.run_hooked(agent, build, *(" ;; ".join(step.shell for step in prompt) for prompt in prompts))

    account = Account()
    account.play(prompts, iter([call for call in calls if call.asked]))
    state = bench.tally(agent, "show")  # which reads no logs: all that it knows, the hooks have told
    goals = state["goals"]
    assert isinstance(goals, list)
    (goal,) = goals
    assert goal["session"] == {"agent": agent, "id": calls[0].session, "detected_by": found}
    assert goal["quality"] == "exact"
    assert vector(goal["self"]) == sum(account.stages.values(), Counter())
    remainder, rest = state["remainder"], state["unattributed"]
    assert isinstance(remainder, dict)
    assert isinstance(rest, dict)
    outside = vector(remainder["tokens"]) + vector(rest["tokens"])
    assert vector(goal["tokens"]) + outside == sum((Counter(call.tokens) for call in calls), Counter())
    if all(call.asked for call in calls):
        for stage in goal["stages"]:
            assert vector(stage["tokens"]) == account.stages["a", stage["name"]]
        assert outside == account.remainder + account.after
    ledger = b"".join(path.read_bytes() for path in (place / ".git/tallybook/events").glob("*.ndjson"))
    kept = [path for path in (bench.place / "data").rglob("*") if path.is_file()]
    assert "history.db" in {path.name for path in kept}
    assert b"[[run" not in b"".join((ledger, *(path.read_bytes() for path in kept)))

    bench.tally(agent, "agent", "uninstall", agent, *options)
    assert {path: path.read_bytes() for path in before} == before
    if scope == "project":
        entries = {str(path.relative_to(place)) for path in place.rglob("*") if ".git" not in path.parts}
        assert entries == {f".{agent}", f".{agent}/{SETTINGS[agent]}", INSTRUCTIONS[agent]}
    else:
        assert not (own / "skills" / "tallybook").exists()


def test_the_end_of_a_session_without_any_goal_is_in_the_history(tools: Path, tmp_path: Path) -> None:
    bench = Bench(tmp_path, tools)
    place = bench.out / "claude" / "work"
    place.mkdir(parents=True)
    subprocess.run(["git", "init", "-q", "-b", "main"], cwd=place, check=True)
    bench.tally("claude", "agent", "install", "claude", "--user")
    calls = bench.run_hooked("claude", "claude", "echo work ;; echo work")
    state = bench.tally("claude", "show")
    assert state["goals"] == []
    rest = state["unattributed"]
    assert isinstance(rest, dict)
    assert vector(rest["tokens"]) == sum((Counter(call.tokens) for call in calls), Counter())
