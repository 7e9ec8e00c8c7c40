"""What a walk through directories notes: whatever could change what it finds."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tallybook.agents import walked
from tallybook.agents.claude_code.reader import ClaudeCodeReader
from tallybook.agents.codex.reader import CodexReader
from tallybook.agents.walked import Walked, stamp_of

if TYPE_CHECKING:
    from tallybook.agents.port import WalkingReader

CODEX = "sessions/2026/02/23/rollout-2026-02-23T13-19-38-019c8a5f-0000-7000-8000-000000000001.jsonl"
CLAUDE = "projects/-srv-shop/a.jsonl"
AGENTS = pytest.mark.parametrize(
    ("reader", "variable", "log"),
    [(CodexReader(), "CODEX_HOME", CODEX), (ClaudeCodeReader(), "CLAUDE_CONFIG_DIR", CLAUDE)],
    ids=["codex", "claude"],
)


@pytest.fixture
def _trusting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Directories that have just been made are trusted."""
    monkeypatch.setattr(walked, "SETTLED", -3_600_000_000_000)


@AGENTS
@pytest.mark.usefixtures("_trusting")
def test_every_directory_is_noted(tmp_path: Path, reader: WalkingReader, variable: str, log: str) -> None:
    """With what is the same of it as long as it stays; and where there was none."""
    path = tmp_path / log
    path.parent.mkdir(parents=True)
    path.write_text("{}\n")
    seen = Walked()
    assert [found.place for found in reader.walk({variable: str(tmp_path)}, seen)] == [str(path)]
    top = tmp_path / log.partition("/")[0]
    assert set(seen.directories) == {str(place) for place in (top, *path.parents) if place.is_relative_to(top)}
    assert seen.stamps == [number for place in seen.directories for number in stamp_of(Path(place).stat())]
    assert seen.absent == ([str(tmp_path / "archived_sessions")] if log == CODEX else [])
    assert seen.is_all


@AGENTS
@pytest.mark.usefixtures("_trusting")
@pytest.mark.parametrize("what", ["link", "closed"])
def test_what_hangs_on_more_than_directories(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str, reader: WalkingReader, variable: str, log: str
) -> None:
    """A link may come to point elsewhere, and who may look into a directory is no matter of its names."""
    path = tmp_path / log
    path.parent.mkdir(parents=True)
    if what == "link":
        path.symlink_to(tmp_path / "nowhere")
    else:
        monkeypatch.setattr(os, "scandir", _refusing)
    seen = Walked()
    assert all(found.is_closed for found in reader.walk({variable: str(tmp_path)}, seen))
    assert not seen.is_all


def _refusing(path: str) -> None:
    raise PermissionError(13, "Permission denied", path)


def test_a_tree_within_another_is_noted_from_both(tmp_path: Path) -> None:
    """One that was reached before is not looked into again, but its name may come to stand for another."""
    (tmp_path / "a/projects").mkdir(parents=True)
    (tmp_path / "b").symlink_to(tmp_path / "a")
    seen = Walked()
    list(ClaudeCodeReader().walk({"CLAUDE_CONFIG_DIR": f"{tmp_path}/a,{tmp_path}/b"}, seen))
    assert seen.directories == [f"{tmp_path}/a/projects", f"{tmp_path}/b/projects"]


@pytest.mark.parametrize("late", [-2, -1], ids=["mtime", "ctime"])
def test_one_that_has_changed_lately_is_not_trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, late: int) -> None:
    """Neither is one from the future; one without a time has a file system that keeps none."""
    for moment, trusted in ((10**18, True), (2 * 10**18, False), (2**62, False), (0, False)):
        times = [10**18, 10**18]
        times[late] = moment
        with monkeypatch.context() as patch:
            patch.setattr(walked, "stamp_of", lambda _, times=times: (1, 2, *times))
            patch.setattr("time.time_ns", lambda: 2 * 10**18 + walked.SETTLED - 1)
            seen = Walked()
            seen.into(str(tmp_path))
        assert seen.is_all == (trusted or (moment == 0 and late == -1))


def test_what_may_not_be_looked_at_is_in_doubt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file in the place of a directory is noted as it is; what stands below it is absent."""
    (tmp_path / "file").write_text("")
    seen = Walked()
    seen.into(str(tmp_path / "file" / "below"))
    seen.into(str(tmp_path / "none"))
    assert seen.absent == [str(tmp_path / "file" / "below"), str(tmp_path / "none")]
    assert seen.is_all
    monkeypatch.setattr(os, "stat", _refusing)
    seen.into(str(tmp_path))
    assert not seen.is_all
