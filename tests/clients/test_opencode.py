"""What a real OpenCode leaves, through the real command: of each session and model exactly what it was served."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from clients.account import Account, Step, work
from clients.workbench import Bench, Served, clients_directory, install, missing, served

pytestmark = pytest.mark.clients
BUILD = {"opencode": "opencode-ai@1.18.33"}
START = Step("tally start-task --title a --kind product --quiet", "start", "a")
FINISH = Step("tally finish-task --status success", "finish", "a")
NEUTRAL = {"input": "input_uncached", "cache_read": "cache_read", "output": "output", "reasoning": "output_reasoning"}


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Logs and truth of one run: of ``TALLYBOOK_CLIENT_LOGS``, else made now."""
    named = os.environ.get("TALLYBOOK_CLIENT_LOGS")
    if named:
        return Path(named)
    reason = missing()
    if reason is not None:
        pytest.skip(reason)
    place = tmp_path_factory.mktemp("real")
    tools = os.environ.get("TALLYBOOK_CLIENT_TOOLS", str(tmp_path_factory.mktemp("tools")))
    done = subprocess.run(
        ["bash", clients_directory() / "run_real_clients.sh", place, "opencode"],
        env={"PATH": os.environ["PATH"], "HOME": str(place), "TOOLS": tools},
        capture_output=True,
        text=True,
        check=False,
        timeout=400,
    )
    if not (place / "ground_truth.json").exists():
        pytest.skip(f"OpenCode could not be run: {done.stderr[-200:]}")
    return place


def tally(outcome: Path, data: Path, *arguments: str) -> Any:  # noqa: ANN401 - a JSON document
    """The JSON object of a command that sees OpenCode's home alone."""
    truth = json.loads((outcome / "ground_truth.json").read_text())
    home = outcome / truth["clients"]["opencode"]["home"]
    here = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}
    done = subprocess.run(
        [sys.executable, "-m", "tallybook", *arguments, "--json"],
        cwd=data,
        env={"HOME": str(home), "TALLYBOOK_HOME": str(data / "data"), **here},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def logged(outcome: Path) -> dict[tuple[str, str], Counter[str]]:
    """By session and model, all calls that the logs should hold."""
    found: dict[tuple[str, str], Counter[str]] = {}
    for call in json.loads((outcome / "ground_truth.json").read_text())["calls"]:
        if call["label"] == "opencode" and call["logged"] == "yes":
            neutral = call["neutral"]
            sums = found.setdefault((call["session"], call["model"]), Counter())
            sums.update({ours: neutral[theirs] for ours, theirs in NEUTRAL.items()})
            sums["cache_write_unknown"] += neutral["cache_write_5m"] + neutral["cache_write_1h"]
            sums["responses"] += 1
    return {key: +sums for key, sums in found.items()}


def counts(row: dict[str, Any]) -> Counter[str]:
    """The same of a session's row."""
    names = (*NEUTRAL, "cache_write_unknown")
    return +Counter({"responses": row["responses"], **{name: row["tokens"][name] for name in names}})


def ended(outcome: Path) -> int:
    """How many runs took too long: the answer within which one was ended is a response of which no usage was told."""
    runs = json.loads((outcome / "ground_truth.json").read_text())["runs"]
    return sum(run["label"] == "opencode" and run["rc"] == "timeout" for run in runs)


def test_each_session_has_exactly_what_it_was_served(outcome: Path, tmp_path: Path) -> None:
    """A fork without what it copied, and a subagent as the child of its session."""
    wanted = logged(outcome)
    assert len(wanted) >= 5
    for _ in range(2):
        rows = tally(outcome, tmp_path, "sessions", "--agent", "opencode", "--limit", "1000")["sessions"]
        told = {(row["id"], row["model"]): counts(row) for row in rows}
        cut = {key: sums - wanted.get(key, Counter()) for key, sums in told.items() if sums != wanted.get(key)}
        assert all(set(more) == {"responses"} for more in cut.values()), cut
        assert sum(more["responses"] for more in cut.values()) <= ended(outcome), cut
        assert {key: sums - cut.get(key, Counter()) for key, sums in told.items()} == wanted
    parents = {row["id"]: row["parent"] for row in rows if row["parent"]}
    truth = json.loads((outcome / "ground_truth.json").read_text())["runs"]
    assert len(parents) == sum(run["label"] == "opencode" and "task" in run["scenario"] for run in truth)
    assert set(parents.values()) <= {session for session, _ in wanted}


def mark(stage: str) -> Step:
    return Step(f"tally mark {stage}", "mark", "a", stage)


@pytest.fixture
def bench(tmp_path_factory: pytest.TempPathFactory, tmp_path: Path) -> Bench:
    """One build."""
    reason = missing()
    if reason is not None:
        pytest.skip(reason)
    named = os.environ.get("TALLYBOOK_CLIENT_TOOLS")
    place = Path(named) if named else tmp_path_factory.mktemp("tools")
    reason = install(place, BUILD)
    if reason is not None:
        pytest.skip(reason)
    return Bench(tmp_path, place / "opencode")


def run(bench: Bench, *steps: tuple[str, ...]) -> list[Served]:
    """Run prompts, each with a title and options; what was served, in order."""
    scripts, driver = clients_directory(), Path(__file__).with_name("opencode_run.py")
    bench.login()
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
    return [served(call) for call in bench.truth()]


@pytest.mark.parametrize(
    "prompts",
    [
        [[START, work(), mark("plan"), work(), work(), mark("build"), FINISH]],
        [[work(), START, work(), mark("plan")], [work(), mark("build"), FINISH, work()]],
    ],
    ids=["one-prompt", "resumed"],
)
def test_every_token_of_a_real_session_finds_its_stage(bench: Bench, prompts: list[list[Step]]) -> None:
    """OpenCode names no session to its shell tool, and tells usage only when the tool has come back."""
    texts = [f"[[run {' ;; '.join(step.shell for step in prompt)}]]" for prompt in prompts]
    calls = run(bench, *((f"run-{nth}", *["--continue"] * (nth > 0), text) for nth, text in enumerate(texts)))
    account = Account()
    account.play(prompts, iter(calls))
    assert bench.tally("opencode", "settle")["pending"] == 0
    state: Any = bench.tally("opencode", "show")
    (goal,) = state["goals"]
    assert goal["quality"] == "exact"
    assert (goal["session"]["agent"], goal["session"]["detected_by"]) == ("opencode", "directory")
    for stage in goal["stages"]:
        assert written(stage["tokens"]) == lumped(account.stages["a", stage["name"]])
    assert written(state["remainder"]["tokens"]) == lumped(account.remainder)
    assert bench.tally("opencode", "verify")["problems"] == []


def lumped(tokens: Counter[str]) -> Counter[str]:
    """Cache writes in one sum: OpenCode does not tell how long they live."""
    lived = ("cache_write_5m", "cache_write_1h")
    sums = Counter({name: count for name, count in tokens.items() if name not in lived})
    return +Counter({**sums, "cache_write_unknown": sum(tokens[name] for name in lived)})


def written(tokens: dict[str, int]) -> Counter[str]:
    """The same of what the program says."""
    return +Counter({name: tokens[name] for name in ("input", "cache_read", "cache_write_unknown", "output")})
