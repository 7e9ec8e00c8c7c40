"""Real builds of Gemini CLI: every call of the model server that stands in a log is counted, and in its stage."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from clients.account import Account, Step, total, vector, work
from clients.workbench import Bench, Served, clients_directory, install, missing, served

pytestmark = pytest.mark.clients

BUILDS = {
    "gemini": "@google/gemini-cli@0.61.0",
    "gemini-0.40.1": "@google/gemini-cli@0.40.1",
    "gemini-0.35.3": "@google/gemini-cli@0.35.3",
}
"""The last one wrote documents."""
MODEL = "gemini-2.5-pro"
START = Step("tally start-task --title a --kind product --quiet", "start", "a")
FINISH = Step("tally finish-task --status success", "finish", "a")


def mark(stage: str) -> Step:
    """A command that needs no name of the goal: Gemini refuses to run a shell within a shell."""
    return Step(f"tally mark {stage}", "mark", "a", stage)


@pytest.fixture(scope="session")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where builds are installed; without what that needs, the test is skipped with the reason."""
    reason = missing()
    if reason is not None:
        pytest.skip(reason)
    named = os.environ.get("TALLYBOOK_CLIENT_TOOLS")
    return Path(named) if named else tmp_path_factory.mktemp("tools")


@pytest.fixture
def bench(request: pytest.FixtureRequest, place: Path, tmp_path: Path) -> Bench:
    """One build."""
    reason = install(place, {request.param: BUILDS[request.param]})
    if reason is not None:
        pytest.skip(reason)
    return Bench(tmp_path, place / request.param)


def run(bench: Bench, *steps: tuple[str, str, bool]) -> dict[str, list[Served]]:
    """Run prompts, each with a title and whether it resumes; what was served for each title."""
    scripts, driver = clients_directory(), Path(__file__).with_name("gemini_run.py")
    bench.out.mkdir()
    words = (sys.executable, driver, scripts, bench.out, bench.tools, bench.commands(), json.dumps(steps))
    done = subprocess.run(
        [scripts / "netns.sh", *map(str, words)],
        env={"PATH": os.environ["PATH"], "HOME": str(bench.place)},
        capture_output=True,
        text=True,
        check=False,
        timeout=170,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    found: dict[str, list[Served]] = {}
    for call in bench.truth():
        found.setdefault(str(call["scenario"]), []).append(served(call))
    return found


@pytest.mark.parametrize("bench", BUILDS, indirect=True)
def test_every_logged_call_of_a_real_session_is_counted(bench: Bench) -> None:
    """Tool calls, thoughts, and a session that is resumed, by session and model."""
    calls = run(bench, ("sh", "[[sh 2]]", False), ("resumed", "[[env]]", True), ("think", "[[think]]", False))
    assert [len(calls[title]) for title in ("sh", "resumed", "think")] == [3, 2, 1]
    sessions: Any = bench.tally("gemini", "sessions")["sessions"]
    assert {row["model"] for row in sessions} == {MODEL}
    assert {row["cwd"] for row in sessions} == {str(bench.out / "gemini" / "work")}
    expected = [total([*calls["sh"], *calls["resumed"]]), total(calls["think"])]
    assert [vector(row["tokens"]) for row in reversed(sessions)] == expected
    assert [row["responses"] for row in reversed(sessions)] == [5, 1]
    used: Any = bench.tally("gemini", "usage", "--by", "model")
    assert sum(row["tokens"]["reasoning"] for row in used["rows"]) == reasoning(bench) > 0
    assert [row["key"]["model"] for row in used["rows"]] == [MODEL]
    assert {row["quality"] for row in used["rows"]} == {"exact"}


def reasoning(bench: Bench) -> int:
    """The thoughts that the model server told of."""
    neutral: list[Any] = [call["neutral"] for call in bench.truth()]
    return sum(int(one["output_reasoning"]) for one in neutral)


@pytest.mark.parametrize("bench", ["gemini"], indirect=True)
@pytest.mark.parametrize(
    "prompts",
    [
        [[START, work(), mark("plan"), work(), work(), mark("build"), FINISH]],
        [[work(), START, work(), mark("plan")], [work(), mark("build"), FINISH, work()]],
    ],
    ids=["one-prompt", "resumed"],
)
def test_every_token_of_a_real_session_finds_its_stage(bench: Bench, prompts: list[list[Step]]) -> None:
    """Gemini names no session to its shell tool; its process and the directory tell."""
    texts = [f"[[run {' ;; '.join(step.shell for step in prompt)}]]" for prompt in prompts]
    calls = run(bench, *((f"run-{nth}", text, nth > 0) for nth, text in enumerate(texts)))
    account = Account()
    account.play(prompts, iter([call for called in calls.values() for call in called]))
    assert bench.tally("gemini", "settle")["pending"] == 0
    state: Any = bench.tally("gemini", "show")
    (goal,) = state["goals"]
    assert goal["quality"] == "exact"
    assert (goal["session"]["agent"], goal["session"]["detected_by"]) == ("gemini", "directory")
    for stage in goal["stages"]:
        assert vector(stage["tokens"]) == account.stages["a", stage["name"]]
    assert vector(goal["tokens"]) == sum(account.stages.values(), Counter())
    assert vector(state["remainder"]["tokens"]) == account.remainder
    assert bench.tally("gemini", "verify")["problems"] == []
