"""`tally sessions`: what the logs tell of sessions, and no text of them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from commands.agents import ClaudeAgent, CodexAgent
from commands.bench import tokens

if TYPE_CHECKING:
    from commands.bench import Bench

MEMBERS = {
    *("agent", "id", "paths", "last_activity", "live", "cwd", "model", "parent", "origin", "responses", "tokens"),
    "cost",
}


def test_each_session_with_its_facts(bench: Bench) -> None:
    claude, codex = ClaudeAgent(bench, 1), CodexAgent(bench, 2)
    truth = {claude.session: claude.say() + claude.say(), codex.session: codex.say()}
    told = bench.ok("sessions", "--json").json
    assert told["schema"] == "tallybook.sessions/1"
    rows = {row["id"]: row for row in told["sessions"]}
    assert {name: tokens(row["tokens"]) for name, row in rows.items()} == truth
    for agent in (claude, codex):
        row = rows[agent.session]
        assert set(row) == MEMBERS
        assert (row["agent"], row["model"], row["cwd"]) == (agent.agent, agent.model, str(bench.repo))
        assert row["paths"] == [str(agent.log)]
        assert row["live"] is True
        assert row["last_activity"].endswith("Z")
    assert rows[claude.session]["responses"] == 2


def test_children_name_their_parent(bench: Bench) -> None:
    agent = ClaudeAgent(bench, 1)
    agent.say()
    agent.delegate("11")
    rows = {row["id"]: row for row in bench.ok("sessions", "--json").json["sessions"]}
    assert rows[agent.child("11")]["parent"] == agent.session
    assert rows[agent.child("11")]["origin"] == "subagent"


def test_by_agent_and_limit(bench: Bench) -> None:
    for number in (1, 2, 3):
        ClaudeAgent(bench, number).say()
    last = CodexAgent(bench, 4)
    last.say()
    assert len(bench.ok("sessions", "--json").json["sessions"]) == 4
    only = bench.ok("sessions", "--agent", "codex", "--json").json["sessions"]
    assert [row["id"] for row in only] == [last.session]
    assert len(bench.ok("sessions", "--limit", "2", "--json").json["sessions"]) == 2
    assert "the 2 that moved last; --limit" in bench.ok("sessions", "--limit", "2").err
    assert bench.ok("sessions", "--limit", "2", "--json").json["more"] is True
    for most in ("4", str(2**63), "9" * 30):
        told = bench.ok("sessions", "--limit", most, "--json").json
        assert (len(told["sessions"]), told["more"]) == (4, False)
        assert "--limit" not in bench.ok("sessions", "--limit", most).err
    assert bench.misused("sessions", "--limit", "0") == "usage"
    assert bench.misused("sessions", "--limit", "many") == "usage"
    assert bench.misused("sessions", "--agent", "nobody") == "unknown-agent"


@pytest.mark.parametrize("moment", ["2026-03-01T12:00:00.000000Z", "2126-03-01T12:00:00.000000Z"])
def test_a_session_of_another_time_is_not_live(bench: Bench, moment: str) -> None:
    """Neither an old one, nor one whose clock was set wrong."""
    agent = ClaudeAgent(bench, 1)
    for record in agent.records:
        record["timestamp"] = moment
    agent.flush()
    (row,) = bench.ok("sessions", "--json").json["sessions"]
    assert (row["live"], row["last_activity"]) == (False, moment)


def test_people_get_a_table_without_text(bench: Bench) -> None:
    agent = CodexAgent(bench, 1)
    agent.say()
    head, row = bench.ok("sessions").out.splitlines()
    assert head.split("\t") == ["agent", "session", "last activity", "live", "model", "tokens", "USD", "directory"]
    assert row.split("\t")[:2] == ["codex", agent.session]
    assert "add a shelf" not in row


def test_hostile_names_are_made_harmless(bench: Bench) -> None:
    agent = CodexAgent(bench, 1, model="evil\x1b]0;gone\x07\u202emodel")
    agent.say()
    said = bench.ok("sessions")
    assert "\x1b" not in said.out
    assert "\u202e" not in said.out
    assert "evil" in said.out


def test_no_logs_at_all(bench: Bench) -> None:
    os.environ["CODEX_HOME"] = str(bench.repo / "nowhere")
    assert bench.ok("sessions", "--json").json["sessions"] == []
