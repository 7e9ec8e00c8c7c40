"""What Codex's logs hold, through the commands: threads of several versions, and what no version logs."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from commands.agents import CodexAgent
from commands.bench import tokens
from loggen import codex

if TYPE_CHECKING:
    from collections import Counter

    from commands.bench import Bench, Json


def quality(bench: Bench) -> str:
    """The quality of all usage; a history that was built line by line gives the same."""
    told: Json = bench.ok("usage", "--json").json["total"]
    return str(told["quality"])


@pytest.mark.parametrize("at_once", [True, False])
def test_a_compaction_before_records_stays_missing_when_records_come(bench: Bench, at_once: bool) -> None:
    """A version before 0.153 has compacted the thread elsewhere; a later one goes on with records."""
    agent = CodexAgent(bench, 1)
    agent.issue()
    agent.returned()
    agent.compact()
    agent.say()
    assert at_once or quality(bench) == "lower_bound"
    agent.turn()
    usage = (900, 300, 0, 40, 5)
    agent.rollout.record("resp_1", usage)
    agent.total = codex.plus(agent.total, usage)
    agent.rollout.count(agent.total, usage)
    agent.flush()
    assert quality(bench) == "lower_bound"
    (log,) = bench.ok("why", agent.session, "--json").json["logs"]
    assert [one["quality"] for row in log["lines"] for one in row["counted"]] == ["lower_bound", "exact", "exact"]


def test_a_compaction_that_a_record_tells_of_is_counted(bench: Bench) -> None:
    """Since 0.153 its record stands before it."""
    agent = CodexAgent(bench, 1)
    agent.turn()
    agent.rollout.record("resp_1", (900, 300, 0, 40, 5))
    agent.compact()
    assert quality(bench) == "exact"


@pytest.mark.parametrize("at_once", [True, False])
def test_a_session_without_a_response_has_the_model_that_it_began_with(bench: Bench, at_once: bool) -> None:
    """Whether its turns are read one by one or all at once."""
    agent = CodexAgent(bench, 1)
    if not at_once:
        bench.ok("history", "update")
    agent.turn("gpt-5.2-mini")
    (row,) = bench.ok("sessions", "--json").json["sessions"]
    assert (row["id"], row["model"]) == (agent.session, "gpt-5.2-codex")


@pytest.mark.parametrize("at_once", [True, False])
def test_of_several_limits_that_lines_tell_in_turn_none_is_lost(bench: Bench, at_once: bool) -> None:
    """And a share that is back where it was is no other sample, though a visit fell between the two."""
    agent = CodexAgent(bench, 1)
    now = int(time.time())
    begin = datetime.fromtimestamp(now // 300 * 300 - 1200, UTC)
    for minutes, used in ((0, 10), (5, 10), (6, 11), (6.5, 10), (11, 13), (12, 12)):
        agent.rollout.moment = begin + timedelta(minutes=minutes)
        for limit in ("codex", "codex_other"):
            window = {"used_percent": used, "window_minutes": 300, "resets_at": now + 7200}
            agent.rollout.event("token_count", info=None, rate_limits={"limit_id": limit, "primary": window})
        agent.log.write_bytes(agent.rollout.data())
        if not at_once:
            bench.ok("history", "update")
    found = bench.ok("limits", "--json").json["limits"]
    told = [(one["limit"], one["used_percent"], one["pace"]["samples"]) for one in found]
    assert told == [("codex", "12", 2), ("codex_other", "12", 2)]


@pytest.mark.parametrize("odd", [{"source": 5}, {"cwd": [1]}, {"history_base": "x"}, {"timestamp": 7}])
def test_a_head_of_which_a_part_has_another_shape_tells_the_rest(bench: Bench, odd: Json) -> None:
    """Formats change: a subagent is still known as the child that it is."""
    parent = CodexAgent(bench, 1)
    parent.say()
    child = CodexAgent(bench, 2)
    child.rollout.lines.clear()
    child.rollout.meta(**{"cwd": str(bench.repo), "parent_thread_id": parent.session, **odd})
    child.turn()
    child.say()
    rows = bench.ok("sessions", "--json").json["sessions"]
    assert {row["id"]: row["parent"] for row in rows} == {parent.session: None, child.session: parent.session}


def forked(bench: Bench) -> tuple[list[CodexAgent], list[Counter[str]]]:
    """A session, its fork and a fork of that, the eldest first, and what each has used itself."""
    lineage: list[CodexAgent] = []
    used: list[Counter[str]] = []
    for number in (1, 2, 3):
        time.sleep(0.01)  # ids of turns tell milliseconds, and those of a parent are older than its fork
        agent = CodexAgent(bench, number)
        if lineage:
            agent.rollout.lines.clear()
            agent.rollout.meta(cwd=str(bench.repo), forked_from_id=lineage[-1].session)
            agent.rollout.copy(lineage[-1].rollout.lines)
            agent.turn()
            agent.total = lineage[-1].total
        used.append(agent.say())
        lineage.append(agent)
    return lineage, used


def test_a_copy_of_a_copy_is_explained_by_the_log_that_counts_it(bench: Bench) -> None:
    """The thread that both were copied from has no log any more, so the elder copy is counted."""
    (eldest, elder, younger), _ = forked(bench)
    eldest.log.unlink()
    (log, *_) = bench.ok("why", younger.session, "--all", "--json").json["logs"]
    copies = [one for one in log["lines"] if one["verdict"] == "before-fork"]
    assert [one["session"] for one in copies] == [eldest.session, elder.session]
    assert [one["counted_at"] and one["counted_at"]["path"] for one in copies] == [str(elder.log)] * 2


def test_a_session_from_before_any_usage_was_logged_has_none_recorded(bench: Bench) -> None:
    """Which is not the same as nothing used."""
    agent = CodexAgent(bench, 1)
    thread = "0198aaaa-0000-7000-8000-000000000001"
    old: Json = {"id": thread, "timestamp": "2025-08-01T08:00:00.000Z", "instructions": None, "git": {}}
    call: Json = {"type": "function_call", "name": "shell", "arguments": "{}", "call_id": "call_1"}
    log = agent.log.with_name(f"rollout-2025-08-01T10-00-00-{thread}.jsonl")
    log.write_text("".join(f"{json.dumps(line)}\n" for line in (old, {"record_type": "state"}, call)))
    counted = bench.ok("why", thread, "--json").json["counted"]
    assert (counted["responses"], counted["tokens"], counted["cost"]["usd"]) == (0, None, None)
    assert bench.ok("why", thread).out.splitlines()[-1] == "0 responses, no usage recorded"
    none = bench.ok("why", agent.session, "--json").json["counted"]
    assert (none["responses"], none["tokens"]["total"]) == (0, 0)


@pytest.mark.parametrize("at_once", [True, False])
def test_an_id_that_a_server_uses_again_is_another_response(bench: Bench, at_once: bool) -> None:
    """As servers on one's own machine do that draw them from few numbers; a line that stands there twice is none."""
    agent = CodexAgent(bench, 1)
    for number in range(4):
        agent.turn()
        turn = agent.rollout.lines[-2]["payload"]["turn_id"]
        usage = (1000 + number // 2, 0, 0, 50, 0)
        agent.rollout.record("resp_7", usage, turn)
        agent.total = codex.plus(agent.total, usage)
        agent.rollout.count(agent.total, usage)
        if number == 1:
            agent.rollout.record("resp_7", usage, turn)
        agent.flush()
        if not at_once:
            bench.ok("history", "update")
    told = bench.ok("usage", "--json").json["total"]
    assert (told["responses"], told["tokens"]["input"], told["tokens"]["output"]) == (4, 4002, 200)
    assert bench.ok("reconcile", "--json").json["unexplained"] == 0
    (log,) = bench.ok("why", agent.session, "--json").json["logs"]
    verdicts = [one["verdict"] for one in log["lines"] if one["kind"] == "token_usage_record"]
    assert verdicts == ["counted", "counted", "repeated", "counted", "counted"]
    twins = [one["response"] for one in log["lines"] if one["verdict"] == "twin"]
    assert twins == [one["response"] for one in log["lines"] if one["verdict"] == "counted"]
    assert len(set(twins)) == 4


@pytest.mark.parametrize("at_once", [True, False])
def test_a_count_that_can_not_be_true_is_told_by_the_path_of_its_log(bench: Bench, at_once: bool) -> None:
    """And by the byte at which its line begins."""
    agent = CodexAgent(bench, 1)
    used = agent.say()
    if not at_once:
        bench.ok("history", "update")
    begin = agent.log.stat().st_size
    agent.rollout.count(codex.plus(agent.total, (2**50, 0, 0, 1, 0)), (2**50, 0, 0, 1, 0))
    agent.log.write_bytes(agent.rollout.data())
    told = bench.ok("usage", "--json").json
    assert tokens(told["total"]["tokens"]) == used
    (problem,) = told["problems"]
    assert problem["code"] == "impossible-count"
    assert problem["where"] == {"file": str(agent.log), "line": None, "byte": begin}


def test_copies_of_several_logs_that_are_gone_are_told_apart_by_the_ids_of_their_turns(bench: Bench) -> None:
    """Each session has what it used, though the youngest fork alone has a log."""
    lineage, used = forked(bench)
    for agent in lineage[:-1]:
        agent.log.unlink()
    rows = bench.ok("usage", "--by", "session", "--json").json["rows"]
    told = {row["key"]["session"]: (tokens(row["tokens"]), row["quality"]) for row in rows}
    assert told == {agent.session: (one, "exact") for agent, one in zip(lineage, used, strict=True)}
