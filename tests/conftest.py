"""What every test stands on: a home of its own, no trace of the agent or the git command that runs the tests."""

from __future__ import annotations

import itertools
import os
import time
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

settings.register_profile(
    "dev",
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
settings.register_profile(
    "ci",
    settings.get_profile("dev"),
    derandomize=True,
    max_examples=60,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "dev"))

FOREIGN = (
    "AMP_",
    "CLAUDE",
    "CODEX_",
    "COPILOT_",
    "FACTORY_",
    "GEMINI_",
    "GIT_",
    "OMP_",
    "OPENCODE",
    "PI_",
    "TALLYBOOK_",
    "XDG_",
)
COLOURS = ("CLICOLOR", "CLICOLOR_FORCE", "FORCE_COLOR", "GITHUB_ACTIONS", "NO_COLOR", "PY_COLORS")
GIT_CONFIG = """\
[user]
name = Ada Example
email = ada@example.com
[init]
defaultBranch = main
[commit]
gpgSign = false
"""


@pytest.fixture(scope="session")
def _homes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """One directory for the homes of all tests, so that ``tmp_path`` itself stays empty."""
    base = tmp_path_factory.mktemp("homes")
    (base / "gitconfig").write_text(GIT_CONFIG)
    return (base / str(number) for number in itertools.count())


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """No command waits for a log to show it: what tests write is there."""
    monkeypatch.setattr("tallybook.usecases.awaiting.PATIENCE", 0)


@pytest.fixture(autouse=True)
def home(_homes: Iterator[Path]) -> Iterator[Path]:
    """The test's own home directory: agents' logs, settings and data of the machine are out of sight."""
    home = next(_homes)
    home.mkdir()
    places = {
        "HOME": ".",
        "XDG_CACHE_HOME": ".cache",
        "XDG_CONFIG_HOME": ".config",
        "XDG_DATA_HOME": ".local/share",
        "XDG_STATE_HOME": ".local/state",
        "CODEX_HOME": ".codex",
        "CLAUDE_CONFIG_DIR": ".claude",
        "COPILOT_HOME": ".copilot",
        "AMP_DATA_DIR": ".local/share/amp",
        "TALLYBOOK_HOME": "tallybook",
    }
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith(FOREIGN) or name in COLOURS]:
            patch.delenv(name)
        for name, place in places.items():
            patch.setenv(name, str(home / place))
        patch.setenv("GIT_CONFIG_GLOBAL", str(home.parent / "gitconfig"))
        patch.setenv("GIT_CONFIG_NOSYSTEM", "1")
        patch.setenv("TZ", "UTC")
        time.tzset()
        yield home
    time.tzset()
