"""`tally why`: each line of the logs of a session, counted or not, and for what reason."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from commands.agents import ClaudeAgent, CodexAgent, now
from commands.bench import tokens, tree
from commands.copilot_agent import CopilotAgent
from commands.gemini_agent import GeminiAgent
from commands.opencode_agent import OpenCodeAgent
from commands.test_opencode import fork
from loggen import claude

if TYPE_CHECKING:
    from collections.abc import Iterator

    from commands.agents import Agent
    from commands.bench import Bench

Json = dict[str, Any]


def rows(told: Json) -> Iterator[Json]:
    """All lines that are shown one by one."""
    for log in told["logs"]:
        yield from log["lines"]


def explained(bench: Bench, session: str, *more: str) -> Json:
    """The explanation, whose sum is that of `usage`."""
    told = bench.ok("why", session, "--json", *more).json
    assert told["schema"] == "tallybook.why/1"
    total = bench.ok("usage", "--session", session, "--no-update", "--json").json["total"]
    assert (told["counted"]["responses"], told["counted"]["tokens"]) == (total["responses"], total["tokens"])
    found = sum((tokens(one["tokens"]) for row in rows(told) for one in row["counted"]), Counter())
    assert found == tokens(total["tokens"])
    return told


def verdicts(told: Json) -> Counter[str]:
    return Counter(row["verdict"] for row in rows(told))


def test_what_is_counted_is_what_usage_tells_and_each_has_its_goal(bench: Bench, agent: Agent) -> None:
    """Each response with the goal that owns it; those outside of the goal with none."""
    agent.say()
    agent.issue()
    goal = bench.start(**agent.environ)
    agent.returned()
    agent.say()
    agent.issue()
    bench.ok("finish-task", goal, "--status", "success", **agent.environ)
    agent.returned()
    agent.say()
    bench.ok("settle")
    told = explained(bench, agent.session, "--agent", agent.agent)
    counted = sorted(((row["at"], one) for row in rows(told) for one in row["counted"]), key=lambda pair: pair[0])
    assert [one["goal"] for _, one in counted] == [None, None, goal, goal, None]
    owned = sum((tokens(one["tokens"]) for _, one in counted if one["goal"]), Counter())
    assert owned == tokens(bench.shown(goal)["tokens"])
    assert explained(bench, agent.session, "--all")["counted"] == told["counted"]


def test_it_writes_nothing_but_the_history(bench: Bench, agent: Agent) -> None:
    """A second time nothing has changed at all."""
    agent.say()
    bench.ok("why", agent.session)
    before = {name: (mode, data) for name, (mode, _, data) in tree(agent.log.parent, bench.repo).items()}
    store = bench.ok("usage", "--no-update", "--json").out
    first = bench.ok("why", agent.session, "--json").out
    assert bench.ok("why", agent.session, "--json").out == first
    assert {name: (mode, data) for name, (mode, _, data) in tree(agent.log.parent, bench.repo).items()} == before
    assert bench.ok("usage", "--no-update", "--json").out == store


def test_each_line_of_a_log_of_claude(bench: Bench) -> None:
    """Blocks of one answer, a synthetic row, a line that is no JSON, an unknown record and a torn end."""
    agent = ClaudeAgent(bench, 1)
    agent.say()
    again = {**agent.records[-1], "uuid": claude.answer(agent.session, "other", {})["uuid"]}
    placeholder = json.loads(json.dumps(again))
    placeholder["message"] |= {"stop_reason": None, "usage": {**again["message"]["usage"], "output_tokens": 1}}
    agent.records.insert(-1, placeholder)
    agent.records.append({"type": "cabbage-state", "sessionId": agent.session, "timestamp": now()})
    agent.flush()
    with agent.log.open("ab") as target:
        target.write(b'{"type": "assistant", "message": 7\n')
        target.write(b'{"type":"user","sess')
    told = explained(bench, agent.session)
    (log,) = told["logs"]
    assert (log["path"], log["readable"], log["whole"]) == (str(agent.log), True, True)
    assert verdicts(told) == {"counted": 1, "repeated": 1, "unknown-record": 1, "bad": 1, "unfinished": 1}
    by_verdict = {row["verdict"]: row for row in log["lines"]}
    assert (by_verdict["repeated"]["line"], by_verdict["counted"]["line"]) == (3, 4)
    assert by_verdict["repeated"]["response"] == by_verdict["counted"]["response"]
    assert by_verdict["repeated"]["counted_at"] == {"path": str(agent.log), "byte": by_verdict["counted"]["byte"]}
    assert (by_verdict["bad"]["kind"], by_verdict["bad"]["why"]) == ("(unreadable)", "it is no JSON")
    assert by_verdict["unknown-record"]["kind"] == "cabbage-state"
    assert sum(one["lines"] for one in log["sums"]) == 2
    data = agent.log.read_bytes()
    for row in log["lines"]:
        assert data[: row["byte"]].count(b"\n") == row["line"] - 1
        assert row["byte"] == 0 or data[row["byte"] - 1 : row["byte"]] == b"\n"
    every = explained(bench, agent.session, "--all")
    assert [row["line"] for row in rows(every)] == [1, 2, 3, 4, 5, 6, 7]
    assert not every["logs"][0]["sums"]


def test_each_line_of_a_log_of_codex(bench: Bench) -> None:
    """A counter told twice, an estimate of the context, limits without a count."""
    agent = CodexAgent(bench, 2)
    agent.say()
    agent.rollout.count(agent.total, agent.total)
    agent.rollout.count(agent.total, (0, 0, 0, 0, 0), 5000)
    agent.rollout.limits()
    agent.flush()
    told = explained(bench, agent.session)
    assert verdicts(told) == {"counted": 1, "repeated": 1, "estimate": 1}
    whys = {row["verdict"]: row["why"] for row in rows(told)}
    assert whys["repeated"] == "the total has not moved"
    assert whys["estimate"] == "an estimate of the context"
    kinds = {one["kind"]: one["lines"] for one in told["logs"][0]["sums"]}
    assert kinds["event_msg token_count"] == 1
    assert sum(kinds.values()) + 3 == agent.log.read_bytes().count(b"\n")


def test_a_fork_is_explained_by_where_it_comes_from(bench: Bench) -> None:
    """Copied lines name the log and the byte where they are counted; each session has its own sum."""
    parent = CodexAgent(bench, 1)
    parent.say()
    child = CodexAgent(bench, 3)
    child.rollout.lines.clear()
    child.rollout.meta(cwd=str(bench.repo), forked_from_id=parent.session)
    child.rollout.copy(parent.rollout.lines)
    child.turn()
    child.total = parent.total
    child.say()
    told = explained(bench, child.session)
    assert verdicts(told) == {"counted": 1}
    (before,) = [one for one in told["logs"][0]["sums"] if one["verdict"] == "before-fork"]
    assert (before["session"], before["lines"]) == (parent.session, 1)
    of_parent = explained(bench, parent.session)
    assert verdicts(of_parent) == {"counted": 1, "before-fork": 1}
    own, other = of_parent["logs"]
    assert (own["whole"], own["path"], other["whole"], other["path"]) == (True, str(parent.log), False, str(child.log))
    (copied,) = other["lines"]
    assert copied["counted_at"] == {"path": str(parent.log), "byte": own["lines"][0]["byte"]}
    assert child.log.read_bytes()[: copied["byte"]].count(b"\n") == copied["line"] - 1
    again = [row for row in rows(explained(bench, child.session, "--all")) if row["verdict"] == "before-fork"]
    assert [row["counted_at"] for row in again] == [copied["counted_at"]]


@pytest.mark.parametrize("headless", [False, True])
def test_what_was_said_once_is_no_repetition(bench: Bench, headless: bool) -> None:
    """Whatever a reader makes of the first line of a log of Copilot CLI, with its head or without."""
    agent = CopilotAgent(bench, 1)
    agent.say()
    agent.put("user.message", {"content": "sell more"})
    agent.flush()
    if headless:
        agent.log.write_bytes(b"".join(agent.log.read_bytes().splitlines(keepends=True)[1:]))
    (row,) = [row for row in rows(explained(bench, agent.session, "--all")) if row["kind"] == "user.message"]
    assert (row["verdict"], row["why"]) == ("no-usage", "it tells of no usage")


def test_what_is_written_once_more_is_a_repetition(bench: Bench) -> None:
    """Gemini CLI writes its whole history again, and its answers tell nothing new then."""
    agent = GeminiAgent(bench, 1)
    agent.say()
    agent.flush()
    agent.lines.append(agent.lines[-1])
    agent.flush()
    found = [row for row in rows(explained(bench, agent.session)) if row["verdict"] == "repeated"]
    assert [row["why"] for row in found] == ["it says again what was said before"]


def test_a_copy_in_a_database_names_no_byte(bench: Bench) -> None:
    """Rows of a database have none, and neither have parts of a document that is rewritten."""
    agent = OpenCodeAgent(bench, 1)
    agent.say()
    copy = fork(agent, 2)
    copy.say()
    (copied,) = [row for row in rows(explained(bench, agent.session)) if row["verdict"] == "copy"]
    assert copied["counted_at"] == {"path": str(agent.log), "byte": None}
    said = bench.ok("why", agent.session).out
    assert f" (counted in {agent.log})\n" in said
    assert said.splitlines()[-1].startswith("1 response, ")


def test_a_log_that_is_gone_is_explained_by_what_was_kept(bench: Bench, agent: Agent) -> None:
    """The same responses, without lines, and said so."""
    agent.say()
    there = explained(bench, agent.session)
    agent.log.unlink()
    gone = explained(bench, agent.session)
    assert gone["counted"] == there["counted"]
    assert {log["readable"] for log in gone["logs"] if log["path"] == str(agent.log)} == {False}
    assert {row["line"] for row in rows(gone) if row["counted"]} == {None}


def test_text_names_what_matters_and_says_nothing_of_the_conversation(bench: Bench) -> None:
    """A heading for each log, a row for each line, the sum last; what was said in the session nowhere."""
    agent = ClaudeAgent(bench, 1)
    agent.records.append(claude.prompt(agent.session, timestamp=now(), message={"role": "user", "content": "Zq9Xk7"}))
    agent.say()
    said = bench.ok("why", agent.session, "--all")
    lines = said.out.splitlines()
    assert lines[0] == str(agent.log)
    assert lines[1].split("\t") == ["line", "byte", "time", "kind", "verdict", "tokens", "model", "goal", "why"]
    assert lines[-1].startswith("1 response, ")
    assert "Zq9Xk7" not in said.out + said.err
    assert "Zq9Xk7" not in bench.ok("why", agent.session, "--all", "--json").out


def test_what_is_not_there_is_refused(bench: Bench, agent: Agent) -> None:
    """Unknown sessions and agents, and a session that another agent has."""
    agent.say()
    assert bench.misused("why", "no-such-session") == "unknown-session"
    assert bench.misused("why", agent.session, "--agent", "hal") == "unknown-agent"
    other = "codex" if agent.agent != "codex" else "claude"
    assert bench.misused("why", agent.session, "--agent", other) == "unknown-session"


@pytest.mark.parametrize("second", [ClaudeAgent, CodexAgent])
def test_one_id_of_two_agents_must_be_told_apart(bench: Bench, second: type[ClaudeAgent | CodexAgent]) -> None:
    """Only --agent can say which is meant."""
    first = CodexAgent(bench, 1)
    first.say()
    log = ClaudeAgent(bench, 1).log.with_name(f"{first.session}.jsonl")
    counts = claude.usage(1, 0, 0, 1)
    log.write_bytes(claude.encode([claude.answer(first.session, "msg", counts, requestId="r", timestamp=now())]))
    assert bench.misused("why", first.session) == "ambiguous-session"
    agent = second.agent
    assert bench.ok("why", first.session, "--agent", agent, "--json").json["agent"] == agent
