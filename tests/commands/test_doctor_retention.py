"""`tally doctor` on logs that agents delete: when they go, and what would go unseen with them."""

from __future__ import annotations

import json
import os
import time
from typing import TYPE_CHECKING, Any

import pytest

from commands.agents import ClaudeAgent, CodexAgent
from commands.checkup import checkup
from commands.gemini_agent import GeminiAgent

if TYPE_CHECKING:
    from pathlib import Path

    from commands.bench import Bench

DAY = 86_400


def age(path: Path, days: float) -> None:
    """Let the log have changed so long ago."""
    then = time.time() - days * DAY
    os.utime(path, (then, then))


def found(bench: Bench) -> list[dict[str, Any]]:
    """What the doctor says of retention."""
    return checkup(bench).get("agents.retention", [])


def only(bench: Bench, status: str) -> dict[str, Any]:
    """The one finding, with this status."""
    (row,) = found(bench)
    assert row["status"] == status, row
    return row


def test_nothing_goes_soon(bench: Bench) -> None:
    """A fresh log is kept for its thirty days; agents that delete nothing are not spoken of."""
    assert found(bench) == []
    CodexAgent(bench, 2).say()
    ClaudeAgent(bench, 1).say()
    row = only(bench, "ok")
    assert "claude deletes logs 30 days after their last change; none of them goes within 7 days" in row["message"]


def test_unseen_tokens_are_counted_to_the_token(bench: Bench) -> None:
    """Only what the history has not seen counts; after the remedy nothing would be lost."""
    agent, other = ClaudeAgent(bench, 1), ClaudeAgent(bench, 2)
    seen = agent.say()
    other.say()
    bench.ok("sessions")
    unseen = agent.say()
    age(agent.log, 25)
    row = only(bench, "problem")
    total = sum(unseen.values()) - unseen["reasoning"]
    assert f"with 1 log of them {total:,} tokens would go unseen" in row["message"]
    assert row["where"]["file"] == str(agent.log)
    assert "1 log may go within 7 days" in row["message"]
    before = (bench.data / "history.db").read_bytes()
    only(bench, "problem")
    assert (bench.data / "history.db").read_bytes() == before
    bench.ok("usage")
    assert only(bench, "ok")["message"].endswith("and the history has all of them")
    assert seen


def test_without_a_history_all_would_go(bench: Bench) -> None:
    """Where the store is missing every token of the log counts."""
    agent = ClaudeAgent(bench, 1)
    used = agent.say()
    age(agent.log, 29)
    total = sum(used.values()) - used["reasoning"]
    assert f"{total:,} tokens would go unseen" in only(bench, "problem")["message"]


@pytest.mark.parametrize(
    ("name", "content", "days"),
    [
        ("settings.json", {"cleanupPeriodDays": 90}, 90),
        ("settings.local.json", {"cleanupPeriodDays": 5}, 5),
        ("settings.json", {"cleanupPeriodDays": "soon"}, 30),
        ("settings.json", {"cleanupPeriodDays": True}, 30),
        ("settings.json", {"cleanupPeriodDays": -1}, 30),
        ("settings.json", ["none"], 30),
    ],
)
def test_the_settings_of_the_agent_decide(bench: Bench, name: str, content: object, days: int) -> None:
    """A number of days that makes sense is taken, anything else is not."""
    agent = ClaudeAgent(bench, 1)
    agent.say()
    agent.log.parent.parent.parent.joinpath(name).write_text(json.dumps(content))
    assert f"claude deletes logs {days} days after" in found(bench)[0]["message"]


def test_a_log_without_tokens_is_no_loss(bench: Bench) -> None:
    """It is told of, and nothing is wrong."""
    agent = ClaudeAgent(bench, 1)
    age(agent.log, 29)
    assert "without tokens are unread" in only(bench, "note")["message"]


def test_what_goes_since_there_are_newer_ones(bench: Bench) -> None:
    """Where so many chats of a project are kept at most, all others may go at once."""
    agents = [GeminiAgent(bench, number) for number in (1, 2, 3)]
    used = [agent.say() for agent in agents]
    for days, agent in enumerate(agents):
        age(agent.log, days)
    settings = bench.home / ".gemini" / "settings.json"
    settings.write_text(json.dumps({"general": {"sessionRetention": {"maxCount": 1}}}))
    total = sum((sum(one.values()) - one["reasoning"] for one in used[1:]), 0)
    message = only(bench, "problem")["message"]
    assert "gemini deletes logs 30 days after their last change, and all but the 1 newest of each project" in message
    assert f"2 logs may go within 7 days, from {time.strftime('%Y-%m-%d', time.gmtime())} on" in message
    assert f"with 2 logs of them {total:,} tokens would go unseen" in message
    bench.ok("usage")
    assert only(bench, "ok")["message"].endswith("and the history has all of them")
    settings.unlink()
    assert only(bench, "ok")["message"].endswith("none of them goes within 7 days")


def test_what_goes_with_the_next_start_of_the_agent(bench: Bench) -> None:
    """A session of Gemini CLI that was resumed in another minute, and nothing was said: the original goes too."""
    agent = GeminiAgent(bench, 1)
    used = agent.say()
    assert only(bench, "ok")["message"].endswith("none of them goes within 7 days")
    head = agent.log.read_bytes().splitlines(keepends=True)[0]
    agent.log.with_name(agent.log.name.replace("T10-00", "T10-01")).write_bytes(head)
    message = only(bench, "problem")["message"]
    assert f"2 logs may go within 7 days, from {time.strftime('%Y-%m-%d', time.gmtime())} on" in message
    assert f"{sum(used.values()) - used['reasoning']:,} tokens would go unseen" in message
    bench.ok("usage")
    assert only(bench, "ok")["message"].endswith("and the history has all of them")
