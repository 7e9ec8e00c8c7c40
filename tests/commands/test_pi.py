"""A session of Pi through the real commands: every token its owner's, whatever happens to the file."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import sqlite3
from typing import TYPE_CHECKING

import pytest

from commands.bench import tokens
from commands.pi_agent import PiAgent
from loggen import pi
from tallybook.agents.processes import Process

if TYPE_CHECKING:
    from commands.bench import Bench


def test_a_task_named_by_its_session(bench: Bench) -> None:
    """A goal has what was used between its commands, stage by stage."""
    agent = PiAgent(bench, 1)
    agent.say()
    agent.issue()
    goal = bench.start("Add a shelf", "--agent", "pi", "--session", agent.session)
    agent.returned()
    plan = agent.say() + agent.issue()
    bench.ok("mark", "plan", "--agent", "pi", "--session", agent.session)
    agent.returned()
    rest = agent.say() + agent.issue()
    command = ("finish-task", goal, "--status", "success", "--agent", "pi", "--session", agent.session)
    shown = bench.ok(*command, "--json").goal
    assert tokens(shown["tokens"]) == plan + rest
    assert [tokens(stage["tokens"]) for stage in shown["stages"]] == [plan, rest]
    assert shown["quality"] == "exact"
    bench.state()


def test_a_session_of_the_list(bench: Bench) -> None:
    """The list shows directory, model, moment and file."""
    agent = PiAgent(bench, 1)
    used = agent.say() + agent.say()
    (row,) = bench.ok("sessions", "--agent", "pi", "--json").json["sessions"]
    assert tokens(row["tokens"]) == used
    assert (row["agent"], row["id"], row["model"], row["cwd"]) == ("pi", agent.session, agent.model, str(bench.repo))
    assert (row["responses"], row["live"], row["paths"]) == (2, True, [str(agent.log)])


def test_a_fork_counts_what_is_its_own(bench: Bench) -> None:
    """What it copied is the first session's, whichever file is read first."""
    agent = PiAgent(bench, 1)
    used = agent.say() + agent.say()
    fork = agent.fork(2)
    parent = agent.log.read_bytes()
    own = fork.say()
    agent.log.unlink()
    bench.ok("sessions")
    agent.log.write_bytes(parent)
    rows = {row["id"]: row for row in bench.ok("sessions", "--json").json["sessions"]}
    assert (tokens(rows[agent.session]["tokens"]), tokens(rows[fork.session]["tokens"])) == (used, own)
    assert rows[fork.session]["parent"] is None


def test_a_session_that_was_deleted_keeps_its_tokens(bench: Bench) -> None:
    """Its answers were served and are in the store."""
    agent = PiAgent(bench, 1)
    goal = bench.start(**agent.environ)
    used = agent.say() + agent.issue()
    bench.ok("mark", "all", **agent.environ)
    agent.log.unlink()
    shown = bench.ok("finish-task", goal, "--status", "success", "--json", **agent.environ).goal
    assert tokens(shown["tokens"]) == used


def test_a_subagent_of_oh_my_pi_is_a_child(bench: Bench) -> None:
    """Its file lies in the directory that is called like its parent's."""
    agent, child = PiAgent(bench, 1), PiAgent(bench, 2)
    place = agent.log.with_suffix("") / "Scout.jsonl"
    child.lines[0]["parentSession"] = str(agent.log)
    shutil.rmtree(agent.log.parent)
    agent.flush()
    goal = bench.start(**agent.environ)
    own = agent.say()
    theirs = child.say()
    child.log.unlink()
    place.parent.mkdir()
    place.write_bytes(pi.encode(child.lines))
    own += agent.issue()
    shown = bench.ok("finish-task", goal, "--status", "success", "--json", **agent.environ).goal
    assert (tokens(shown["self"]), tokens(shown["subtree"])) == (own, theirs)
    rows = {row["id"]: row for row in bench.ok("sessions", "--json").json["sessions"]}
    assert (rows[child.session]["parent"], rows[child.session]["origin"]) == (agent.session, "subagent")


def test_the_session_of_a_process_without_variables(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before version 1 Pi tells its commands no session; the one at work in this directory is meant."""

    class Tree:
        def process(self, pid: int) -> Process | None:
            names = {os.getpid(): (7, "python"), 7: (8, "bash"), 8: (1, "pi")}
            return Process(pid, names[pid][0], "1", (names[pid][1],)) if pid in names else None

    monkeypatch.setattr("tallybook.usecases.detection.system_tree", Tree)
    agent = PiAgent(bench, 1)
    agent.say()
    bench.start(PI_CODING_AGENT="true")
    (start,) = bench.events("goal_started")
    assert start["body"]["session"] == {"agent": "pi", "id": agent.session, "detected_by": "directory"}


def test_a_line_that_is_not_whole_waits(bench: Bench) -> None:
    """A torn last line counts as soon as the rest of it is there; a broken one is passed over."""
    agent = PiAgent(bench, 1)
    used = agent.say()
    before = agent.log.read_bytes()
    more = agent.say()
    whole = agent.log.read_bytes()
    agent.log.write_bytes(before + b"{oops\n" + whole[len(before) : -30])
    (row,) = bench.ok("sessions", "--json").json["sessions"]
    assert tokens(row["tokens"]) == used
    agent.log.write_bytes(before + b"{oops\n" + whole[len(before) :])
    (row,) = bench.ok("sessions", "--json").json["sessions"]
    assert tokens(row["tokens"]) == used + more


@pytest.mark.parametrize("kind", ["pipe", "device", "loop"])
def test_things_that_are_no_sessions(bench: Bench, kind: str) -> None:
    """They are told of, and nothing waits for them."""
    agent = PiAgent(bench, 1)
    used = agent.say()
    odd = agent.log.with_name("odd.jsonl")
    if kind == "pipe":
        os.mkfifo(odd)
    else:
        odd.symlink_to("/dev/zero" if kind == "device" else odd)
    said = bench.ok("sessions", "--json")
    assert [tokens(row["tokens"]) for row in said.json["sessions"]] == [used]
    assert "odd.jsonl" in said.err


def test_no_text_reaches_store_or_ledger(bench: Bench) -> None:
    """A secret in every field that holds text is found nowhere below the data directory."""
    secret = secrets.token_hex(16)
    agent = PiAgent(bench, 1)
    goal = bench.start(**agent.environ)
    agent.say()
    agent.tell(secret)
    with agent.log.open("ab") as log:
        log.write(json.dumps({"type": 5, "text": secret}).encode() + b"\n")
    bench.ok("finish-task", goal, "--status", "success", **agent.environ)
    for path in bench.data.rglob("*"):
        assert not path.is_file() or secret.encode() not in path.read_bytes()
    with sqlite3.connect(bench.data / "history.db") as store:
        assert store.execute("SELECT count(*) FROM response").fetchone() == (4,)
        assert not any(secret in str(line) for line in store.iterdump())
