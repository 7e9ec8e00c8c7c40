"""Copilot CLI is told from whatever only mentions it, and its locks tell which session a process holds."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tallybook.agents.copilot_cli.reader import CopilotReader

if TYPE_CHECKING:
    from pathlib import Path

READER = CopilotReader()


@pytest.mark.parametrize(
    "argv",
    [
        ["copilot"],
        ["/usr/lib/node_modules/@github/copilot-linux-x64/copilot", "-p", "hello"],
        ["node", "/usr/local/bin/copilot", "--resume"],
        ["/usr/bin/node", "--no-warnings", "-r", "./hook.js", "/x/node_modules/@github/copilot/npm-loader.js"],
        ["node", "/x/node_modules/@github/copilot/index.js"],
    ],
)
def test_copilot_is_known(argv: list[str]) -> None:
    assert READER.is_agent_process(argv)


@pytest.mark.parametrize(
    "argv",
    [
        [],
        [""],
        ["bash", "-c", "copilot -p hello"],
        ["/bin/sh", "/usr/local/bin/copilot"],
        ["node"],
        ["node", "-r", "copilot"],
        ["node", "server.js", "copilot"],
        ["copilot-language-server", "--stdio"],
        ["vim", "copilot"],
    ],
)
def test_others_are_not(argv: list[str]) -> None:
    assert not READER.is_agent_process(argv)


def lock(home: Path, session: str, pid: int, moment: int) -> None:
    place = home / "session-state" / session / f"inuse.{pid}.lock"
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(str(pid))
    os.utime(place, (moment, moment))


def test_the_newest_lock_of_a_process_names_its_session(tmp_path: Path) -> None:
    environ = {"COPILOT_HOME": str(tmp_path)}
    assert READER.registered_session(environ, 41, "5") is None
    lock(tmp_path, "a", 41, 100)
    lock(tmp_path, "b", 41, 300)
    lock(tmp_path, "c", 41, 200)
    lock(tmp_path, "d", 42, 400)
    assert READER.registered_session(environ, 41, "5") == "b"
    assert READER.registered_session(environ, 42, "5") == "d"
    assert READER.registered_session(environ, 4, "5") is None
    assert READER.registered_session({}, 41, "5") is None
