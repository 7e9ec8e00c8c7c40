"""Bad input of every kind: a clear word or a counted skip, never a traceback, and nothing lost."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from commands.agents import ClaudeAgent, CodexAgent
from commands.bench import tokens
from commands.garbage import GARBAGE, ODD_THINGS, odd_thing

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from commands.agents import Agent
    from commands.bench import Bench


def life(bench: Bench, agent: Agent, between: Callable[[], object]) -> None:
    """A task whose numbers must be right whatever happens between its commands."""
    goal = bench.start(**agent.environ)
    used = agent.say()
    between()
    bench.ok("mark", "plan", **agent.environ)
    between()
    used += agent.say()
    bench.ok("finish-task", "--status", "success", **agent.environ)
    assert tokens(bench.shown(goal)["tokens"]) == used
    bench.state()


@pytest.mark.parametrize("kind", sorted(GARBAGE))
def test_garbage_beside_the_log(bench: Bench, kind: str) -> None:
    for agent in (ClaudeAgent(bench, 1), CodexAgent(bench, 2)):
        agent.log.with_name("other.jsonl").write_bytes(GARBAGE[kind].lines)
        agent.log.with_name(agent.log.name.replace("-8000-", "-9000-")).write_bytes(GARBAGE[kind].lines)
        life(bench, agent, lambda: None)


@pytest.mark.parametrize("kind", sorted(set(GARBAGE) - {"torn"}))
def test_garbage_within_the_log(bench: Bench, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    agent = ClaudeAgent(bench, 1)
    from loggen import claude  # noqa: PLC0415 - the encoder under test's feet

    encode = claude.encode
    monkeypatch.setattr(
        claude, "encode", lambda records: b"".join(encode([record]) + GARBAGE[kind].lines for record in records)
    )
    life(bench, agent, agent.flush)


@pytest.mark.parametrize("kind", ODD_THINGS)
@pytest.mark.parametrize("kin", [ClaudeAgent, CodexAgent])
def test_things_that_are_no_logs_beside_the_log(bench: Bench, kin: type[ClaudeAgent | CodexAgent], kind: str) -> None:
    agent = kin(bench, 1)
    odd_thing(agent.log.with_name("rollout-2026-09-01T10-00-00-odd.jsonl"), kind)
    life(bench, agent, lambda: None)


def test_a_log_that_shrinks_keeps_what_was_counted(bench: Bench) -> None:
    agent = ClaudeAgent(bench, 1)
    goal = bench.start(**agent.environ)
    used = agent.say()
    bench.ok("mark", "plan", **agent.environ)
    agent.log.write_bytes(agent.log.read_bytes()[:40])
    bench.ok("finish-task", "--status", "success", **agent.environ)
    assert tokens(bench.shown(goal)["tokens"]) == used
    bench.state()


def test_homes_of_agents_that_are_files(bench: Bench, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    for place in (str(tmp_path / "file"), "/nowhere/at/all", "/dev/null", "relative"):
        bench.ok("sessions", "--json", CODEX_HOME=place, CLAUDE_CONFIG_DIR=place, AMP_DATA_DIR=place)
        bench.ok("start-task", "--title", "t", "--kind", "meta", CODEX_HOME=place, CLAUDE_CONFIG_DIR=place)


@pytest.mark.parametrize("where", ["head", "middle", "whole"])
def test_a_garbage_store_is_rebuilt_from_the_logs(bench: Bench, where: str) -> None:
    agent = ClaudeAgent(bench, 1)
    for _ in range(60):
        agent.say()
    bench.ok("sessions")
    store = bench.data / "history.db"

    def spoil() -> None:
        for ending in ("-wal", "-shm"):
            store.with_name(store.name + ending).unlink(missing_ok=True)
        data = bytearray(store.read_bytes())
        start, end = {"head": (0, 100), "middle": (len(data) // 3, 2 * len(data) // 3), "whole": (0, len(data))}[where]
        data[start:end] = b"\xa5" * (end - start)
        store.write_bytes(data)

    life(bench, agent, spoil)
    spoil()
    assert bench.ok("show", "--json").json["goals"]
    bench.ok("report")
    bench.ok("sessions", "--json")


@pytest.mark.parametrize("kind", ["file", "below a file", "store is a directory", "store is a link to nothing"])
def test_a_data_directory_that_can_not_be_used(bench: Bench, tmp_path: Path, kind: str) -> None:
    agent = ClaudeAgent(bench, 1)
    agent.say()
    place = tmp_path / "data"
    match kind:
        case "file" | "below a file":
            place.write_text("x")
        case "store is a directory":
            (place / "history.db").mkdir(parents=True)
        case _:
            place.mkdir()
            (place / "history.db").symlink_to("/nowhere/at/all")
    home = str(place / "deep") if kind == "below a file" else str(place)
    said = bench.ok("start-task", "--title", "t", "--kind", "meta", "--json", TALLYBOOK_HOME=home, **agent.environ)
    assert said.goal["quality"] == "unmeasured"
    assert said.goal["session"]["id"] == agent.session
    assert [problem["code"] for problem in said.json["problems"]] == ["history-unusable"]
    assert "usage is not measured" in said.err
    for command in ("show", "report", "log", "verify"):
        bench.ok(command, TALLYBOOK_HOME=home)
    assert bench.refused("sessions", TALLYBOOK_HOME=home) == "store-unusable"
    bench.ok("finish-task", "--status", "success", TALLYBOOK_HOME=home, **agent.environ)


def test_a_full_disk_is_told_and_nothing_is_acknowledged(bench: Bench) -> None:
    goal = bench.start()
    (file,) = bench.ledger.glob("*.ndjson")
    before = file.read_bytes()

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) + 100, len(before) + 100))

    command = [sys.executable, "-m", "tallybook", "mark", "plan", "--goal", goal, "--notes", "x" * 1000, "--json"]
    environ = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}  # Python leaves byte code cut off at the limit, for good
    done = subprocess.run(command, capture_output=True, text=True, check=False, preexec_fn=limit, env=environ)
    # limit is for the child alone
    assert done.returncode == 1
    assert '"ledger-unusable"' in done.stdout
    assert "ulimit -f" in done.stderr
    assert "Traceback" not in done.stderr
    assert file.read_bytes() == before
    bench.ok("verify")
    bench.ok("mark", "plan", "--goal", goal)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (b"[ledger]\npublsh = 'x'\n", "config-unknown-key"),
        (b"[nosuch]\n", "config-unknown-key"),
        (b"[capture]\nenabled = 'yes'\n", "config-wrong-type"),
        (b"[ledger]\npublish = '../x'\n", "config-bad-value"),
        (b"[hooks]\nticket = '('\n", "config-bad-value"),
        (b"[broken\n", "config-unreadable"),
        (b"\xff\xfe", "config-unreadable"),
        (b"a = " + b"[" * 50_000, "config-unreadable"),
        (b"#" * (1 << 20) + b"\n\n", "config-unreadable"),
    ],
)
def test_settings_with_faults_are_told_and_the_rest_goes_on(bench: Bench, text: bytes, code: str) -> None:
    (bench.repo / "config").mkdir()
    (bench.repo / "config" / "tallybook.toml").write_bytes(text)
    for command in (("show",), ("start-task", "--title", "t", "--kind", "meta"), ("settle",), ("log",), ("report",)):
        said = bench.ok(*command, "--json")
        assert [problem["code"] for problem in said.json["problems"]] == [code], command
        assert "config/tallybook.toml" in said.err


def test_capture_can_be_switched_off(bench: Bench) -> None:
    (bench.repo / "config").mkdir()
    (bench.repo / "config" / "tallybook.toml").write_text("[capture]\nenabled = false\n")
    agent = ClaudeAgent(bench, 1)
    goal = bench.start(**agent.environ)
    agent.say()
    bench.ok("finish-task", "--status", "success", **agent.environ)
    assert bench.shown(goal)["tokens"] is None
    assert not (bench.data / "history.db").exists()


def test_ids_of_sessions_that_are_none(bench: Bench) -> None:
    start = ("start-task", "--title", "t", "--kind", "meta")
    for bad in ("a b", "x" * 201, "a\nb", "\x1b[31m", "é"):
        assert bench.refused(*start, CODEX_THREAD_ID=bad) == "bad-session-id"
        assert bench.refused(*start, TALLYBOOK_SESSION=f"claude:{bad}") == "bad-session-id"
        assert bench.misused(*start, "--agent", "claude", "--session", bad) == "bad-session-id"


def test_a_session_that_no_log_holds_is_unmeasured(bench: Bench) -> None:
    said = bench.ok("start-task", "--title", "t", "--kind", "meta", "--json", CODEX_THREAD_ID="not-yet-there")
    assert said.goal["session"]["id"] == "not-yet-there"
    assert (said.goal["tokens"], said.goal["quality"]) == (None, "unmeasured")


def test_without_a_store_a_session_needs_its_agent(bench: Bench, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    home = str(tmp_path / "file")
    start = ("start-task", "--title", "t", "--kind", "meta", "--json")
    for more in (("--session", "abc"), ()):
        assert bench.ok(*start, *more, TALLYBOOK_HOME=home).goal["session"] is None
    assert bench.ok(*start, "--agent", "codex", "--session", "abc", TALLYBOOK_HOME=home).goal["session"]["id"] == "abc"


def test_a_start_in_the_future_is_refused(bench: Bench) -> None:
    start = ("start-task", "--title", "t", "--kind", "meta", "--started-at", "2126-01-01T00:00:00Z")
    assert bench.misused(*start) == "start-in-future"
