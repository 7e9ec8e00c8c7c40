"""A bench for each test, and its agents."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from commands.agents import ClaudeAgent, CodexAgent
from commands.bench import Bench

if TYPE_CHECKING:
    from pathlib import Path

    from commands.agents import Agent


@pytest.fixture
def bench(tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    return Bench(tmp_path, home, monkeypatch)


@pytest.fixture(params=["claude", "codex", "codex-late"])
def agent(request: pytest.FixtureRequest, bench: Bench) -> Agent:
    """One running session of each kind of agent."""
    if request.param == "claude":
        return ClaudeAgent(bench, 1)
    return CodexAgent(bench, 1, late=request.param == "codex-late")
