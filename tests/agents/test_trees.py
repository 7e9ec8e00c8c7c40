"""Trees of files: each file once, by a real name where it has one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tallybook.agents.trees import files_below

if TYPE_CHECKING:
    from pathlib import Path


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
