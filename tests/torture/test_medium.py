"""The made-up medium: what it loses and what it keeps when the power goes."""

from __future__ import annotations

import errno
import os
from random import Random
from typing import TYPE_CHECKING

import pytest

from torture.medium import MODES, PAGE, Medium

if TYPE_CHECKING:
    from pathlib import Path

FLAGS = os.O_RDWR | os.O_APPEND | os.O_CREAT


@pytest.fixture
def medium(tmp_path: Path) -> Medium:
    medium = Medium(tmp_path)
    medium.put(tmp_path / "old", b"old")
    return medium


def outcomes(medium: Medium, path: Path, mode: str) -> set[bytes | None]:
    """What may stand at a path after a loss of power; the medium is as it was."""
    found = set()
    for number in range(60):
        again = Medium(medium.root)
        _replay(again)
        again.power_loss(Random(number), mode)
        found.add(again.get(path) if again.there(path) else None)
    return found


def _replay(medium: Medium) -> None:
    """A file that is new and one that has grown, neither synced."""
    medium.put(medium.root / "old", b"old")
    for name in ("old", "new"):
        descriptor = medium.open(medium.root / name, FLAGS)
        medium.write(descriptor, b"a" * PAGE)
        medium.write(descriptor, b"b" * PAGE)


def test_what_was_not_synced_may_be_there_or_not(medium: Medium, tmp_path: Path) -> None:
    """Of data and of entries of a directory."""
    grown = b"old" + b"a" * PAGE + b"b" * PAGE
    assert outcomes(medium, tmp_path / "old", "nothing") == {b"old"}
    assert outcomes(medium, tmp_path / "new", "nothing") == {None}
    assert outcomes(medium, tmp_path / "old", "all") == {grown}
    assert outcomes(medium, tmp_path / "new", "all") == {grown[3:]}
    some = outcomes(medium, tmp_path / "old", "any")
    assert b"old" in some
    assert len(grown) in {len(data) for data in some if data is not None}
    assert any(data is not None and b"\0" in data for data in some)
    assert {None, b""} <= outcomes(medium, tmp_path / "new", "any")
    torn = outcomes(medium, tmp_path / "old", "torn")
    assert any(data is not None and b"b" * 512 in data and b"\0" * 512 in data for data in torn)


@pytest.mark.parametrize("mode", MODES)
def test_what_was_synced_stays(medium: Medium, tmp_path: Path, mode: str) -> None:
    """Data by the sync of the file, its entry by that of the directory."""
    descriptor = medium.open(tmp_path / "new", FLAGS)
    medium.write(descriptor, b"data")
    medium.sync(descriptor)
    medium.sync_directory(tmp_path)
    medium.power_loss(Random(1), mode)
    assert medium.get(tmp_path / "new") == b"data"


def test_a_file_whose_entry_was_not_synced_is_lost(medium: Medium, tmp_path: Path) -> None:
    """Although its data were."""
    descriptor = medium.open(tmp_path / "new", FLAGS)
    medium.write(descriptor, b"data")
    medium.sync(descriptor)
    medium.power_loss(Random(1), "nothing")
    assert not medium.there(tmp_path / "new")


def test_a_rename_is_whole_or_not_at_all(tmp_path: Path) -> None:
    """With data that were synced, one finds the old file or the new one."""
    found = set()
    for number in range(20):
        medium = Medium(tmp_path)
        medium.put(tmp_path / "old", b"old")
        descriptor = medium.open(tmp_path / "next", FLAGS)
        medium.write(descriptor, b"new")
        medium.sync(descriptor)
        medium.replace(tmp_path / "next", tmp_path / "old")
        medium.power_loss(Random(number), "any")
        found.add(medium.get(tmp_path / "old"))
    assert found == {b"old", b"new"}


def test_a_second_sync_does_not_bring_what_a_failed_one_has_forgotten(tmp_path: Path) -> None:
    """As of Linux, which marks pages clean that could not be written."""
    found = set()
    for number in range(20):
        medium = Medium(tmp_path)
        medium.put(tmp_path / "old", b"old")
        descriptor = medium.open(tmp_path / "old", FLAGS)
        medium.write(descriptor, b"new")
        with pytest.raises(OSError, match="Input/output") as caught:
            medium.failing_sync(descriptor, Random(number))
        assert caught.value.errno == errno.EIO
        assert medium.get(tmp_path / "old") == b"oldnew"
        medium.sync(descriptor)
        medium.power_loss(Random(number), "all")
        found.add(medium.get(tmp_path / "old"))
    assert found > {b"oldnew"}


def test_it_answers_as_the_system_does(medium: Medium, tmp_path: Path) -> None:
    """Where nothing stands, where a directory stands, and in the way of a directory."""
    medium.make_directory(tmp_path / "directory")
    with pytest.raises(FileNotFoundError):
        medium.open(tmp_path / "missing", os.O_RDONLY)
    with pytest.raises(IsADirectoryError):
        medium.open(tmp_path / "directory", os.O_RDONLY)
    with pytest.raises(FileExistsError):
        medium.make_directory(tmp_path / "directory")
    with pytest.raises(NotADirectoryError):
        medium.names(tmp_path / "old")
    with pytest.raises(NotADirectoryError):
        medium.look(tmp_path / "old" / "below")
    assert sorted(medium.names(tmp_path)) == ["directory", "old"]
    assert medium.look(tmp_path / "old").st_size == 3
