"""`tally start-task`: every option, every refusal, and how the session is found."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from commands.agents import ClaudeAgent, CodexAgent
from commands.bench import tokens
from tallybook.repo.scanning.reading import shipped_rules

if TYPE_CHECKING:
    from commands.agents import Agent
    from commands.bench import Bench

MEMBERS = {
    *("id", "title", "kind", "status", "started_at", "finished_at", "failure_reason", "result_fit", "agent", "model"),
    *("session", "sessions", "tokens", "self", "subtree", "by_model", "attempts", "budget", "source_id", "pass"),
    *("unreported", "quality", "cost", "stages", "links", "supersedes"),
}
START = ("start-task", "--title", "Add a shelf", "--kind", "product")


def test_every_option_is_kept(bench: Bench) -> None:
    source, old = bench.start("read", kind="meta"), bench.start("old")
    bench.ok("finish-task", old, "--status", "fail", "--failure-reason", "other")
    options = {
        "--ref": "#12",
        "--agent": "claude",
        "--session": "abc-1",
        "--model": "claude-opus-4-5",
        "--notes": "as agreed",
        "--started-at": "2026-06-20T14:03:00+02:00",
        "--supersedes": old,
        "--input": source,
        "--input-source": "issue list",
        "--budget-tokens": "5000",
        "--budget-usd": "1.25",
        "--source-id": "spec",
    }
    pairs = [word for pair in options.items() for word in pair]
    said = bench.ok(*START, *pairs, "--ref", "#13", "--json")
    goal = said.goal
    assert set(goal) >= MEMBERS
    assert (goal["title"], goal["kind"], goal["status"]) == ("Add a shelf", "product", "open")
    assert goal["links"]["refs"] == ["#12", "#13"]
    assert goal["links"]["inputs"] == [source]
    assert goal["links"]["input_sources"] == ["issue list"]
    assert goal["links"]["branch"] == "main"
    assert goal["session"] == {"agent": "claude", "id": "abc-1", "detected_by": "flag"}
    assert (goal["agent"], goal["model"], goal["notes"]) == ("claude", "claude-opus-4-5", "as agreed")
    assert goal["started_at"] == "2026-06-20T14:03:00+02:00"
    assert (goal["supersedes"], goal["source_id"], goal["pass"]) == (old, "spec", 1)
    unused: dict[str, object] = {"used_tokens": None, "used_percent": None, "exceeded": False, "stages": []}
    allowed = {"tokens": 5000, "nano_usd": 1_250_000_000, "usd": "1.25", **unused}
    assert {name: goal["budget"][name] for name in allowed} == allowed
    assert (goal["cost"]["usd"], goal["cost"]["reason"]) == (None, "nothing was measured")
    assert bench.shown(old)["status"] == "superseded"
    assert bench.shown(goal["id"]) == goal


def test_quiet_prints_the_id_alone(bench: Bench) -> None:
    said = bench.ok(*START, "--quiet")
    (goal,) = bench.state()["goals"]
    assert said.out == goal["id"] + "\n"


def test_people_get_a_line(bench: Bench) -> None:
    said = bench.ok(*START, "--untracked")
    assert said.out.rstrip("\n").endswith("  open  Add a shelf  unmeasured")
    assert said.err == ""


def test_a_nested_goal_is_told_of(bench: Bench) -> None:
    bench.start()
    assert "another goal is open here" in bench.ok(*START).err


def test_passes_over_one_source_are_numbered(bench: Bench) -> None:
    numbers = [
        bench.ok("start-task", "--title", "t", "--kind", "check", "--source-id", "spec", "--json").goal["pass"]
        for _ in range(3)
    ]
    assert numbers == [1, 2, 3]


@pytest.mark.parametrize(
    ("options", "code"),
    [
        (("--title", ""), "bad-text"),
        (("--title", "   "), "bad-text"),
        (("--title", "x" * 2001), "bad-text"),
        (("--title", "a\nb"), "bad-text"),
        (("--title", "a\x1b[31mb"), "bad-text"),
        (("--title", "a\udcffb"), "bad-text"),
        (("--notes", "a\x00b"), "bad-text"),
        (("--notes", ""), "bad-text"),
        (("--model", "a\u2028b"), "bad-text"),
        (("--ref", ""), "bad-text"),
        (("--input-source", "\t"), "bad-text"),
        (("--source-id", "\x7f"), "bad-text"),
        (("--kind", "other"), "usage"),
        (("--started-at", "2026-06-20T14:03:00"), "bad-time"),
        (("--started-at", "yesterday"), "bad-time"),
        (("--budget-tokens", "-1"), "usage"),
        (("--budget-tokens", "1e3"), "usage"),
        (("--budget-tokens", "nan"), "usage"),
        (("--budget-tokens", "9" * 5000), "usage"),
        (("--budget-tokens", str(2**53)), "bad-number"),
        *((("--budget-usd", bad), "usage") for bad in ("-1", "nan", "inf", "1e3", "9e999999", "9" * 5000, "", "1,5")),
        *((("--budget-usd", bad), "usage") for bad in ("0.0000000001", "9007199.254740992", "1." + "0" * 30 + "1")),
        (("--agent", "nobody"), "unknown-agent"),
        (("--agent", "codex", "--session", "a b"), "bad-session-id"),
        (("--untracked", "--session", "abc"), "usage"),
        (("--nonsense",), "usage"),
    ],
)
def test_what_is_not_allowed_is_exit_2(bench: Bench, options: tuple[str, ...], code: str) -> None:
    bench.start("before")
    assert bench.misused(*START, *options) == code


@pytest.mark.parametrize("amount", ["0", "0.5", "00002.50", "9007199.254740991", "1.000000001000"])
def test_amounts_of_money_are_exact(bench: Bench, amount: str) -> None:
    goal = bench.ok(*START, "--budget-usd", amount, "--json").goal
    assert f"{goal['budget']['nano_usd'] / 10**9:.9f}" == f"{float(amount):.9f}"


@pytest.mark.parametrize(
    ("options", "code"),
    [
        (("--supersedes", "g260101-00000000"), "goal-unknown"),
        (("--input", "g260101-00000000"), "input-unknown"),
        (("--title", "key AKIAABCDEFGHIJKLMNOP"), "secret-like"),
        (("--session", "nowhere"), "unknown-session"),
    ],
)
def test_what_the_ledger_forbids_is_exit_1(bench: Bench, options: tuple[str, ...], code: str) -> None:
    bench.start("before")
    assert bench.refused(*START, *options) == code


def test_a_secret_is_let_through_where_it_is_none(bench: Bench) -> None:
    bench.ok(*START[:2], "key AKIAABCDEFGHIJKLMNOP", *START[3:], "--allow-secret-like")


def test_a_goal_that_is_open_or_of_another_kind_is_not_superseded(bench: Bench) -> None:
    old = bench.start()
    assert bench.refused(*START, "--supersedes", old) == "supersedes-open"
    bench.ok("finish-task", old, "--status", "success")
    assert bench.refused("start-task", "--title", "t", "--kind", "meta", "--supersedes", old) == "supersedes-other-kind"
    bench.start("next", "--supersedes", old)
    assert bench.refused(*START, "--supersedes", old) == "superseded-already"


def test_the_flag_wins_over_every_variable(bench: Bench) -> None:
    claude, codex = ClaudeAgent(bench, 1), CodexAgent(bench, 2)
    environ = claude.environ | codex.environ | {"TALLYBOOK_SESSION": f"codex:{codex.session}"}
    goal = bench.ok(*START, "--session", claude.session, "--json", **environ).goal
    assert goal["session"] == {"agent": "claude", "id": claude.session, "detected_by": "flag"}


def test_the_own_variable_wins_over_those_of_agents(bench: Bench) -> None:
    claude, codex = ClaudeAgent(bench, 1), CodexAgent(bench, 2)
    environ = claude.environ | {"TALLYBOOK_SESSION": f"codex:{codex.session}"}
    goal = bench.ok(*START, "--json", **environ).goal
    assert goal["session"] == {"agent": "codex", "id": codex.session, "detected_by": "environment"}


def test_the_variable_of_the_one_agent_that_set_one(bench: Bench) -> None:
    agent = CodexAgent(bench, 1)
    goal = bench.ok(*START, "--json", **agent.environ).goal
    assert goal["session"] == {"agent": "codex", "id": agent.session, "detected_by": "variable"}


def test_the_only_session_that_moved_here(bench: Bench) -> None:
    agent = ClaudeAgent(bench, 1)
    agent.say()
    goal = bench.ok(*START, "--json").goal
    assert goal["session"] == {"agent": "claude", "id": agent.session, "detected_by": "directory"}


def test_several_sessions_are_listed_without_their_text(bench: Bench) -> None:
    claude, codex = ClaudeAgent(bench, 1), CodexAgent(bench, 2)
    used = [tokens_of.total() - tokens_of["reasoning"] for tokens_of in (claude.say(), codex.say())]
    said = bench.tally(*START, "--json")
    assert (said.code, said.error) == (1, "several-sessions")
    message, hint = said.json["error"]["message"], said.json["error"]["hint"]
    agents: tuple[Agent, Agent] = (claude, codex)
    for agent, count in zip(agents, used, strict=True):
        assert f"{agent.agent} {agent.session}, last activity 20" in message
        assert f"in {bench.repo}, {count:,} tokens" in message
    assert "--session" in hint
    assert "please" not in said.out
    assert "add a shelf" not in said.out
    assert bench.events() == []
    assert bench.refused(*START, **claude.environ, **codex.environ) == "several-sessions"


def test_without_any_agent_the_goal_is_unmeasured(bench: Bench) -> None:
    said = bench.ok(*START, "--json")
    assert (said.goal["tokens"], said.goal["quality"], said.goal["session"]) == (None, "unmeasured", None)
    assert "no agent session was found" in said.err
    assert "TALLYBOOK_SESSION=AGENT:ID" in said.err


def test_untracked_looks_for_no_session(bench: Bench) -> None:
    agent = ClaudeAgent(bench, 1)
    agent.say()
    said = bench.ok(*START, "--untracked", "--json", **agent.environ)
    assert (said.goal["tokens"], said.goal["session"]) == (None, None)
    assert "session" not in said.err
    assert bench.events("usage_snapshot") == []


def test_what_was_used_before_is_remainder(bench: Bench) -> None:
    agent = ClaudeAgent(bench, 1)
    before = agent.say()
    (bench.repo / "new").write_text("x")
    said = bench.ok(*START, **agent.environ)
    assert "its usage so far is remainder" in said.err
    assert tokens(bench.state()["remainder"]["tokens"]) == before


def test_two_starts_at_once_are_both_kept(bench: Bench) -> None:
    command = [sys.executable, "-m", "tallybook", *START, "--untracked", "--json"]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE) for _ in range(2)]
    outs = [process.communicate(timeout=60)[0] for process in running]
    ids = {json.loads(out)["goal"]["id"] for out in outs}
    assert {goal["id"] for goal in bench.state()["goals"]} == ids
    assert len(ids) == 2


def test_a_value_that_makes_no_sense_is_refused_with_its_option(bench: Bench) -> None:
    said = bench.tally("start-task", "--title", "x", "--kind", "product", "--budget-usd", "1e3", "--json")
    assert (said.code, said.error) == (2, "usage")
    told = said.json["error"]
    assert "--budget-usd" in told["message"]
    assert told["hint"] == "tally start-task --help tells what it takes"
    assert bench.state()["goals"] == []


def test_every_kind_of_secret_that_scans_know_is_refused(bench: Bench) -> None:
    """In a title, a note, a stage or a reference; nothing is written, and it is let through where it is none."""
    goal = bench.start()
    for rule in shipped_rules("secrets", examples=True).rules:
        for example in rule.examples.positive:
            text = " ".join(example.text.split())
            said = bench.tally("start-task", "--title", f"Use {text}", "--kind", "product", "--json")
            assert (said.code, said.error) == (1, "secret-like"), rule.id
            assert text not in said.out + said.err
        assert bench.refused("mark", "plan", "--goal", goal, "--notes", text) == "secret-like"
        assert bench.refused("update", goal, "--ref", text) == "secret-like"
    assert bench.refused("check", "add", "--source-id", "s", "--notes", text) == "secret-like"
    assert len(bench.events()) == 1
    bench.ok("start-task", "--title", text, "--kind", "product", "--allow-secret-like")


@pytest.mark.parametrize(
    "title",
    [
        "Revert 1f7b702f9f0b0a9c3f7f1d2c4b5a69788796a5b4",
        "Read tallybook/usecases/importing/tidying.py:42",
        "https://example.org/a/b?c=d#e-f-g-h-i-j-k-l",
        "Rename get_password_reset_token_from_request",
        "Take 0190c1a2-7b3c-7def-8123-456789abcdef over",
    ],
)
def test_a_long_word_is_no_secret(bench: Bench, title: str) -> None:
    """Hashes, paths, addresses, names and ids are what titles are made of."""
    bench.start(title)
