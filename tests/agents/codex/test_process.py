"""Codex is told from whatever only mentions it."""

from __future__ import annotations

import pytest

from tallybook.agents.codex.reader import CodexReader


@pytest.mark.parametrize(
    "argv",
    [
        ["codex"],
        ["/opt/codex/vendor/x86_64-unknown-linux-musl/codex/codex", "exec", "-"],
        ["node", "/usr/local/bin/codex", "exec"],
        ["/usr/bin/node", "--no-warnings", "-r", "./hook.js", "/x/node_modules/@openai/codex/bin/codex.js"],
    ],
)
def test_codex_is_known(argv: list[str]) -> None:
    assert CodexReader().is_agent_process(argv)


@pytest.mark.parametrize(
    "argv",
    [
        [],
        [""],
        ["bash", "-c", "codex exec hello"],
        ["/bin/sh", "/usr/local/bin/codex"],
        ["node"],
        ["node", "-r", "codex"],
        ["node", "server.js", "codex"],
        ["node", "/home/ada/codex.js"],
        ["codex-linux-sandbox", "ls"],
        ["vim", "codex"],
    ],
)
def test_others_are_not(argv: list[str]) -> None:
    assert not CodexReader().is_agent_process(argv)


def test_codex_keeps_no_registry_of_sessions() -> None:
    assert CodexReader().registered_session({"HOME": "/home/ada"}, 1, "1") is None
