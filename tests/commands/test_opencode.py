"""Sessions of OpenCode through the real commands: every token its owner's, whichever store it stands in."""

from __future__ import annotations

import json
import os
import shutil
from collections import Counter
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from commands.bench import tokens
from commands.checkup import checkup, only
from commands.opencode_agent import OpenCodeAgent
from loggen import opencode

if TYPE_CHECKING:
    from pathlib import Path

    from commands.bench import Bench, Json

NAMED = ("--agent", "opencode")


def rows(bench: Bench) -> dict[str, Json]:
    return {row["id"]: row for row in bench.ok("sessions", *NAMED, "--json").json["sessions"]}


def save(agent: OpenCodeAgent) -> Path:
    """The session as files of an earlier build; returns their directory."""
    storage = agent.log.parent / "storage"
    files = {f"session/p/{agent.session}.json": agent.told}
    for identity, message in agent.messages.items():
        told = {"id": identity, "sessionID": agent.session, **message}
        files[f"message/{agent.session}/{identity}.json"] = told
    for name, told in files.items():
        (storage / name).parent.mkdir(parents=True, exist_ok=True)
        (storage / name).write_text(json.dumps(told, indent=2))
    return storage


def fork(agent: OpenCodeAgent, number: int) -> OpenCodeAgent:
    """A session that begins with a copy of another."""
    copy = OpenCodeAgent(agent.bench, number)
    copy.told["title"] = "Shelf (fork #1)"
    for place, message in enumerate(agent.messages.values()):
        copy.messages[opencode.message_id(1000 * number + 500 + place)] = {**message}
    copy.flush()
    return copy


def test_a_task_named_by_its_session(bench: Bench) -> None:
    agent = OpenCodeAgent(bench, 1)
    agent.say()
    agent.issue()
    who = (*NAMED, "--session", agent.session)
    goal = bench.start("Add a shelf", *who)
    agent.returned()
    plan = agent.say() + agent.issue()
    bench.ok("mark", "plan", *who)
    agent.returned()
    rest = agent.say() + agent.issue()
    waiting = bench.ok("finish-task", goal, "--status", "success", *who, "--json").goal
    assert waiting["quality"] == "lower_bound", "the response that runs the command has told nothing yet"
    agent.returned()
    bench.ok("settle")
    shown = bench.shown(goal)
    assert tokens(shown["tokens"]) == plan + rest
    assert [tokens(stage["tokens"]) for stage in shown["stages"]] == [plan, rest]
    assert shown["quality"] == "exact"
    assert [(one["agent"], one["id"]) for one in shown["sessions"]] == [("opencode", agent.session)]
    assert f"{(plan + rest).total() - (plan + rest)['reasoning']:,} tokens (exact)" in bench.ok("show", goal).out
    bench.state()


def test_a_session_of_the_list(bench: Bench) -> None:
    agent = OpenCodeAgent(bench, 1)
    used = agent.say() + agent.say()
    (row,) = rows(bench).values()
    assert tokens(row["tokens"]) == used
    assert (row["agent"], row["id"], row["cwd"]) == ("opencode", agent.session, str(bench.repo))
    assert (row["model"], row["responses"], row["live"], row["paths"]) == (opencode.MODEL, 2, True, [str(agent.log)])


def test_the_total_is_that_of_the_agent(bench: Bench) -> None:
    agent = OpenCodeAgent(bench, 1)
    used = opencode.tokens((2430, 31_871, 0, 1840, 1981))
    agent.messages["msg_x"] = opencode.answer(opencode.START, used, completed=opencode.START + 1)
    agent.flush()
    (row,) = rows(bench).values()
    assert row["tokens"]["total"] == used["total"] == 38_122
    told = {"input": 2430, "cache_read": 31_871, "output": 3821, "reasoning": 1981}
    assert tokens(row["tokens"]) == told


def test_a_response_that_stands_in_the_journal_alone_is_counted(bench: Bench) -> None:
    agent = OpenCodeAgent(bench, 1)
    used = agent.say()
    bench.ok("sessions")
    with closing(opencode.Database(agent.log)) as database:
        message = opencode.answer(agent.told["time"]["created"], opencode.tokens((7, 0, 0, 1, 0)), completed=1)
        database.put_message("msg_late", agent.session, message, 5)
        database.commit()
        used.update(input=7, output=1)
        assert agent.log.with_name("opencode.db-wal").stat().st_size > 0
        (row,) = rows(bench).values()
    assert tokens(row["tokens"]) == used


def test_the_session_is_found_by_its_directory(bench: Bench) -> None:
    """OpenCode names none to its shell."""
    agent = OpenCodeAgent(bench, 1)
    agent.say()
    bench.start(AGENT="1", OPENCODE="1", OPENCODE_PID="1")
    (start,) = bench.events("goal_started")
    assert start["body"]["session"] == {"agent": "opencode", "id": agent.session, "detected_by": "directory"}


def test_a_subagent_is_a_child_and_the_goals(bench: Bench) -> None:
    agent, child = OpenCodeAgent(bench, 1), OpenCodeAgent(bench, 2)
    goal = bench.start(**agent.environ)
    own = agent.say()
    theirs = agent.delegate(child)
    shown = bench.ok("finish-task", goal, "--status", "success", "--json", **agent.environ).goal
    assert (tokens(shown["self"]), tokens(shown["subtree"])) == (own, theirs)
    found = rows(bench)[child.session]
    assert (found["parent"], found["origin"]) == (agent.session, "subagent")


def test_a_fork_counts_what_is_its_own(bench: Bench) -> None:
    agent = OpenCodeAgent(bench, 1)
    used = agent.say() + agent.say()
    copy = fork(agent, 2)
    own = copy.say()
    found = rows(bench)
    assert tokens(found[agent.session]["tokens"]) == used
    assert tokens(found[copy.session]["tokens"]) == own


def test_what_the_user_took_back_was_billed(bench: Bench) -> None:
    agent = OpenCodeAgent(bench, 1)
    goal = bench.start(**agent.environ)
    used = agent.say() + agent.say()
    bench.ok("mark", "plan", **agent.environ)
    with closing(opencode.Database(agent.log)) as database:
        database.connect().execute("DELETE FROM message WHERE id = ?", (list(agent.messages)[-1],))
        database.commit()
    agent.messages.popitem()
    used += agent.say()
    shown = bench.ok("finish-task", goal, "--status", "success", "--json", **agent.environ).goal
    assert (tokens(shown["tokens"]), shown["quality"]) == (used, "exact")


def test_files_of_an_earlier_build(bench: Bench) -> None:
    agent, child = OpenCodeAgent(bench, 1), OpenCodeAgent(bench, 2)
    used, theirs = agent.say() + agent.say(), agent.delegate(child)
    save(agent)
    storage = save(child)
    agent.log.unlink()
    found = rows(bench)
    assert {name: tokens(row["tokens"]) for name, row in found.items()} == {agent.session: used, child.session: theirs}
    assert found[child.session]["parent"] == agent.session
    assert found[agent.session]["cwd"] == str(bench.repo)
    message = storage / "message" / child.session / f"{list(child.messages)[-1]}.json"
    session = storage / "session" / "p" / f"{child.session}.json"
    assert found[child.session]["paths"] == [str(message), str(session)]


def test_all_steps_of_an_answer_in_a_file_of_an_early_build(bench: Bench) -> None:
    """The message tells of its last step alone, and the files of its parts of the others."""
    agent = OpenCodeAgent(bench, 1)
    used = agent.say()
    identity, message = next((name, one) for name, one in agent.messages.items() if one["role"] == "assistant")
    del message["finish"]
    storage = save(agent)
    agent.log.unlink()
    steps = [opencode.tokens((1, 2, 3, 4, 5)), opencode.tokens((10, 0, 0, 7, 0)), message["tokens"]]
    for number, told in enumerate(steps):
        part = storage / "part" / identity / f"prt_{number}.json"
        part.parent.mkdir(parents=True, exist_ok=True)
        part.write_text(json.dumps({"id": part.stem, "messageID": identity, **opencode.step(told)}))
    used += Counter(input=11, cache_read=2, cache_write_unknown=3, output=16, reasoning=5)
    total = bench.ok("usage", "--json").json["total"]
    assert (tokens(total["tokens"]), total["responses"], total["quality"]) == (used, 1, "exact")


@pytest.mark.parametrize("first", ["files", "rows"])
def test_both_stores_count_once(bench: Bench, first: str) -> None:
    agent = OpenCodeAgent(bench, 1)
    used = agent.say() + agent.say()
    if first == "files":
        aside = agent.log.rename(agent.log.with_suffix(".aside"))
        save(agent)
        bench.ok("sessions")
        aside.rename(agent.log)
    else:
        bench.ok("sessions")
        save(agent)
    used += agent.say()
    (row,) = rows(bench).values()
    assert (tokens(row["tokens"]), row["responses"]) == (used, 3)
    shutil.rmtree(agent.log.parent / "storage")
    (row,) = rows(bench).values()
    assert tokens(row["tokens"]) == used


def test_a_broken_database_is_told_of_and_loses_nothing(bench: Bench) -> None:
    agent = OpenCodeAgent(bench, 1)
    goal = bench.start(**agent.environ)
    used = agent.say()
    bench.ok("mark", "plan", **agent.environ)
    whole = agent.log.read_bytes()
    agent.log.write_bytes(b"garbage" * 1000)
    said = bench.ok("mark", "build", **agent.environ)
    assert "it is no SQLite database" in said.err
    assert str(agent.log) in said.err
    agent.log.write_bytes(whole)
    used += agent.say()
    said = bench.ok("finish-task", goal, "--status", "success", **agent.environ)
    assert "SQLite" not in said.err
    assert tokens(bench.shown(goal)["tokens"]) == used


@pytest.mark.parametrize("kind", ["pipe", "device", "loop", "empty"])
def test_things_that_are_no_databases(bench: Bench, kind: str) -> None:
    agent = OpenCodeAgent(bench, 1)
    used = agent.say()
    odd = agent.log.with_name("opencode-odd.db")
    if kind == "pipe":
        os.mkfifo(odd)
    elif kind == "empty":
        odd.touch()
    else:
        odd.symlink_to("/dev/zero" if kind == "device" else odd)
    said = bench.ok("sessions", "--json")
    assert [tokens(row["tokens"]) for row in said.json["sessions"]] == [used]
    assert ("opencode-odd.db" in said.err) is (kind != "empty")


def test_a_torn_file_is_told_of(bench: Bench) -> None:
    agent = OpenCodeAgent(bench, 1)
    used = agent.say()
    torn = save(agent) / "message" / agent.session / "msg_torn.json"
    torn.write_text("{")
    said = bench.ok("sessions", "--json")
    assert [tokens(row["tokens"]) for row in said.json["sessions"]] == [used]
    assert "it is not whole JSON" in said.err


def test_one_session_of_a_database_that_lies_elsewhere(bench: Bench, tmp_path: Path) -> None:
    first, second = OpenCodeAgent(bench, 1), OpenCodeAgent(bench, 2)
    used: dict[str, Counter[str]] = {one.session: one.say() for one in (first, second)}
    copy = tmp_path / "copy.db"
    first.log.rename(copy)
    told = f"opencode:{copy}"
    said = bench.tally("check", "add", "--source-id", "s", "--usage-from", told, "--json")
    assert (said.code, said.error) == (1, "several-sessions")
    goal = bench.ok(
        "check", "add", "--source-id", "s", "--usage-from", told, "--session", second.session, "--json"
    ).goal
    assert tokens(goal["tokens"]) == used[second.session]


def test_what_opencode_does_not_tell_is_named(bench: Bench) -> None:
    agent = OpenCodeAgent(bench, 1)
    bench.start(**agent.environ)
    agent.say()
    bench.ok("mark", "plan", **agent.environ)
    (told,) = bench.events("usage_snapshot")[-1]["body"]["sessions"]
    assert told["unreported"] == ["cache_write_5m", "cache_write_1h"]


def test_the_doctor_finds_the_database(bench: Bench) -> None:
    agent = OpenCodeAgent(bench, 1)
    agent.say()
    found = checkup(bench, **agent.environ)
    logs = only(found, "agents.opencode", "ok")
    assert "1 log in" in logs["message"]
    assert "opencode/3 finds 2 rows" in logs["message"]
    assert logs["where"]["file"] == only(found, "agents.session", "ok")["where"]["file"] == str(agent.log)
