"""Which files are chats, and which processes are Gemini CLI."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tallybook.agents.gemini_cli.reader import GeminiReader

READER = GeminiReader()


def put(home: Path, *files: str) -> None:
    """Make files below a home's projects."""
    for file in files:
        path = home / ".gemini" / "tmp" / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("{}")


def names(**environ: str) -> list[str]:
    """The names of all chats."""
    return [log.path.name for log in READER.discover(environ)]


def test_chats_and_nothing_else(tmp_path: Path) -> None:
    """Documents and lines, of subagents too, and what Gemini set aside; not what it is writing, nor other logs."""
    put(
        tmp_path,
        *("shop/chats/session-1.json", "shop/chats/session-1.jsonl", "shop/chats/session-2.jsonl.unreadable-17"),
        *("shop/chats/one/two.jsonl", "shop/chats/session-3.jsonl.tmp-5", "shop/chats/one/deep/three.jsonl"),
        *("shop/logs/session-1.jsonl", "shop/logs.json", "shop/checkpoint-x.json", "0a8e/chats/session-4.json"),
    )
    (tmp_path / ".gemini" / "tmp" / "shop" / "chats" / "session-5.json").mkdir()
    loop = tmp_path / ".gemini" / "tmp" / "shop" / "chats" / "session-6.jsonl"
    loop.symlink_to(loop)
    logs = list(READER.discover({"HOME": str(tmp_path)}))
    assert [(log.path.name, log.whole) for log in logs] == [
        ("session-4.json", True),
        ("two.jsonl", False),
        ("session-1.json", True),
        ("session-1.jsonl", False),
        ("session-2.jsonl.unreadable-17", False),
        ("session-6.jsonl", False),
    ]
    assert all((log.agent, log.key, log.compressed) == ("gemini", str(log.path), False) for log in logs)
    assert [READER.log_at(log.path) for log in logs] == logs


def test_the_variable_then_home(tmp_path: Path) -> None:
    """Gemini takes its variable for a home, in which it has its own directory."""
    put(tmp_path / "named", "a/chats/one.json")
    put(tmp_path, "a/chats/two.json")
    put(tmp_path / ".cache", "a/chats/boxed.jsonl")
    home = str(tmp_path)
    assert names(HOME=home, GEMINI_CLI_HOME=f"{home}/named") == ["one.json"]
    assert names(HOME=home, GEMINI_CLI_HOME="") == ["two.json", "boxed.jsonl"]
    assert names(GEMINI_CLI_HOME=f"{home}/named") == ["one.json"]
    assert names(HOME=f"{home}/nowhere") == names() == []
    assert READER.roots({"HOME": home}) == (tmp_path / ".gemini" / "tmp", tmp_path / ".cache" / ".gemini" / "tmp")


def test_a_name_that_is_no_text(tmp_path: Path) -> None:
    """Bytes of a file system are spelled out."""
    put(tmp_path, "a/chats/x.json")
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/.gemini/tmp/a/chats/y\xff.json")).write_text("{}")
    assert [log.key[-9:] for log in READER.discover({"HOME": str(tmp_path)})] == ["ts/x.json", "y\\xff.json"[-9:]]


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("gemini", True),
        ("/usr/local/bin/gemini --resume latest", True),
        ("node /usr/bin/gemini -p hello", True),
        ("/usr/bin/node --max-old-space-size=12052 /x/node_modules/@google/gemini-cli/bundle/gemini.js -y", True),
        ("node --no-warnings=DEP0040 /x/node_modules/@google/gemini-cli/dist/index.js", True),
        ("node -r /x/hook.js /x/node_modules/.bin/gemini", True),
        ("bun /x/node_modules/@google/gemini-cli/bundle/gemini.js", True),
        ("node /srv/app/gemini.js", False),
        ("node /x/node_modules/@google/gemini-cli-core/server.js", False),
        ("node", False),
        ("bash -c gemini", False),
        ("vim gemini", False),
        ("geminid", False),
    ],
)
def test_processes(command: str, expected: bool) -> None:
    """The program itself or its script in a runtime, never a word that only names it."""
    assert READER.is_agent_process(command.split()) is expected


def test_no_arguments_and_no_registry() -> None:
    """Nothing is no agent, and Gemini keeps no list of its sessions."""
    assert not READER.is_agent_process([])
    assert READER.registered_session({}, 1, "1") is None
