"""`tally reconcile` without a file: the history beside what agents themselves say that sessions have used."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from commands.agents import ClaudeAgent, CodexAgent, now
from commands.bench import tokens

if TYPE_CHECKING:
    from commands.bench import Bench


def state(agent: ClaudeAgent, **more: int) -> dict[str, Any]:
    """A `cost-state` with what the agent's rows tell, and more."""
    total = {"inputTokens": 0, "cacheReadInputTokens": 0, "cacheCreationInputTokens": 0, "outputTokens": 0}
    for record in agent.records:
        if usage := record.get("message", {}).get("usage"):
            total["inputTokens"] += usage["input_tokens"]
            total["cacheReadInputTokens"] += usage["cache_read_input_tokens"]
            total["cacheCreationInputTokens"] += usage["cache_creation_input_tokens"]
            total["outputTokens"] += usage["output_tokens"]
    counts = {name: count + more.get(name, 0) for name, count in total.items()}
    return {"type": "cost-state", "sessionId": agent.session, "startTime": 1, "modelUsage": {agent.model: counts}}


def compared(bench: Bench, *, code: int = 0) -> dict[str, Any]:
    said = bench.tally("reconcile", "--json")
    assert said.code == code, said
    assert (said.json["with"], said.json["view"]) == ("agents", "session")
    return said.json


def restarted(agent: ClaudeAgent) -> tuple[dict[str, int], int]:
    """What a session has used before the counter began, and when that was; a response comes behind it."""
    agent.say()
    before: dict[str, int] = state(agent)["modelUsage"][agent.model]
    time.sleep(0.01)
    began = int(time.time() * 1000)
    agent.say()
    return before, began


def test_a_counter_that_says_the_same_is_equal(bench: Bench) -> None:
    """Totals of Codex, and Claude Code's by model."""
    codex, claude = CodexAgent(bench, 1), ClaudeAgent(bench, 2)
    codex.say()
    codex.say()
    claude.say()
    claude.records.append(state(claude))
    claude.flush()
    told = compared(bench)
    assert (told["rows"], told["equal"], told["unexplained"]) == ([], 2, 0)
    assert told["total"]["ours"] == told["total"]["theirs"]
    assert told["total"]["ours"]["total"] == bench.ok("usage", "--json").json["total"]["tokens"]["total"]
    assert bench.ok("reconcile").out.splitlines()[0] == "2 equal, 0 different, 0 of them unexplained"


def test_what_no_log_itemises_is_told_as_such(bench: Bench) -> None:
    """The counter of Claude Code has titles and other helper calls too."""
    agent = ClaudeAgent(bench, 1)
    agent.say()
    agent.records.append(state(agent, inputTokens=506, outputTokens=11))
    agent.flush()
    (row,) = compared(bench)["rows"]
    key = {"agent": "claude", "session": agent.session, "scope": "cost-state", "model": agent.model}
    assert row["key"] == key
    assert row["difference"] == {"input": -506, "cache_read": 0, "cache_write": 0, "output": -11, "total": -517}
    assert row["cause"].startswith("recorded but not itemised")


def test_what_no_log_itemises_stands_in_a_line_of_its_own_and_in_no_sum(bench: Bench) -> None:
    """Up to the counter's last word, what came before it began apart; `why` tells it of one session."""
    agent = ClaudeAgent(bench, 1)
    before, began = restarted(agent)
    less = {name: -count for name, count in before.items()}
    less["inputTokens"] += 506
    less["outputTokens"] += 11
    agent.records.append(state(agent, **less) | {"startTime": began})
    time.sleep(0.01)
    used = agent.say()
    agent.records[-1]["timestamp"] = now()
    agent.flush()
    assert sum(used.values()) > 517
    told = compared(bench)
    (rest,) = told["not_itemised"]
    assert {name: rest[name] for name in ("agent", "session", "model")} == {
        "agent": "claude",
        "session": agent.session,
        "model": agent.model,
    }
    assert tokens(rest["tokens"]) == {"input": 506, "output": 11}
    assert bench.ok("reconcile").out.splitlines()[-1] == (
        "recorded but not itemised: 517 tokens in 1 session, in no sum of responses"
    )
    why = bench.ok("why", agent.session, "--json").json
    assert why["not_itemised"] == [{"model": agent.model, "tokens": rest["tokens"]}]
    assert why["counted"]["tokens"] == bench.ok("usage", "--json").json["total"]["tokens"]
    assert bench.ok("why", agent.session).out.splitlines()[-1] == (
        f"recorded but not itemised: 517 tokens of {agent.model}, in no sum of responses"
    )


def test_nothing_is_left_of_a_counter_that_says_what_the_log_says(bench: Bench) -> None:
    """So there is no such line."""
    agent = ClaudeAgent(bench, 1)
    agent.say()
    agent.records.append(state(agent))
    agent.flush()
    assert compared(bench)["not_itemised"] == []
    assert "not itemised" not in bench.ok("reconcile").out + bench.ok("why", agent.session).out


def test_a_log_may_go_on_behind_the_counter(bench: Bench) -> None:
    """What came after the last counter is in the log alone."""
    agent = ClaudeAgent(bench, 1)
    agent.say()
    agent.records.append(state(agent))
    agent.say()
    agent.records[-1]["timestamp"] = "2099-01-01T00:00:00.000Z"
    agent.flush()
    (row,) = compared(bench)["rows"]
    assert row["cause"] == "the log goes on behind the counter"
    assert row["difference"]["total"] > 0


def test_a_session_may_be_older_than_its_counter(bench: Bench) -> None:
    """A version without counters has begun it; that of a later one starts from nothing when it goes on."""
    agent = ClaudeAgent(bench, 1)
    before, began = restarted(agent)
    less = {name: -count for name, count in before.items()}
    agent.records.append(state(agent, **less) | {"startTime": began})
    agent.flush()
    (row,) = compared(bench)["rows"]
    assert row["cause"] == "the session began before its counter did, under an earlier version"
    assert row["difference"]["output"] == before["outputTokens"]


def test_a_counter_that_says_less_for_no_reason_is_exit_1(bench: Bench) -> None:
    """Nothing explains that an agent has counted less than its log tells."""
    agent = ClaudeAgent(bench, 1)
    agent.say()
    agent.records.append(state(agent, outputTokens=-3) | {"timestamp": now()})
    agent.flush()
    told = compared(bench, code=1)
    assert told["unexplained"] == 1
    assert [row["cause"] for row in told["rows"]] == ["unexplained"]
    said = bench.tally("reconcile")
    assert said.code == 1
    assert said.out.splitlines()[0].split("\t")[:4] == ["agent", "session", "counter", "model"]


def test_a_fork_is_compared_with_what_is_its_own(bench: Bench) -> None:
    """Its total goes on from its parent's, and what stood there before is taken off."""
    parent = CodexAgent(bench, 1)
    parent.say()
    time.sleep(0.01)  # ids of turns tell milliseconds, and those of the parent are older than the fork
    child = CodexAgent(bench, 3)
    child.rollout.lines.clear()
    child.rollout.meta(cwd=str(bench.repo), forked_from_id=parent.session)
    child.rollout.copy(parent.rollout.lines)
    child.turn()
    child.total = parent.total
    child.say()
    told = compared(bench)
    assert (told["rows"], told["equal"]) == ([], 2)


def test_days_need_a_report(bench: Bench) -> None:
    """A counter has none."""
    assert bench.misused("reconcile", "--since", "2026-06-19") == "no-report"
