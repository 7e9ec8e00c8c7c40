"""The agent programs that these tests drive."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from clients.workbench import PINS, install, missing


@pytest.fixture(scope="session")
def tools(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where they are installed; without them, the test is skipped with the reason."""
    reason = missing()
    if reason is not None:
        pytest.skip(reason)
    named = os.environ.get("TALLYBOOK_CLIENT_TOOLS")
    place = Path(named) if named else tmp_path_factory.mktemp("tools")
    reason = install(place, PINS)
    if reason is not None:
        pytest.skip(reason)
    return place
