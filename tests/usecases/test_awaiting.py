"""A command waits for rows that its agent keeps back, and no longer than they are kept."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

import pytest

from tallybook.usecases import awaiting

if TYPE_CHECKING:
    from pathlib import Path

LATE = 0.4


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A transcript that was written before this process began."""
    monkeypatch.setattr(awaiting, "PATIENCE", time.process_time() + LATE)
    monkeypatch.setattr(awaiting, "age", lambda: None)
    path = tmp_path / "projects" / "shop" / "s.jsonl"
    path.parent.mkdir(parents=True)
    path.write_text("{}\n")
    os.utime(path, (time.time() - 86_400, time.time() - 86_400))
    return path


def waited(log: Path, session: str = "s", agent: str = "claude") -> float:
    """How long it takes."""
    begin = time.monotonic()
    awaiting.await_call({"CLAUDE_CONFIG_DIR": str(log.parents[2])}, agent, session)
    return time.monotonic() - begin


def test_an_old_log_is_waited_for_until_patience_ends(log: Path) -> None:
    """Nothing kept back can still come then."""
    assert waited(log) >= LATE / 2


def test_a_log_written_since_the_command_began_is_enough(log: Path) -> None:
    """All that was kept back is in it."""
    log.touch()
    assert waited(log) < LATE / 2


@pytest.mark.parametrize(("session", "agent"), [("another", "claude"), ("s", "codex")])
def test_there_is_nothing_to_wait_for(log: Path, session: str, agent: str) -> None:
    """A session without a log, and an agent that keeps nothing back."""
    assert waited(log, session, agent) < LATE / 2


def test_on_a_busy_machine_patience_is_longer(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The agent that keeps the row back comes forward as slowly as this process did."""
    monkeypatch.setattr(awaiting, "PATIENCE", time.process_time() + LATE / 4)
    monkeypatch.setattr(awaiting, "age", lambda: 3 * time.process_time())
    assert LATE / 2 <= waited(log) < LATE * 2


def test_a_log_written_since_the_process_began_is_enough_however_long_ago(
    log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not only since it has worked for so long."""
    monkeypatch.setattr(awaiting, "age", lambda: 200_000.0)
    assert waited(log) < LATE / 2


def test_a_process_knows_its_age() -> None:
    """At least as much as it has worked, where the system tells."""
    told = awaiting.age()
    assert told is None or told + 0.1 >= time.process_time()
