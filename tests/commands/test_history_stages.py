"""Stages of the history: each tells what it did, and does nothing twice."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from commands.agents import ClaudeAgent, CodexAgent
from history.fake import dump
from tallybook.history.activity import activity_counts
from tallybook.history.store import open_store

if TYPE_CHECKING:
    from commands.bench import Bench

STAGES = {
    "ingest": [],
    "classify": ["activity", "classify"],
    "derive": ["activity", "threads", "attempts", "projects"],
    "update": ["activity", "classify", "threads", "attempts", "projects"],
}


def everything(bench: Bench) -> list[object]:
    """All that the store holds."""
    with open_store(bench.data) as store:
        tables = store.rows("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")
        rows = [(name, store.rows(f"SELECT * FROM {name} ORDER BY 1")) for (name,) in tables]  # noqa: S608
        return [dump(store), rows]


@pytest.mark.parametrize("command", STAGES)
def test_running_again_changes_nothing(bench: Bench, command: str) -> None:
    """Each stage says that it ran, and the next time that there was nothing new."""
    for agent in (CodexAgent(bench, 1), ClaudeAgent(bench, 2)):
        agent.say()
    bench.ok("sessions")
    first = bench.ok("history", command, "--json").json
    assert first["schema"] == "tallybook.history/1"
    assert [one["name"] for one in first["stages"]] == STAGES[command]
    assert all(one["ran"] and one["changed"] for one in first["stages"] if one["name"] != "attempts")
    before = everything(bench)
    again = bench.ok("history", command, "--json").json
    assert [one["ran"] for one in again["stages"]] == [False] * len(STAGES[command])
    assert everything(bench) == before
    assert bench.ok("history", command).out.count("nothing new") == len(STAGES[command])


def test_update_reads_logs_and_runs_all_stages(bench: Bench) -> None:
    """In this order, from nothing."""
    agent = ClaudeAgent(bench, 1)
    agent.say()
    done = bench.ok("history", "update", "--json").json
    assert (done["ingest"]["logs"], done["ingest"]["read"], done["problems"]) == (1, 1, [])
    assert done["ingest"]["bytes"] == agent.log.stat().st_size
    with open_store(bench.data) as store:
        assert {row.kind for row in activity_counts(store)} >= {"prompt", "message"}
    agent.say()
    said = bench.ok("history", "update").out.splitlines()
    assert [text.split()[0] for text in said] == ["ingest", *STAGES["update"]]
    assert said[0].split(maxsplit=1)[1].startswith("1 of 1 log read")
    assert "1 log changed" in said[1]


def test_later_stages_read_no_logs(bench: Bench) -> None:
    """They take the history as it is."""
    ClaudeAgent(bench, 1).say()
    for command in ("classify", "derive"):
        assert bench.ok("history", command, "--json").json["ingest"] is None
    with open_store(bench.data) as store:
        assert store.rows("SELECT count(*) FROM source") == [(0,)]


def test_worktrees_of_a_repository_are_one_project(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once it was derived, by the directory of the first; a filter takes the directory or its name."""
    other = bench.repo.parent / "fix"
    git = ("git", "-C", str(bench.repo), "-c", "user.name=ada", "-c", "user.email=ada@example.org")
    subprocess.run([*git, "commit", "-q", "--allow-empty", "-m", "begin"], check=True)
    subprocess.run([*git, "worktree", "add", "-q", "--detach", str(other)], check=True)
    ClaudeAgent(bench, 1).say()
    with monkeypatch.context() as patch:
        patch.chdir(other)
        there = ClaudeAgent(bench, 2)
        there.say()
    apart = bench.ok("usage", "--by", "project", "--json").json["rows"]
    assert [row["key"]["project"] for row in apart] == sorted([str(bench.repo), str(other)])
    bench.ok("history", "derive")
    (both,) = bench.ok("usage", "--by", "project", "--json").json["rows"]
    assert both["key"] == {"project": str(bench.repo)}
    assert both["responses"] == 2
    for wanted, responses in ((bench.repo.name, 2), (str(bench.repo), 2), (str(other), 1), ("fix", 1), ("x", 0)):
        total = bench.ok("usage", "--project", wanted, "--json").json["total"]
        assert total["responses"] == responses, wanted


def test_a_store_that_cannot_be_opened_is_a_clear_error(bench: Bench) -> None:
    """And no traceback."""
    bench.data.parent.mkdir(parents=True, exist_ok=True)
    bench.data.write_text("")
    said = bench.tally("history", "derive", "--json")
    assert said.code != 0
    assert said.json["schema"] == "tallybook.error/1"
