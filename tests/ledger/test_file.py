from __future__ import annotations

import errno
import os
import socket
from pathlib import Path

import pytest

from ledger.ledgers import FaultyFiles
from tallybook.ledger import file
from tallybook.ledger.file import (
    OS_FILES,
    UnusableFileError,
    make_directories,
    opened,
    replace_file,
    sync_directories,
    write_all,
)


def test_new_files_and_directories_are_private(tmp_path: Path) -> None:
    make_directories(OS_FILES, tmp_path / "a" / "b")
    replace_file(OS_FILES, tmp_path / "a" / "b" / "c", b"data", durable=True)
    modes = [path.stat().st_mode & 0o777 for path in (tmp_path / "a", tmp_path / "a/b", tmp_path / "a/b/c")]
    assert modes == [0o700, 0o700, 0o600]
    assert (tmp_path / "a/b/c").read_bytes() == b"data"
    assert os.listdir(tmp_path / "a/b") == ["c"]  # noqa: PTH208


def test_a_directory_that_another_process_made_meanwhile(tmp_path: Path) -> None:
    class Late(file.OsFiles):
        def make_directory(self, path: Path) -> None:
            path.mkdir()
            super().make_directory(path)

    make_directories(Late(), tmp_path / "a" / "b")
    assert (tmp_path / "a" / "b").is_dir()


def test_a_leftover_temporary_file_is_written_over(tmp_path: Path) -> None:
    (tmp_path / ".name.new").write_bytes(b"left over and long")
    replace_file(OS_FILES, tmp_path / "name", b"new", durable=False)
    assert (tmp_path / "name").read_bytes() == b"new"


@pytest.mark.parametrize("kind", ["link", "fifo", "directory", "device", "socket"])
@pytest.mark.parametrize("flags", [os.O_RDONLY, os.O_RDWR | os.O_APPEND | os.O_CREAT])
def test_only_regular_files_are_opened(tmp_path: Path, kind: str, flags: int) -> None:
    path = tmp_path / "f"
    if kind == "link":
        path.symlink_to(tmp_path / "target")
    elif kind == "fifo":
        os.mkfifo(path)
    elif kind == "directory":
        path.mkdir()
    elif kind == "socket":
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(str(path))
    else:
        path = Path("/dev/null")
    with pytest.raises(UnusableFileError), opened(OS_FILES, path, flags):
        raise AssertionError
    assert not (tmp_path / "target").exists()


def test_other_errors_stay_as_they_are(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), opened(OS_FILES, tmp_path / "none", os.O_RDONLY):
        raise AssertionError


def test_interrupted_and_short_writes_go_on(tmp_path: Path) -> None:
    for files in (FaultyFiles(3, errno.EINTR), FaultyFiles(3, "short:1"), FaultyFiles(3, "short:most")):
        replace_file(files, tmp_path / "name", b"data", durable=False)
        assert files.calls[3:5] == ["write", "write"]
        assert (tmp_path / "name").read_bytes() == b"data"


def test_a_write_that_takes_nothing_is_an_error() -> None:
    class Stuck(file.OsFiles):
        def write(self, descriptor: int, data: bytes) -> int:  # noqa: ARG002
            return 0

    with pytest.raises(OSError, match="wrote nothing"):
        write_all(Stuck(), 0, b"data")


def test_the_full_sync_is_used_where_there_is_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    monkeypatch.setattr(file, "_FULL_SYNC", 51)
    monkeypatch.setattr("tallybook.ledger.file.fcntl.fcntl", lambda *call: calls.append(call))
    with opened(OS_FILES, tmp_path / "f", os.O_RDWR | os.O_CREAT) as target:
        OS_FILES.sync(target.descriptor)
        assert calls == [(target.descriptor, 51)]


@pytest.mark.parametrize(("number", "raised"), [(errno.EINVAL, False), (errno.ENOTSUP, False), (errno.EIO, True)])
def test_a_directory_sync_that_is_not_supported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, raised: bool
) -> None:
    def fail(_: int) -> None:
        raise OSError(number, "no")

    monkeypatch.setattr("tallybook.ledger.file.os.fsync", fail)
    if raised:
        with pytest.raises(OSError, match="no"):
            OS_FILES.sync_directory(tmp_path)
    else:
        OS_FILES.sync_directory(tmp_path)


def test_an_error_of_closing_is_none_of_the_data(tmp_path: Path) -> None:
    (tmp_path / "f").touch()
    with opened(FaultyFiles(2, errno.EIO), tmp_path / "f", os.O_RDONLY) as source:
        assert source.size == 0


class Directories(file.OsFiles):
    """Files that note which directories are synced; some lie on another device, some may not be read."""

    def __init__(self, *, foreign: Path | None = None, closed: Path | None = None, number: int = errno.EACCES) -> None:
        self.synced: list[Path] = []
        self.foreign = foreign
        self.closed = closed
        self.number = number

    def look(self, path: Path) -> os.stat_result:
        members = list(super().look(path)[:10])
        members[2] = int(path == self.foreign)
        return os.stat_result(members)

    def sync_directory(self, path: Path) -> None:
        if path == self.closed:
            raise OSError(self.number, os.strerror(self.number))
        self.synced.append(path)


def test_all_directories_above_are_synced(tmp_path: Path) -> None:
    """Up to the root, to another device, or to one that may not be read."""
    files = Directories()
    sync_directories(files, tmp_path)
    assert files.synced == [tmp_path, *tmp_path.parents]
    for files in (Directories(foreign=tmp_path.parent.parent), Directories(closed=tmp_path.parent.parent)):
        sync_directories(files, tmp_path)
        assert files.synced == [tmp_path, tmp_path.parent]
    with pytest.raises(OSError, match="Input/output"):
        sync_directories(Directories(closed=tmp_path.parent, number=errno.EIO), tmp_path)
