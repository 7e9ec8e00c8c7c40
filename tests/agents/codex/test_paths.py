"""Logs are found below the home that the environment names, each once, and nothing else is opened."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tallybook.agents.codex.reader import CodexReader

if TYPE_CHECKING:
    from pathlib import Path

STEM = "rollout-2026-02-23T13-19-38-019c8a5f-0000-7000-8000-000000000001"
OTHER = "rollout-2026-02-23T13-19-39-019c8a5f-0000-7000-8000-000000000002"


def put(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"{}\n")
    return path


def found(home: Path) -> list[tuple[str, bool]]:
    logs = list(CodexReader().discover({"CODEX_HOME": str(home)}))
    assert len({log.key for log in logs}) == len(logs)
    return [(str(log.path.relative_to(home)), log.compressed) for log in logs]


def test_the_home_is_named_by_codex_home_or_else_by_home(tmp_path: Path) -> None:
    put(tmp_path / ".codex/sessions/2026/02/23" / f"{STEM}.jsonl")
    reader = CodexReader()
    by_home = list(reader.discover({"HOME": str(tmp_path)}))
    assert by_home == list(reader.discover({"CODEX_HOME": str(tmp_path / ".codex"), "HOME": "/nowhere"}))
    assert [log.agent for log in by_home] == ["codex"]
    assert list(reader.discover({})) == []
    assert list(reader.discover({"CODEX_HOME": str(tmp_path / "absent")})) == []


@pytest.mark.parametrize("first", range(4))
def test_plain_beats_compressed_and_live_beats_archived(tmp_path: Path, first: int) -> None:
    live, archived = "sessions/2026/02/23", "archived_sessions"
    ranks = [
        f"{live}/{STEM}.jsonl",
        f"{live}/{STEM}.jsonl.zst",
        f"{archived}/{STEM}.jsonl",
        f"{archived}/{STEM}.jsonl.zst",
    ]
    for name in ranks[first:]:
        put(tmp_path / name)
    assert found(tmp_path) == [(ranks[first], ranks[first].endswith(".zst"))]


def test_the_key_survives_archiving_and_compression(tmp_path: Path) -> None:
    reader = CodexReader()
    keys = set()
    for name in ("sessions/2026/02/23/{}.jsonl", "archived_sessions/{}.jsonl", "archived_sessions/{}.jsonl.zst"):
        path = put(tmp_path / name.format(STEM))
        keys |= {log.key for log in reader.discover({"CODEX_HOME": str(tmp_path)})}
        path.unlink()
    assert len(keys) == 1


def test_other_files_links_to_themselves_and_devices_are_left_alone(tmp_path: Path) -> None:
    day = tmp_path / "sessions/2026/02/23"
    put(day / f"{OTHER}.jsonl")
    put(day / f"{STEM}.jsonl.tmp")
    put(day / f"{STEM}.jsonl.zst.tmp")
    put(day / "rollout-compression.lock")
    put(day / "notes.jsonl")
    put(day / "deeper" / f"{STEM}.jsonl")
    (day / f"{STEM}.jsonl").symlink_to("/dev/null")
    (day / "rollout-gone.jsonl").symlink_to(tmp_path / "gone")
    (day / "again").symlink_to(tmp_path / "sessions")
    (tmp_path / "sessions/round").symlink_to(tmp_path / "sessions")
    os.mkfifo(day / "rollout-fifo.jsonl")
    (tmp_path / "archived_sessions").write_text("no directory")
    assert found(tmp_path) == [(f"sessions/2026/02/23/{OTHER}.jsonl", False)]


def test_the_order_is_that_of_the_keys(tmp_path: Path) -> None:
    put(tmp_path / "sessions/2026/02/24" / f"{STEM}.jsonl")
    put(tmp_path / "archived_sessions" / f"{OTHER}.jsonl")
    assert [path.rpartition("/")[2] for path, _ in found(tmp_path)] == [f"{STEM}.jsonl", f"{OTHER}.jsonl"]


def test_a_link_to_itself_hides_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "sessions" / "2026" / "01" / "01"
    folder.mkdir(parents=True)
    names = [f"rollout-2026-01-01T00-00-0{number}-x.jsonl" for number in range(3)]
    for name in names[::2]:
        (folder / name).write_bytes(b"")
    (folder / names[1]).symlink_to(names[1])
    found = CodexReader().discover({"CODEX_HOME": str(tmp_path)})
    assert [log.path.name for log in found] == names[::2]
