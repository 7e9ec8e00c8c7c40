"""A bench for each test, and its agents."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from commands.agents import AmpAgent, ClaudeAgent, CodexAgent
from commands.bench import Bench
from commands.copilot_agent import CopilotAgent
from commands.gemini_agent import GeminiAgent
from commands.opencode_agent import OpenCodeAgent
from commands.pi_agent import PiAgent

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from commands.agents import Agent


@pytest.fixture
def bench(tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    return Bench(tmp_path, home, monkeypatch)


PLAIN: dict[str, Callable[[Bench, int], Agent]] = {
    "claude": ClaudeAgent,
    "copilot": CopilotAgent,
    "gemini": GeminiAgent,
    "opencode": OpenCodeAgent,
    "pi": PiAgent,
}


@pytest.fixture(params=["amp", "amp-late", "claude", "codex", "codex-late", "copilot", "gemini", "opencode", "pi"])
def agent(request: pytest.FixtureRequest, bench: Bench) -> Agent:
    """One running session of each kind of agent."""
    if request.param in PLAIN:
        return PLAIN[request.param](bench, 1)
    if request.param.startswith("amp"):
        return AmpAgent(bench, 1, late=request.param == "amp-late")
    return CodexAgent(bench, 1, late=request.param == "codex-late")
