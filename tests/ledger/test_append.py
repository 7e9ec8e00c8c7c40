from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

import pytest

from ledger.ledgers import CrashError, FaultyFiles
from tallybook.ledger import append as module
from tallybook.ledger.append import append
from tallybook.ledger.errors import AppendFailedError
from tallybook.ledger.file import OS_FILES

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "w-4f2a9c1e.ndjson"


def test_batches_follow_each_other(path: Path) -> None:
    assert append(OS_FILES, path, b"one\ntwo\n") == 0
    assert append(OS_FILES, path, b"three\n") == 8
    assert path.read_bytes() == b"one\ntwo\nthree\n"
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_new_file_syncs_its_directory_too(path: Path) -> None:
    files = FaultyFiles()
    append(files, path, b"one\n")
    assert files.calls == ["open", "stat", "write", "sync", "sync_directory", "close"]
    files.calls.clear()
    append(files, path, b"two\n")
    assert files.calls == ["open", "stat", "read", "write", "sync", "close"]


def test_directories_that_may_not_be_settled_are_synced_whatever_the_file_holds(path: Path) -> None:
    """Whoever wrote the first line may have been killed before the directory was synced."""
    path.write_bytes(b"one\n")
    files = FaultyFiles()
    append(files, path, b"two\n", settled=False)
    assert files.calls.count("sync_directory") == len(path.parents)
    assert files.calls.index("sync") < files.calls.index("sync_directory")


@pytest.mark.parametrize("whole", [b"", b"one\n", b"one\ntwo\n"])
@pytest.mark.parametrize("fragment", [b"x", b"torn line", b"\x00" * 40])
@pytest.mark.parametrize("step", [1, 3, 65536])
def test_a_fragment_goes_to_quarantine(
    path: Path, monkeypatch: pytest.MonkeyPatch, whole: bytes, fragment: bytes, step: int
) -> None:
    monkeypatch.setattr(module, "_STEP", step)
    path.write_bytes(whole + fragment)
    assert append(OS_FILES, path, b"new\n") == len(whole)
    assert path.read_bytes() == whole + b"new\n"
    quarantine = path.with_suffix(".quarantine")
    assert quarantine.read_bytes() == fragment + b"\n"
    assert quarantine.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("number", [errno.EIO, errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES])
@pytest.mark.parametrize("at", range(7))
def test_after_an_error_the_file_is_as_before(path: Path, number: int, at: int) -> None:
    path.write_bytes(b"one\n")
    files = FaultyFiles(at, number)
    if at == 5:
        append(files, path, b"two\n")
        return
    if at == 6:
        assert append(files, path, b"two\n") == 4
        assert len(files.calls) == 6
        return
    with pytest.raises(AppendFailedError) as caught:
        append(files, path, b"two\n")
    assert path.read_bytes() == b"one\n"
    error = caught.value
    assert error.place == path
    assert "not acknowledged" in error.cause
    assert os.strerror(number) in error.cause
    assert error.remedy


def test_a_failed_sync_is_not_tried_again(path: Path) -> None:
    files = FaultyFiles(3, errno.EIO)
    with pytest.raises(AppendFailedError):
        append(files, path, b"one\n")
    assert files.calls.count("sync") == 1
    assert files.calls[-2:] == ["truncate", "close"]
    assert path.read_bytes() == b""


def test_an_interrupt_is_undone_and_goes_on(path: Path) -> None:
    class Interrupted(FaultyFiles):
        def sync(self, descriptor: int) -> None:  # noqa: ARG002
            raise KeyboardInterrupt

    path.write_bytes(b"one\n")
    with pytest.raises(KeyboardInterrupt):
        append(Interrupted(), path, b"two\n")
    assert path.read_bytes() == b"one\n"


def test_what_could_not_be_undone_is_left_for_the_next(path: Path) -> None:
    path.write_bytes(b"one\n")
    with pytest.raises(CrashError):
        append(FaultyFiles(3, "crash-short:2"), path, b"two\n")
    assert path.read_bytes() == b"one\ntw"
    append(OS_FILES, path, b"three\n")
    assert path.read_bytes() == b"one\nthree\n"


def test_a_link_is_not_followed(path: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_text("precious")
    path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(AppendFailedError) as caught:
        append(OS_FILES, path, b"one\n")
    assert "regular file" in str(caught.value)
    assert (tmp_path / "elsewhere").read_text() == "precious"
