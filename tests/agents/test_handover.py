"""Which session an agent's own hook has named: told to nobody else, and only as long as its process runs."""

from __future__ import annotations

import json
import os
import stat
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallybook.agents.handover import (
    MOST,
    SESSION_ID,
    Holder,
    give_back,
    hand_over,
    handed_session,
    holder_of,
    sweep,
)
from tallybook.agents.processes import ListedTree, Process

if TYPE_CHECKING:
    from pathlib import Path

HOLDER = Holder("claude", 41, "t41")


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "data" / "running"


def test_the_last_session_of_a_process_counts(place: Path) -> None:
    assert handed_session(place, HOLDER) is None
    hand_over(place, HOLDER, "one", several=False)
    hand_over(place, HOLDER, "two", several=False)
    assert handed_session(place, HOLDER) == "two"
    assert stat.S_IMODE((place / HOLDER.file).stat().st_mode) == 0o600
    assert stat.S_IMODE(place.stat().st_mode) == 0o700
    assert json.loads((place / HOLDER.file).read_text()) == {
        "agent": "claude",
        "pid": 41,
        "started": "t41",
        "sessions": ["two"],
    }
    assert os.listdir(place) == [HOLDER.file]  # noqa: PTH208


def test_sessions_side_by_side_are_a_doubt_until_one_is_left(place: Path) -> None:
    for session in ("one", "two", "one"):
        hand_over(place, HOLDER, session, several=True)
    assert handed_session(place, HOLDER) is None
    give_back(place, HOLDER, "unknown")
    assert handed_session(place, HOLDER) is None
    give_back(place, HOLDER, "one")
    assert handed_session(place, HOLDER) == "two"
    give_back(place, HOLDER, "two")
    assert list(place.iterdir()) == []
    give_back(place, HOLDER, "two")
    for number in range(MOST + 9):
        hand_over(place, HOLDER, f"s{number}", several=True)
    assert len(json.loads((place / HOLDER.file).read_text())["sessions"]) == MOST


def test_another_process_with_the_same_number_holds_nothing(place: Path) -> None:
    hand_over(place, HOLDER, "one", several=False)
    for other in (Holder("claude", 41, "later"), Holder("codex", 41, "t41"), Holder("claude", 42, "t41")):
        assert handed_session(place, other) is None
        give_back(place, other, "one")
    assert handed_session(place, HOLDER) == "one"
    hand_over(place, Holder("claude", 41, "later"), "two", several=True)
    assert handed_session(place, HOLDER) is None


def test_entries_of_processes_that_are_gone_are_swept(place: Path) -> None:
    alive = Process(41, 1, "t41", ("claude",))
    sweep(place, ListedTree({}))
    hand_over(place, holder_of("claude", alive), "one", several=False)
    hand_over(place, Holder("claude", 7, "t7"), "gone", several=False)
    hand_over(place, Holder("codex", 41, "earlier"), "gone", several=False)
    for name in ("claude-41.json.41.tmp", "claude-41.json.7.tmp", "claude-9.json", "notes.txt", "claude-x.json"):
        (place / name).write_text("{")
    (place / "codex-8.json").mkdir()
    sweep(place, ListedTree({41: alive}))
    kept = {"claude-41.json", "claude-41.json.41.tmp", "notes.txt", "claude-x.json", "codex-8.json"}
    assert {path.name for path in place.iterdir()} == kept
    assert handed_session(place, HOLDER) == "one"


BAD = [
    "",
    "{",
    "[]",
    "[" * 9999,
    '{"agent": "claude", "started": "t41", "sessions": "one"}',
    '{"agent": "claude", "started": "t41", "sessions": [1, null, "a b"]}',
    '{"agent": "claude", "started": 41, "sessions": ["one"]}',
    '{"agent": "claude", "started": "t41", "sessions": ["one"]' + " " * 70_000 + "}",
]


@pytest.mark.parametrize("text", BAD, ids=range(len(BAD)))
def test_a_damaged_entry_says_nothing_and_is_replaced(text: str, place: Path) -> None:
    place.mkdir(parents=True)
    (place / HOLDER.file).write_text(text)
    assert handed_session(place, HOLDER) is None
    hand_over(place, HOLDER, "new", several=True)
    assert handed_session(place, HOLDER) == "new"


def test_links_pipes_and_directories_are_not_read(place: Path, tmp_path: Path) -> None:
    place.mkdir(parents=True)
    hand_over(tmp_path, HOLDER, "elsewhere", several=False)
    (place / HOLDER.file).symlink_to(tmp_path / HOLDER.file)
    assert handed_session(place, HOLDER) is None
    (place / HOLDER.file).unlink()
    os.mkfifo(place / HOLDER.file)
    assert handed_session(place, HOLDER) is None
    (place / HOLDER.file).unlink()
    (place / HOLDER.file).mkdir()
    assert handed_session(place, HOLDER) is None


@given(st.from_regex(SESSION_ID, fullmatch=True))
def test_every_id_is_kept_as_it_is(tmp_path: Path, session: str) -> None:
    hand_over(tmp_path, HOLDER, session, several=False)
    assert handed_session(tmp_path, HOLDER) == session
