from __future__ import annotations

import errno
import fcntl
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tallybook.ledger.errors import LockFailedError, LockTimeoutError
from tallybook.ledger.holder import Holder, holder
from tallybook.ledger.lock import LOCK_NAME, held

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SIGNED = f"{os.getpid()} {os.uname().nodename}\n"
HOLDER = """
import sys
from pathlib import Path
from tallybook.ledger.lock import held
with held(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_timeout_names_the_holder(tmp_path: Path) -> None:
    command = [sys.executable, "-c", HOLDER, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(LockTimeoutError) as caught, held(tmp_path, 0.05):
            raise AssertionError
        assert caught.value.holder is not None
        assert caught.value.holder.pid == holder.pid
        assert f"process {holder.pid} (python" in str(caught.value)
        holder.communicate()
    with held(tmp_path, 0.05):
        assert (tmp_path / LOCK_NAME).read_text() == SIGNED
    assert (tmp_path / LOCK_NAME).stat().st_mode & 0o777 == 0o600


def test_the_lock_is_given_back_after_an_error(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), held(tmp_path):
        raise ZeroDivisionError
    with held(tmp_path, 0):
        pass


@pytest.mark.parametrize(
    "text",
    [b"", b"nonsense\n", b"\xff\xff", b"4194999 \n", b"99999999999999999999\n", b"12 \x1b[31m\n", "²\n".encode()],
)
def test_an_unsigned_lock_has_no_holder(tmp_path: Path, text: bytes) -> None:
    with held(tmp_path):
        (tmp_path / LOCK_NAME).write_bytes(text)
        with pytest.raises(LockTimeoutError, match="another process") as caught, held(tmp_path, 0):
            raise AssertionError
        assert caught.value.holder is None


def test_a_lock_file_with_two_names_is_not_written_to(tmp_path: Path) -> None:
    (tmp_path / "other").write_text("precious")
    (tmp_path / LOCK_NAME).hardlink_to(tmp_path / "other")
    with held(tmp_path):
        assert (tmp_path / "other").read_text() == "precious"


def test_a_link_is_not_locked(tmp_path: Path) -> None:
    (tmp_path / LOCK_NAME).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(LockFailedError) as caught, held(tmp_path):
        raise AssertionError
    assert "link" in caught.value.remedy
    assert not (tmp_path / "elsewhere").exists()


def test_a_holder_that_cannot_be_read_is_unknown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> bytes:
        raise OSError

    with held(tmp_path):
        monkeypatch.setattr("tallybook.ledger.holder.os.read", fail)
        with pytest.raises(LockTimeoutError, match="another process"), held(tmp_path, 0):
            raise AssertionError


def test_a_holder_whose_file_is_gone_is_unknown(tmp_path: Path) -> None:
    assert holder(tmp_path / "none") is None


def test_a_lock_file_that_was_replaced_is_locked_anew(tmp_path: Path) -> None:
    """Whoever deletes the lock file of a holder does not make two holders of the new one."""
    with held(tmp_path):
        (tmp_path / LOCK_NAME).unlink()
        with held(tmp_path, 0), pytest.raises(LockTimeoutError), held(tmp_path, 0):
            raise AssertionError


@pytest.mark.parametrize("another", [True, False], ids=["another", "none"])
def test_a_file_that_is_replaced_while_it_is_locked_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, another: bool
) -> None:
    """The lock counts only on the file that has the name."""
    flock, times = fcntl.flock, iter([True, False])

    def replacing(descriptor: int, how: int) -> None:
        flock(descriptor, how)
        if next(times):
            (tmp_path / LOCK_NAME).rename(tmp_path / "old")
            if another:
                (tmp_path / LOCK_NAME).touch(0o600)

    monkeypatch.setattr("tallybook.ledger.lock.fcntl.flock", replacing)
    with held(tmp_path):
        assert (tmp_path / LOCK_NAME).read_text() == SIGNED
    assert next(times, None) is None


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.EIO])
def test_a_file_system_without_locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    """It is said, and nothing is written without a lock."""

    def fail(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("tallybook.ledger.lock.fcntl.flock", fail)
    with pytest.raises(LockFailedError, match="can't be locked"), held(tmp_path):
        raise AssertionError


def test_a_fifo_is_no_lock(tmp_path: Path) -> None:
    """Opening it does not wait for a reader."""
    os.mkfifo(tmp_path / LOCK_NAME)
    with held(tmp_path, 0), pytest.raises(LockTimeoutError), held(tmp_path, 0):
        raise AssertionError


def test_an_error_of_giving_the_lock_back_is_no_error_of_the_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is on the medium by then would be written again by whoever is told that it failed."""

    def close(descriptor: int, closing: Callable[[int], None] = os.close) -> None:
        closing(descriptor)
        raise OSError(errno.EIO, "no")

    with held(tmp_path):
        monkeypatch.setattr(os, "close", close)
    monkeypatch.undo()
    with held(tmp_path, 0):
        pass


def test_a_longer_signature_is_written_over(tmp_path: Path) -> None:
    """Of a process with a larger number."""
    (tmp_path / LOCK_NAME).write_text(f"99999999999 {'x' * 100}\n")
    with held(tmp_path):
        assert (tmp_path / LOCK_NAME).read_text() == SIGNED


def test_a_holder_on_another_machine_is_named_with_it(tmp_path: Path) -> None:
    """Its number means nothing here."""
    (tmp_path / "lock").write_text("17 build-7\n")
    found = holder(tmp_path / "lock")
    assert (found, str(found)) == (Holder(17, "", "build-7"), "process 17 on build-7")


def test_a_holder_of_which_nothing_can_be_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A system without /proc, a process of somebody else: its number is all that is told."""
    (tmp_path / "lock").write_text(f"{os.getpid()}\n")

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError

    monkeypatch.setattr("tallybook.ledger.holder.os.kill", refuse)
    monkeypatch.setattr("builtins.open", refuse)
    assert str(holder(tmp_path / "lock")) == f"process {os.getpid()}"
