"""A session of Gemini CLI through the real commands: every token its owner's, whatever happens to the chat."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from commands.bench import tokens
from commands.checkup import checkup
from commands.gemini_agent import GeminiAgent, moment
from loggen import gemini

if TYPE_CHECKING:
    from commands.bench import Bench

UNREPORTED = ["cache_write_5m", "cache_write_1h", "cache_write_unknown"]


@pytest.fixture(params=[False, True], ids=["lines", "document"])
def agent(request: pytest.FixtureRequest, bench: Bench) -> GeminiAgent:
    """A session in either form."""
    return GeminiAgent(bench, 1, request.param)


def test_a_task_named_by_its_session(bench: Bench, agent: GeminiAgent) -> None:
    """Answers before a command, told again after it, count before it."""
    agent.say()
    agent.issue()
    goal = bench.start("Add a shelf", "--agent", "gemini", "--session", agent.session)
    agent.returned()
    plan = agent.say() + agent.issue()
    bench.ok("mark", "plan", "--agent", "gemini", "--session", agent.session)
    agent.returned()
    rest = agent.say() + agent.issue()
    command = ("finish-task", goal, "--status", "success", "--agent", "gemini", "--session", agent.session)
    shown = bench.ok(*command, "--json").goal
    assert tokens(shown["tokens"]) == plan + rest
    assert [tokens(stage["tokens"]) for stage in shown["stages"]] == [plan, rest]
    assert shown["quality"] == "exact"
    agent.returned()
    assert tokens(bench.shown(goal)["tokens"]) == plan + rest
    bench.state()


def test_a_session_of_the_list(bench: Bench, agent: GeminiAgent) -> None:
    """With the directory that the hash of its project proves."""
    used = agent.say() + agent.say()
    (row,) = bench.ok("sessions", "--agent", "gemini", "--json").json["sessions"]
    assert tokens(row["tokens"]) == used
    assert (row["agent"], row["id"], row["model"]) == ("gemini", agent.session, gemini.MODEL)
    assert (row["cwd"], row["responses"], row["live"]) == (str(bench.repo), 2, True)
    assert row["paths"] == [str(agent.log)]


def test_the_total_is_the_one_that_gemini_tells(bench: Bench) -> None:
    """Thoughts and tools too."""
    agent = GeminiAgent(bench, 1)
    told = gemini.usage((31_608, 29_020, 1_484, 1_649, 12))
    agent.lines.append(gemini.answer(gemini.name(5), moment(), told))
    agent.flush()
    (row,) = bench.ok("sessions", "--json").json["sessions"]
    assert row["tokens"]["total"] == told["total"] == 34_753
    assert tokens(row["tokens"]) == {"input": 2_600, "cache_read": 29_020, "output": 3_133, "reasoning": 1_649}


def test_what_the_user_went_back_behind_was_billed(bench: Bench) -> None:
    """A rewind, a replay and a resumed session change no number."""
    agent = GeminiAgent(bench, 1)
    goal = bench.start(**agent.environ)
    used = agent.say() + agent.say()
    bench.ok("mark", "plan", **agent.environ)
    agent.lines.append({"$rewindTo": agent.lines[1]["id"]})
    agent.replay()
    used += agent.say()
    bench.ok("mark", "again", **agent.environ)
    agent.resume()
    used += agent.say()
    shown = bench.ok("finish-task", goal, "--status", "success", "--json", **agent.environ).goal
    assert (tokens(shown["tokens"]), shown["quality"]) == (used, "exact")


def test_a_message_that_is_gone_from_a_document_was_billed(bench: Bench) -> None:
    """Early versions rewrite the whole chat without it."""
    agent = GeminiAgent(bench, 1, whole=True)
    goal = bench.start(**agent.environ)
    used = agent.say() + agent.say()
    bench.ok("mark", "plan", **agent.environ)
    del agent.lines[1:]
    used += agent.say()
    shown = bench.ok("finish-task", goal, "--status", "success", "--json", **agent.environ).goal
    assert (tokens(shown["tokens"]), shown["quality"]) == (used, "exact")


def test_a_transcript_that_gemini_deletes_stays_counted(bench: Bench, agent: GeminiAgent) -> None:
    """Its clean-up takes the log away in the middle of a goal."""
    goal = bench.start(**agent.environ)
    used = agent.say()
    bench.ok("mark", "plan", **agent.environ)
    agent.log.unlink()
    bench.ok("mark", "build", **agent.environ)
    shown = bench.ok("finish-task", goal, "--status", "success", "--json", **agent.environ).goal
    assert (tokens(shown["tokens"]), shown["quality"]) == (used, "exact")
    (row,) = bench.ok("sessions", "--json").json["sessions"]
    assert tokens(row["tokens"]) == used


def test_a_document_that_goes_on_in_lines_counts_once(bench: Bench) -> None:
    """A newer version resumes it; both files stay."""
    old = GeminiAgent(bench, 1, whole=True)
    goal = bench.start(**old.environ)
    used = old.say()
    bench.ok("mark", "plan", **old.environ)
    new = GeminiAgent(bench, 1)
    new.lines, new.serial, new.started = [*old.lines], old.serial, old.started
    used += new.say()
    assert old.log.exists()
    shown = bench.ok("finish-task", goal, "--status", "success", "--json", **new.environ).goal
    assert (tokens(shown["tokens"]), shown["quality"]) == (used, "exact")


def test_a_subagent_counts_for_the_goal(bench: Bench) -> None:
    """It lies in a directory with the name of the session that sent it."""
    agent = GeminiAgent(bench, 1)
    goal = bench.start(**agent.environ)
    own = agent.say()
    child = GeminiAgent(bench, 2, above=agent)
    theirs = child.say() + child.say()
    own += agent.issue()
    shown = bench.ok("finish-task", goal, "--status", "success", "--json", **agent.environ).goal
    assert (tokens(shown["self"]), tokens(shown["subtree"])) == (own, theirs)
    rows = {row["id"]: row for row in bench.ok("sessions", "--json").json["sessions"]}
    assert (rows[child.session]["parent"], rows[child.session]["origin"]) == (agent.session, "subagent")


def test_a_torn_document_is_told_of_and_loses_nothing(bench: Bench) -> None:
    """It is read again as soon as it is whole."""
    agent = GeminiAgent(bench, 1, whole=True)
    goal = bench.start(**agent.environ)
    used = agent.say()
    bench.ok("mark", "plan", **agent.environ)
    whole = agent.log.read_bytes()
    agent.log.write_bytes(whole[:-30])
    said = bench.ok("mark", "build", **agent.environ)
    assert "it is not whole JSON" in said.err
    assert str(agent.log) in said.err
    used += agent.say()
    said = bench.ok("finish-task", goal, "--status", "success", **agent.environ)
    assert "not whole" not in said.err
    assert tokens(bench.shown(goal)["tokens"]) == used


@pytest.mark.parametrize("kind", ["pipe", "device", "loop", "directory"])
def test_things_that_are_no_chats(bench: Bench, kind: str) -> None:
    """None of them stops anything."""
    agent = GeminiAgent(bench, 1)
    used = agent.say()
    odd = agent.log.with_name("session-odd.jsonl")
    if kind == "pipe":
        os.mkfifo(odd)
    elif kind == "directory":
        odd.mkdir()
    else:
        odd.symlink_to("/dev/zero" if kind == "device" else odd)
    said = bench.ok("sessions", "--json")
    assert [tokens(row["tokens"]) for row in said.json["sessions"]] == [used]
    assert ("session-odd.jsonl" in said.err) is (kind != "directory")


def test_a_bad_line_is_counted_and_what_stands_beside_it_is_not_lost(bench: Bench) -> None:
    """A line that was cut when the disk was full."""
    agent = GeminiAgent(bench, 1)
    used = agent.say()
    content = agent.log.read_bytes()
    agent.log.write_bytes(content[:-1] + b'\n{"id":"x","type":"gem\n' + content.splitlines()[-1] + b"\n")
    said = bench.ok("sessions", "--json")
    assert tokens(said.json["sessions"][0]["tokens"]) == used


def test_what_gemini_does_not_tell_is_named(bench: Bench) -> None:
    """It writes no cache that anybody is told of."""
    agent = GeminiAgent(bench, 1)
    bench.start(**agent.environ)
    agent.say()
    bench.ok("mark", "plan", **agent.environ)
    (session,) = bench.events("usage_snapshot")[-1]["body"]["sessions"]
    assert session["unreported"] == UNREPORTED


def test_an_answer_without_usage_is_a_lower_bound(bench: Bench) -> None:
    """It was served, and nothing tells what it used."""
    agent = GeminiAgent(bench, 1)
    goal = bench.start(**agent.environ)
    used = agent.say()
    agent.lines.append(gemini.answer(gemini.name(5), moment(), None))
    agent.flush()
    shown = bench.ok("finish-task", goal, "--status", "success", "--json", **agent.environ).goal
    assert (tokens(shown["tokens"]), shown["quality"]) == (used, "lower_bound")


def test_a_session_is_found_where_it_works(bench: Bench) -> None:
    """The shell tool has no variable with the session's id; there the directory tells."""
    agent = GeminiAgent(bench, 1)
    agent.say()
    bench.start(GEMINI_CLI="1")
    (start,) = bench.events("goal_started")
    assert start["body"]["session"] == {"agent": "gemini", "id": agent.session, "detected_by": "directory"}


def test_a_hook_of_gemini_is_not_claude(bench: Bench) -> None:
    """Gemini sets a variable of Claude's there too."""
    agent = GeminiAgent(bench, 1)
    agent.say()
    bench.start(CLAUDE_PROJECT_DIR=str(Path.cwd()), GEMINI_PROJECT_DIR=str(Path.cwd()), **agent.environ)
    (start,) = bench.events("goal_started")
    assert start["body"]["session"] == {"agent": "gemini", "id": agent.session, "detected_by": "variable"}


def test_models_of_one_session_have_classes_of_their_own(bench: Bench) -> None:
    """Gemini changes the model in the middle of a session."""
    agent = GeminiAgent(bench, 1)
    bench.start(**agent.environ)
    agent.say()
    agent.model = gemini.FLASH
    agent.say()
    bench.ok("mark", "plan", **agent.environ)
    (session,) = bench.events("usage_snapshot")[-1]["body"]["sessions"]
    assert {one["model"] for one in session["classes"]} == {gemini.MODEL, gemini.FLASH}


def test_nothing_of_a_chat_is_kept_but_numbers_and_names(bench: Bench) -> None:
    """No text of a message, a thought, a call or its result."""
    agent = GeminiAgent(bench, 1)
    goal = bench.start(**agent.environ)
    agent.issue()
    agent.returned()
    agent.replay()
    bench.ok("finish-task", goal, "--status", "success", **agent.environ)
    kept = b"".join(path.read_bytes() for path in bench.data.rglob("*") if path.is_file())
    text = json.dumps(gemini.TEXT)[1:9].encode()
    assert text in agent.log.read_bytes()
    assert text not in kept + b"".join(bench.lines().values())


def test_the_doctor_tells_when_gemini_deletes_what_nobody_has_read(bench: Bench) -> None:
    """After thirty days, if the settings do not say otherwise."""
    agent = GeminiAgent(bench, 1)
    used = agent.say()
    then = time.time() - 28 * 86_400
    os.utime(agent.log, (then, then))
    (row,) = checkup(bench)["agents.retention"]
    assert row["status"] == "problem"
    assert "gemini deletes logs 30 days after their last change" in row["message"]
    assert f"{used.total() - used['reasoning']:,} tokens would go unseen" in row["message"]
    settings = Path(os.environ["HOME"], ".gemini", "settings.json")
    settings.write_text('{"general": {"sessionRetention": {"enabled": false}}}')
    assert "agents.retention" not in checkup(bench)
