"""The one list of readers."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tallybook.agents import registry


def test_every_agent_has_its_reader() -> None:
    assert [reader.agent for reader in registry.readers()] == list(registry.AGENTS)
    for agent in registry.AGENTS:
        assert registry.reader(agent).agent == agent


def test_an_agent_that_is_not_there_is_an_error_of_the_caller() -> None:
    with pytest.raises(LookupError, match="parrot"):
        registry.reader("parrot")


def test_importing_the_list_imports_no_reader() -> None:
    code = (
        "import sys, tallybook.agents.registry; print(*[m for m in sys.modules if m.startswith('tallybook.agents.')])"
    )
    assert subprocess.check_output([sys.executable, "-c", code], text=True) == "tallybook.agents.registry\n"
