"""Trees of files: each file once, by a real name where it has one."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from tallybook.agents.trees import closed_logs, files_below, listed

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def found(*tops: Path) -> list[str]:
    return list(files_below(tops, lambda name: name.endswith(".log")))


def put(path: Path) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("")
    return str(path)


def test_files_at_any_depth_in_the_order_of_names(tmp_path: Path) -> None:
    """Directories and files with other names are not wanted."""
    expected = [put(tmp_path / "b.log"), put(tmp_path / "a" / "deep" / "c.log")]
    put(tmp_path / "a" / "c.txt")
    (tmp_path / "d.log").mkdir()
    assert found(tmp_path) == expected
    assert found(tmp_path, tmp_path / "a", tmp_path / "absent", tmp_path / "b.log") == expected


def test_a_link_counts_for_what_has_no_other_name(tmp_path: Path) -> None:
    """A link that leads nowhere is told of by whoever opens it; a circle ends."""
    outside = tmp_path / "outside"
    put(outside / "x.log")
    top = tmp_path / "top"
    real = put(top / "a.log")
    (top / "again.log").symlink_to(real)
    (top / "circle").symlink_to(top)
    (top / "far").symlink_to(outside)
    (top / "gone.log").symlink_to(tmp_path / "nothing")
    (top / "near.log").symlink_to(outside / "x.log")
    assert found(top) == [real, str(top / "far" / "x.log"), str(top / "gone.log")]


def test_directories_that_may_not_be_looked_into_come_along(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is absent or no directory does not."""
    log = put(tmp_path / "a" / "c.log")
    closed = os.fspath(tmp_path / os.fsdecode(b"b\xff"))
    put(tmp_path / os.fsdecode(b"b\xff") / "d.log")
    real = os.scandir

    def refusing(path: str) -> object:
        if os.fspath(path) == closed:
            raise PermissionError(13, "Permission denied", path)
        return real(path)

    monkeypatch.setattr(os, "scandir", refusing)
    assert found(tmp_path) == [log, f"{closed}/"]
    noted: list[str] = []
    assert [listed(place, noted) for place in (closed, tmp_path / "absent", log)] == [[], [], []]
    (one,) = closed_logs("pi", noted)
    assert (one.agent, one.place, one.key, one.is_closed) == ("pi", f"{closed}/", f"{tmp_path}/b\\xff/", True)
