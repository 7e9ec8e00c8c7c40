from __future__ import annotations

import pytest

from tallybook.agents.programs import HOOKED, is_program
from tallybook.agents.registry import readers


@pytest.mark.parametrize(
    "argv",
    [("claude",), ("codex", "exec"), ("node", "/usr/bin/codex"), ("sh", "-c", "claude"), (), ("node", "/x/claude")],
)
def test_programs_are_those_that_readers_know(argv: tuple[str, ...]) -> None:
    for reader in readers():
        if reader.agent in HOOKED:
            assert is_program(reader.agent, argv) is reader.is_agent_process(argv)


def test_an_agent_without_hooks_has_no_program() -> None:
    assert not is_program("gemini", ("gemini",))
    assert is_program("claude", ("claude",))
    assert is_program("codex", ("codex",))
