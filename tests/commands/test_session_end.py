"""`tally hook session-end`: what waits is settled and the history knows everything, while the agent notices nothing."""

from __future__ import annotations

import io
import json
import os
from typing import TYPE_CHECKING, Any

import pytest

from commands.agents import ClaudeAgent, CodexAgent
from commands.bench import Said, balanced, program, tokens
from tallybook.agents.handover import Holder, handed_session
from tallybook.agents.processes import ListedTree, Process

if TYPE_CHECKING:
    from collections import Counter
    from pathlib import Path

    from commands.agents import Agent
    from commands.bench import Bench, Json


@pytest.fixture(params=["claude", "codex", "codex-late"])
def agent(request: pytest.FixtureRequest, bench: Bench) -> Agent:
    """Agents that have hooks of their own."""
    if request.param == "claude":
        return ClaudeAgent(bench, 1)
    return CodexAgent(bench, 1, late=request.param == "codex-late")


WORDS = "first-the-plan-then-the-rest"


def told(agent: Agent, bench: Bench, **more: object) -> Json:
    return {
        "session_id": agent.session,
        "transcript_path": str(agent.log),
        "cwd": str(bench.repo),
        "hook_event_name": "SessionEnd",
        "reason": "other",
        "last_assistant_message": WORDS,
        **more,
    }


def hook(name: str, agent: str, told: object, **options: Any) -> tuple[int, str, str]:  # noqa: ANN401 - of subprocess
    """The hook as the agent runs it, from somewhere else."""
    text = told if isinstance(told, str) else json.dumps(told)
    done = program("hook", name, agent, input=text, cwd="/", **options)
    return done.returncode, done.stdout, done.stderr


def show(bench: Bench) -> Json:
    """Reads no logs: what it knows was read before."""
    state = bench.ok("show", "--json").json
    balanced(state)
    return state


def test_the_end_of_a_session_settles_and_reads_what_is_left(bench: Bench, agent: Agent) -> None:
    agent.issue()
    goal = bench.start(**agent.environ)
    agent.returned()
    used = agent.issue()
    bench.ok("finish-task", goal, "--status", "success", **agent.environ)
    agent.returned()
    rest = agent.say()
    assert hook("session-end", agent.agent, told(agent, bench)) == (0, "", "")
    state = show(bench)
    (row,) = state["goals"]
    assert (tokens(row["tokens"]), row["quality"]) == (used, "exact")
    assert tokens(state["unattributed"]["tokens"]) == rest
    assert bench.ok("settle", "--json").json["settled"] == 0
    lines = bench.lines()
    assert hook("session-end", agent.agent, told(agent, bench, hook_event_name="Stop")) == (0, "", "")
    assert bench.lines() == lines


def test_a_session_without_a_goal_is_known_after_its_log_is_gone(bench: Bench, agent: Agent) -> None:
    used = agent.say()
    assert hook("session-end", agent.agent, told(agent, bench)) == (0, "", "")
    agent.log.unlink()
    assert tokens(show(bench)["unattributed"]["tokens"]) == used
    assert not bench.ledger.exists()


def test_nothing_of_the_text_is_kept(bench: Bench, agent: Agent) -> None:
    agent.say()
    for event in ("Stop", "SessionEnd"):
        assert hook("session-end", agent.agent, told(agent, bench, hook_event_name=event)) == (0, "", "")
    hook("session-start", agent.agent, told(agent, bench, hook_event_name="SessionStart"))
    for path in (*bench.data.rglob("*"), *(bench.repo / ".git").rglob("*")):
        assert not path.is_file() or WORDS.encode() not in path.read_bytes()


def test_a_directory_that_is_gone_is_no_fault(bench: Bench, agent: Agent, tmp_path: Path) -> None:
    used = agent.say()
    assert hook("session-end", agent.agent, told(agent, bench, cwd=str(tmp_path / "gone"))) == (0, "", "")
    assert tokens(show(bench)["unattributed"]["tokens"]) == used


BAD = ["", "{", "[]", "null", "[" * 99_999, '{"session_id": "a"}', "x" * 99_999]


@pytest.mark.parametrize("text", BAD, ids=range(len(BAD)))
def test_what_is_not_whole_is_one_line_and_nothing_written(text: str, bench: Bench) -> None:
    code, out, err = hook("session-end", "claude", text)
    assert (code, out, err.count("\n")) == (0, "", 1)
    assert err.startswith("tallybook: warning: session-end did nothing: ")
    assert not bench.data.exists()


def test_other_agents_and_closed_streams_change_nothing(bench: Bench, agent: Agent) -> None:
    for name in ("session-start", "session-end"):
        assert hook(name, "gemini", told(agent, bench))[:2] == (0, "")
        done = program("hook", name, cwd="/", stdin=None, input="")
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (0, "", 1)
    assert not bench.data.exists()


def called(name: str, bench: Bench, agent: Agent, monkeypatch: pytest.MonkeyPatch) -> Said:
    """The hook in this process, through the command line."""
    event = "SessionStart" if name == "session-start" else "SessionEnd"
    text = json.dumps(told(agent, bench, hook_event_name=event))
    with monkeypatch.context() as patch:
        patch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
        return bench.tally("hook", name, agent.agent)


def test_a_fault_of_ours_is_one_line(bench: Bench, agent: Agent, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.data.mkdir()
    (bench.data / "history.db").mkdir()
    said = called("session-end", bench, agent, monkeypatch)
    assert (said.code, said.out, said.err.count("\n")) == (0, "", 1)
    assert said.err.startswith("tallybook: warning: session-end did nothing: ")


def test_reading_stops_when_the_time_is_up_and_goes_on_another_time(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    agents = [CodexAgent(bench, number) for number in (1, 2, 3, 4)]
    used = [agent.say() for agent in agents]
    monkeypatch.setattr("tallybook.history.ingest.FILES_AT_ONCE", 1)
    known: list[Counter[str]] = []
    stopped: list[bool] = []
    for _ in range(3):
        moments = iter([0.0, 1.0, *[99.0] * 9])  # the beginning, after the first log, after each other one
        monkeypatch.setattr("tallybook.cli.session_end.time.monotonic", lambda moments=moments: next(moments))
        said = called("session-end", bench, agents[0], monkeypatch)
        assert (said.code, said.out) == (0, "")
        stopped.append("and stopped" in said.err)
        known.append(tokens(show(bench)["unattributed"]["tokens"]))
    assert stopped == [True, True, False]
    # The last log is read in any case: stopping behind it would save nothing.
    assert known == [used[0], used[0] + used[1], used[0] + used[1] + used[2] + used[3]]


def test_the_session_is_found_by_what_the_hook_said(
    bench: Bench, agent: Agent, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = "claude" if agent.agent == "claude" else "codex"
    chain = {
        4: Process(4, 1, "t4", (name,)),
        5: Process(5, 4, "t5", ("sh", "-c", "tally")),
        os.getpid(): Process(os.getpid(), 5, "now", ("python",)),
    }
    monkeypatch.setattr("tallybook.hooks.sessions.system_tree", lambda: ListedTree(chain))
    monkeypatch.setattr("tallybook.usecases.detection.system_tree", lambda: ListedTree(chain))
    other = type(agent)(bench, 2)
    agent.say()
    other.say()
    assert bench.refused("start-task", "--title", "t", "--kind", "product") == "several-sessions"

    assert called("session-start", bench, agent, monkeypatch) == Said(0, "", "")
    agent.issue()
    goal = bench.start()
    assert bench.shown(goal)["session"] == {"agent": agent.agent, "id": agent.session, "detected_by": "hook"}
    agent.returned()
    used = agent.issue()
    bench.ok("finish-task", goal, "--status", "success")
    agent.returned()
    assert handed_session(home / "tallybook/running", Holder(agent.agent, 4, "t4")) == agent.session
    assert called("session-end", bench, agent, monkeypatch).err == ""
    assert list((home / "tallybook/running").iterdir()) == []
    assert tokens(bench.shown(goal)["tokens"]) == used
