"""A bench for each test, and its agents."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from commands.agents import AmpAgent, ClaudeAgent, CodexAgent
from commands.bench import Bench
from commands.clones import Clone, git
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


@pytest.fixture
def remote(tmp_path: Path) -> Path:
    """A bare repository with one commit."""
    path = tmp_path / "remote.git"
    git("init", "-q", "--bare", "-b", "main", str(path), cwd=tmp_path)
    first = tmp_path / "first"
    git("clone", "-q", str(path), str(first), cwd=tmp_path)
    git("commit", "-q", "--allow-empty", "-m", "first", cwd=first)
    git("push", "-q", "origin", "HEAD:main", cwd=first)
    return path


@pytest.fixture
def clone(bench: Bench, remote: Path, tmp_path: Path) -> Callable[..., Clone]:
    """Makes clones of it."""

    def make(name: str, *options: str) -> Clone:
        git("clone", "-q", *options, remote.as_uri(), name, cwd=tmp_path)
        return Clone(bench, tmp_path / name)

    return make
