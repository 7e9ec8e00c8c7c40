"""Which processes are the agent, and what its registry says of them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tallybook.agents.claude_code.process import registered_session
from tallybook.agents.claude_code.program import is_agent_process

AGENTS = [
    ["claude"],
    ["/usr/local/bin/claude", "-p", "hello"],
    ["/home/dev/.local/share/claude/versions/2.1.330", "--resume"],
    ["/opt/node_modules/@anthropic-ai/claude-code-linux-x64/claude"],
    ["C:\\tools\\claude.exe"],
    ["node", "/usr/lib/node_modules/@anthropic-ai/claude-code/cli.js"],
    ["/usr/bin/node", "--max-old-space-size=4096", "/x/@anthropic-ai/claude-code-linux-x64/cli.cjs", "-p"],
    ["node", "/usr/local/bin/claude", "-p", "x"],
    ["bun", "/x/@anthropic-ai/claude-agent-sdk/cli.js"],
    ["node", "/opt/claude-code/cli.js"],
]
OTHERS = [
    [],
    [""],
    ["node"],
    ["tally", "start-task", "claude"],
    ["/usr/bin/python3", "/usr/bin/tally", "hook", "claude"],
    ["bash", "-c", "claude -p hello"],
    ["bash", "/usr/local/bin/claude"],
    ["sh", "-c", "node /usr/lib/node_modules/@anthropic-ai/claude-code/cli.js"],
    ["/x/@anthropic-ai/claude-code/vendor/ripgrep/x64-linux/rg", "claude"],
    ["node", "/x/@anthropic-ai/claude-code/vendor/thing/index.js"],
    ["node", "/x/claude-code-mcp/index.js"],
    ["node", "server.js", "/x/@anthropic-ai/claude-code/cli.js"],
    ["vim", "claude"],
    ["claude-monitor"],
    ["codex"],
]


@pytest.mark.parametrize("argv", AGENTS, ids=" ".join)
def test_agent(argv: list[str]) -> None:
    assert is_agent_process(argv)


@pytest.mark.parametrize("argv", OTHERS, ids=" ".join)
def test_other(argv: list[str]) -> None:
    assert not is_agent_process(argv)


@pytest.mark.parametrize(
    ("content", "session"),
    [
        ('{"pid":7,"sessionId":"s","procStart":"123"}', "s"),
        ('{"pid":7,"sessionId":"s","procStart":123}', "s"),
        ('{"sessionId":"s"}', "s"),
        ('{"sessionId":"s","procStart":null}', "s"),
        ('{"sessionId":"s","procStart":"124"}', None),
        ('{"sessionId":"s","procStart":"0123"}', None),
        ('{"sessionId":""}', None),
        ('{"sessionId":5}', None),
        ('{"pid":7}', None),
        ("[]", None),
        ("", None),
        ("\0", None),
        ('{"sessionId":"\udcff"}', None),
        ("[" * 100_000, None),
    ],
)
def test_registry(tmp_path: Path, content: str, session: str | None) -> None:
    entry = tmp_path / ".claude/sessions/7.json"
    entry.parent.mkdir(parents=True)
    entry.write_bytes(content.encode(errors="surrogateescape"))
    (entry.parent / "7.json.key").write_text("never")
    assert registered_session({"HOME": str(tmp_path)}, 7, "123") == session


def test_only_the_entry_is_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sessions = tmp_path / "sessions"
    sessions.mkdir()
    (sessions / "7.json").write_text('{"sessionId":"s"}')
    (sessions / "7.key").write_text('{"sessionId":"secret"}')
    opened: list[str] = []
    real = os.open

    def watched(path: Path, flags: int) -> int:
        opened.append(Path(path).name)
        return real(path, flags)

    monkeypatch.setattr(os, "open", watched)
    assert registered_session({"CLAUDE_CONFIG_DIR": str(tmp_path)}, 7, "1") == "s"
    assert registered_session({"CLAUDE_CONFIG_DIR": str(tmp_path)}, 8, "1") is None
    assert opened == ["7.json", "8.json"]


def test_what_is_no_file_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "sessions/8.json").mkdir(parents=True)
    os.mkfifo(tmp_path / "sessions/7.json")
    for pid in (7, 8, 9):
        assert registered_session({"CLAUDE_CONFIG_DIR": str(tmp_path)}, pid, "1") is None


def test_each_root_is_asked(tmp_path: Path) -> None:
    for name, start in (("one", "1"), ("two", "2")):
        entry = tmp_path / name / "sessions/7.json"
        entry.parent.mkdir(parents=True)
        entry.write_text(f'{{"sessionId":"{name}","procStart":"{start}"}}')
    environ = {"CLAUDE_CONFIG_DIR": f"{tmp_path}/one,{tmp_path}/two"}
    assert [registered_session(environ, 7, start) for start in ("1", "2", "3")] == ["one", "two", None]
