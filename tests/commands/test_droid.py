"""A session of Droid through the real commands: what was added from look to look, whatever becomes of the document."""

from __future__ import annotations

import os
import secrets
import sqlite3
from typing import TYPE_CHECKING

import pytest

from commands.bench import tokens
from commands.droid_agent import DroidAgent, now
from loggen import droid

if TYPE_CHECKING:
    from commands.bench import Bench


def test_a_task_has_what_was_added_between_its_commands(bench: Bench) -> None:
    """Each command looks at the document, so a goal's part is known; when within it is an estimate."""
    agent = DroidAgent()
    agent.say()
    goal = bench.start("Add a shelf", *agent.flags)
    plan = agent.say() + agent.say()
    bench.ok("mark", "plan", *agent.flags)
    rest = agent.say()
    shown = bench.ok("finish-task", goal, "--status", "success", *agent.flags, "--json").goal
    assert tokens(shown["tokens"]) == plan + rest
    assert [tokens(stage["tokens"]) for stage in shown["stages"]] == [plan, rest]
    assert shown["quality"] == "estimated"
    (session,) = bench.events("usage_snapshot")[-1]["body"]["sessions"]
    assert session["unreported"] == ["cache_write_5m", "cache_write_1h"]
    bench.state()


def test_a_session_of_the_list(bench: Bench) -> None:
    """One late look is one response; the file beside the document tells of directory and moment."""
    agent = DroidAgent()
    used = agent.say() + agent.say()
    (row,) = bench.ok("sessions", "--agent", "droid", "--json").json["sessions"]
    assert tokens(row["tokens"]) == used
    assert (row["agent"], row["id"], row["model"], row["cwd"]) == ("droid", agent.session, agent.model, str(bench.repo))
    assert (row["responses"], row["live"]) == (1, True)
    used += agent.say()
    (row,) = bench.ok("sessions", "--json").json["sessions"]
    assert (tokens(row["tokens"]), row["responses"]) == (used, 2)


def test_a_total_that_begins_anew(bench: Bench) -> None:
    """What was seen stays, and what is there now was added."""
    agent = DroidAgent()
    used = agent.say() + agent.say()
    bench.ok("sessions")
    agent.total = droid.ZERO
    used += agent.say()
    (row,) = bench.ok("sessions", "--json").json["sessions"]
    assert tokens(row["tokens"]) == used


def test_an_old_document_that_is_put_back(bench: Bench) -> None:
    """A backup adds nothing, whatever the time of the file, and what comes after it counts."""
    agent = DroidAgent()
    used = agent.say()
    bench.ok("sessions")
    before = agent.total
    used += agent.say()
    bench.ok("sessions")
    agent.total = before
    agent.flush()
    bench.ok("sessions")
    used += agent.say()
    (row,) = bench.ok("sessions", "--json").json["sessions"]
    assert tokens(row["tokens"]) == used


def test_a_session_that_goes_on_after_a_compaction_is_a_child(bench: Bench) -> None:
    """Its total begins with that of the first one, which is counted there."""
    agent = DroidAgent()
    goal = bench.start("t", *agent.flags)
    own = agent.say()
    heir = DroidAgent(2, total=agent.total)
    heir.records[0]["parent"] = agent.session
    heir.records.append(droid.compaction(now()))
    theirs = heir.say()
    shown = bench.ok("finish-task", goal, "--status", "success", *agent.flags, "--json").goal
    assert (tokens(shown["self"]), tokens(shown["subtree"])) == (own, theirs)
    rows = {row["id"]: row for row in bench.ok("sessions", "--json").json["sessions"]}
    assert (rows[heir.session]["parent"], rows[heir.session]["origin"]) == (agent.session, "compaction")


def test_a_document_that_vanished_keeps_its_total(bench: Bench) -> None:
    """It was used, and is in the store."""
    agent = DroidAgent()
    used = agent.say()
    bench.ok("sessions")
    agent.log.unlink()
    (row,) = bench.ok("sessions", "--json").json["sessions"]
    assert tokens(row["tokens"]) == used


def test_a_document_that_is_not_whole_is_told_of(bench: Bench) -> None:
    """What was known stays, and it is read again next time."""
    agent = DroidAgent()
    used = agent.say()
    bench.ok("sessions")
    more = agent.say()
    whole = agent.log.read_bytes()
    agent.log.write_bytes(whole[:-30])
    said = bench.ok("sessions", "--json")
    assert [tokens(row["tokens"]) for row in said.json["sessions"]] == [used]
    assert "it is not whole JSON" in said.err
    agent.log.write_bytes(whole)
    (row,) = bench.ok("sessions", "--json").json["sessions"]
    assert tokens(row["tokens"]) == used + more


@pytest.mark.parametrize("kind", ["pipe", "device", "loop"])
def test_things_that_are_no_documents(bench: Bench, kind: str) -> None:
    """They are told of, and nothing waits for them."""
    agent = DroidAgent()
    used = agent.say()
    odd = agent.log.with_name("odd.settings.json")
    if kind == "pipe":
        os.mkfifo(odd)
    else:
        odd.symlink_to("/dev/zero" if kind == "device" else odd)
    said = bench.ok("sessions", "--json")
    assert [tokens(row["tokens"]) for row in said.json["sessions"]] == [used]
    assert "odd.settings.json" in said.err


def test_the_session_at_work_here_is_found(bench: Bench) -> None:
    """Droid tells its commands no session; the one that moved in this directory is meant."""
    agent = DroidAgent()
    agent.say()
    bench.ok("sessions")
    bench.start("t", "--agent", "droid")
    (begun,) = bench.events("goal_started")
    assert begun["body"]["session"] == {"agent": "droid", "id": agent.session, "detected_by": "directory"}


def test_no_text_reaches_store_or_ledger(bench: Bench) -> None:
    """A secret in every field that holds text is found nowhere below the data directory."""
    secret = secrets.token_hex(16)
    agent = DroidAgent()
    goal = bench.start("t", *agent.flags)
    agent.more = {"title": secret, "tags": [secret], "worktree": {"path": secret}, "mission": {secret: secret}}
    agent.records[0] |= {"title": secret, "owner": secret}
    agent.records += [
        {"type": "message", "message": {"role": "user", "content": [{"type": "text", "text": secret}]}},
        {"type": "message", "message": {"role": secret, "content": secret}, "timestamp": secret},
        {"type": "compaction_state", "summaryText": secret},
        {"type": "todo_state", "todos": [{"content": secret}]},
        {"type": secret, "text": secret},
        {"type": 5, "text": secret},
    ]
    agent.say()
    agent.log.with_name("odd.settings.json").write_text(f'["{secret}"]')
    agent.log.with_name("torn.settings.json").write_text(f'{{"model": "{secret}')
    said = bench.ok("finish-task", goal, "--status", "success", *agent.flags)
    assert secret not in said.out + said.err
    for path in bench.data.rglob("*"):
        assert not path.is_file() or secret.encode() not in path.read_bytes()
    with sqlite3.connect(bench.data / "history.db") as store:
        assert not any(secret in str(line) for line in store.iterdump())


def test_its_own_total_is_compared(bench: Bench) -> None:
    """It says the same, unless it began anew, or with the total of the session before a compaction."""
    agent = DroidAgent()
    agent.say()
    agent.say()
    told = bench.ok("reconcile", "--json").json
    assert (told["rows"], told["equal"], told["unexplained"]) == ([], 1, 0)
    heir = DroidAgent(2, total=agent.total)
    heir.records[0]["parent"] = agent.session
    heir.records.append(droid.compaction(now()))
    heir.say()
    bench.ok("sessions")
    agent.total = droid.ZERO
    agent.say()
    told = bench.ok("reconcile", "--json").json
    assert (told["equal"], told["unexplained"]) == (0, 0)
    causes = {row["key"]["session"]: (row["key"]["scope"], row["cause"]) for row in told["rows"]}
    assert causes[agent.session][0] == causes[heir.session][0] == "session"
    assert causes[agent.session][1].startswith("the total has begun anew")
    assert causes[heir.session][1].startswith("a session that goes on after a compaction")


def test_an_explanation_tells_the_moment_for_which_it_counts(bench: Bench) -> None:
    """That of the answer, which stands beside the document, and not what the document itself tells."""
    agent = DroidAgent()
    agent.say()
    agent.records[-1]["timestamp"] = "2026-06-19T10:00:05.000Z"
    agent.flush()
    logs = bench.ok("why", agent.session, "--json").json["logs"]
    (row,) = [row for log in logs for row in log["lines"] if row["verdict"] == "counted"]
    assert row["at"] == "2026-06-19T10:00:05.000000Z"
    assert [one["key"]["day"] for one in bench.ok("usage", "--json").json["rows"]] == ["2026-06-19"]
