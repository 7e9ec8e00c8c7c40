"""What Claude Code's logs hold, through the commands: wherever they lie and whatever stands beside the counts."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING

from commands.agents import ClaudeAgent, now
from commands.bench import tokens
from loggen.claude import answer, encode, prompt, usage

if TYPE_CHECKING:
    from commands.bench import Bench


def test_sessions_of_claude_desktop_are_found(bench: Bench) -> None:
    """Each has directories like those of Claude Code somewhere below; other files there are no logs."""
    desktop = Path(os.environ["HOME"], "Library", "Application Support", "Claude")
    session = desktop / "local-agent-mode-sessions" / "account" / "organization" / "local_1"
    log = session / ".claude" / "projects" / "-work" / "s1.jsonl"
    log.parent.mkdir(parents=True)
    assert bench.ok("usage", "--json").json["total"]["responses"] == 0
    row = answer("s1", "m1", usage(5, 0, 0, 40), requestId="r1", entrypoint="claude-desktop")
    log.write_bytes(encode([prompt("s1"), row]))
    (session / "audit.jsonl").write_bytes(encode([answer("s2", "m2", usage(5, 0, 0, 41), requestId="r2")]))
    told = bench.ok("usage", "--by", "session", "--json").json
    assert [(one["key"]["session"], one["tokens"]["output"]) for one in told["rows"]] == [("s1", 40)]
    checks = bench.ok("doctor", "--json").json["checks"]
    (found,) = [one for one in checks if (one["group"], one["name"]) == ("agents", "claude")]
    assert str(desktop / "local-agent-mode-sessions") in found["message"]


def test_a_detail_of_another_shape_hides_no_counts(bench: Bench) -> None:
    """Formats change; the line is told of as not understood, and what it has used is counted."""
    agent = ClaudeAgent(bench, 1)
    used = agent.say()
    body = agent.records[-1]["message"]
    body["usage"] |= {"iterations": {"first": 1}, "server_tool_use": [1]}
    body["content"] = [7]
    agent.flush()
    told = bench.ok("usage", "--by", "session", "--json").json
    assert [tokens(one["tokens"]) for one in told["rows"]] == [used]
    (log,) = bench.ok("why", agent.session, "--json").json["logs"]
    assert [(one["line"], one["verdict"]) for one in log["lines"]] == [(3, "counted"), (3, "bad")]


def test_a_relative_directory_stands_for_one_place_at_a_time(bench: Bench, tmp_path: Path) -> None:
    """What was read from one current directory stays when the same name leads elsewhere from another."""
    for name, output in (("a", 50), ("b", 60)):
        log = tmp_path / name / "config" / "projects" / "-work" / "s.jsonl"
        log.parent.mkdir(parents=True)
        row = answer("s", f"m{output}", usage(1, 0, 0, output), requestId=f"r{output}")
        log.write_bytes(encode([prompt("s"), row]))
    for name, whole in (("a", 50), ("b", 110), ("a", 110)):
        told = bench.ok("usage", "--json", cwd=tmp_path / name, CLAUDE_CONFIG_DIR="config").json["total"]
        assert told["tokens"]["output"] == whole


def test_a_copy_whose_original_is_gone_is_not_proved_to_be_the_forks(bench: Bench) -> None:
    """A fork shows rows that are older than itself as its own; what it has said itself is its own for sure."""
    original, fork = ClaudeAgent(bench, 1), ClaudeAgent(bench, 2)
    copied = original.say()
    rows = [{**row, "sessionId": fork.session} for row in original.records if row["type"] == "assistant"]
    fork.records[1:1] = rows
    time.sleep(0.01)  # what was said is older than the fork
    fork.records[0]["timestamp"] = now()
    own = fork.say()
    told = bench.ok("usage", "--by", "session", "--json").json["rows"]
    found = {row["key"]["session"]: (tokens(row["tokens"]), row["quality"]) for row in told}
    assert found == {original.session: (copied, "exact"), fork.session: (own, "exact")}
    original.log.unlink()
    shutil.rmtree(bench.data)
    told = bench.ok("usage", "--by", "session", "--json").json["rows"]
    assert [(tokens(row["tokens"]), row["quality"]) for row in told] == [(copied + own, "unverified")]
    (log,) = bench.ok("why", fork.session, "--json").json["logs"]
    assert [one["quality"] for row in log["lines"] for one in row["counted"]] == ["unverified", "exact"]
