from __future__ import annotations

import errno
import fcntl
import os
import re
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallybook.ledger.errors import LockFailedError, LockTimeoutError
from tallybook.ledger.holder import Holder, holder, signature
from tallybook.ledger.lock import LOCK_NAME, held

if TYPE_CHECKING:
    from collections.abc import Callable

SIGNED = re.compile(rf"{os.getpid()} {re.escape(os.uname().nodename)} 20[-0-9]{{8}}T[:0-9]{{8}}Z ([0-9]+|-)\n")
LINUX = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux lists processes in /proc")
HOLDER = """
import sys
from pathlib import Path
from tallybook.ledger.lock import held
with held(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def unlisted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A system that does not list its locks."""
    listing = tmp_path / "no" / "locks"
    monkeypatch.setattr("tallybook.ledger.holder.KERNEL_LOCKS", listing)
    return listing


def test_a_timeout_names_the_holder(tmp_path: Path) -> None:
    command = [sys.executable, "-c", HOLDER, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(LockTimeoutError) as caught, held(tmp_path, 0.05):
            raise AssertionError
        assert caught.value.holder is not None
        assert caught.value.holder.pid == holder.pid
        told = rf"the ledger was locked for more than 0\.05 s by process {holder.pid} \(python[^ ]*\), since 20\S+Z: "
        assert re.match(told, str(caught.value))
        assert "done" in caught.value.remedy
        assert "fuser" not in caught.value.remedy
        holder.communicate()
    with held(tmp_path, 0.05):
        assert SIGNED.fullmatch((tmp_path / LOCK_NAME).read_text())
    assert (tmp_path / LOCK_NAME).stat().st_mode & 0o777 == 0o600


def test_the_lock_is_given_back_after_an_error(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), held(tmp_path):
        raise ZeroDivisionError
    with held(tmp_path, 0):
        pass


@pytest.mark.parametrize(
    "text",
    [
        b"", b"nonsense\n", b"\xff\xff", b"4194999 \n", b"99999999999999999999\n", b"9999999999\n", b"4194999\n",
        b"12 \x1b[31m\n", "²\n".encode(), b"0\n", b"-1\n", b"1 h 2026-11-26 5\n", b"\n1\n",
    ],
)  # fmt: skip
@pytest.mark.usefixtures("unlisted")
def test_an_unsigned_lock_has_no_holder(tmp_path: Path, text: bytes) -> None:
    """Nor has one that was signed by somebody who is gone; the error says how to find out."""
    with held(tmp_path):
        (tmp_path / LOCK_NAME).write_bytes(text)
        with pytest.raises(LockTimeoutError, match="unknown process") as caught, held(tmp_path, 0):
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


@pytest.mark.usefixtures("unlisted")
def test_a_holder_that_cannot_be_read_is_unknown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> bytes:
        raise OSError

    with held(tmp_path):
        monkeypatch.setattr("tallybook.ledger.holder.os.read", fail)
        with pytest.raises(LockTimeoutError, match="unknown process"), held(tmp_path, 0):
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
        assert SIGNED.fullmatch((tmp_path / LOCK_NAME).read_text())
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
        assert SIGNED.fullmatch((tmp_path / LOCK_NAME).read_text())


def test_a_holder_on_another_machine_is_named_with_it(tmp_path: Path) -> None:
    """Its number means nothing here."""
    (tmp_path / "lock").write_text("17 build-7\n")
    found = holder(tmp_path / "lock")
    assert (found, str(found)) == (Holder(17, "", "build-7"), "process 17 on build-7")
    (tmp_path / "lock").write_text("17 build-7 2026-11-26T12:00:00Z 5\nrest of a longer one")
    found = holder(tmp_path / "lock")
    assert found == Holder(17, "", "build-7", "2026-11-26T12:00:00Z")
    assert "s by process 17 on build-7, since 2026-11-26T12:00:00Z: " in str(LockTimeoutError(tmp_path, 10, found))


def test_a_holder_of_which_nothing_can_be_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A system without /proc, a process of somebody else: its number is all that is told."""
    (tmp_path / "lock").write_text(f"{os.getpid()}\n")

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError

    monkeypatch.setattr("tallybook.ledger.holder.os.kill", refuse)
    monkeypatch.setattr("builtins.open", refuse)
    assert str(holder(tmp_path / "lock")) == f"process {os.getpid()}"


@LINUX
def test_a_number_that_another_process_has_by_now(tmp_path: Path) -> None:
    """The time at which the process began tells them apart; where it was not noted, the number counts."""
    path = tmp_path / "lock"
    path.write_bytes(signature())
    pid, host, since, began = path.read_text().split()
    assert holder(path) == Holder(os.getpid(), Path("/proc/self/comm").read_text().strip(), "", since)
    path.write_text(f"{pid} {host} {since} {int(began) + 1}\n")
    assert holder(path) is None
    path.write_text(f"{pid} {host} {since} -\n")
    assert holder(path) is not None


@LINUX
def test_the_system_knows_better_than_the_file(tmp_path: Path, unlisted: Path) -> None:
    """Of files with one number on two devices, the lock of this device's; a line that is none is passed over."""
    path = tmp_path / "lock"
    path.write_bytes(signature())
    status = path.stat()
    device = f"{os.major(status.st_dev):02x}:{os.minor(status.st_dev):02x}"
    unlisted.parent.mkdir()
    unlisted.write_text(
        f"1: FLOCK  ADVISORY  WRITE 4194999 ff:ff:{status.st_ino} 0 EOF\n2: -> FLOCK\n"
        f"3: FLOCK  ADVISORY  WRITE 0 {device}:{status.st_ino} 0 EOF\n"
        f"3: FLOCK  ADVISORY  WRITE {os.getppid()} {device}:{status.st_ino} 0 EOF\n"
    )
    assert holder(path) == Holder(os.getppid(), Path(f"/proc/{os.getppid()}/comm").read_text().strip())
    unlisted.write_text(f"1: FLOCK  ADVISORY  WRITE {os.getpid()} ff:ff:{status.st_ino} 0 EOF\n")
    found = holder(path)
    assert found is not None
    assert (found.pid, bool(found.since)) == (os.getpid(), True)


@LINUX
def test_a_lock_that_a_child_of_the_dead_holder_has(tmp_path: Path) -> None:
    """Nobody who still runs has signed: the process is unknown, and the error says how to find it."""
    forking = "    import os; os.write(1, b'%d\\n' % os.fork()); sys.stdin.read()"  # in one piece, as both write
    script = HOLDER.replace("    sys.stdin.read()", forking)
    with subprocess.Popen([sys.executable, "-c", script, str(tmp_path)], stdin=-1, stdout=-1, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        child = max(int(process.stdout.readline()), int(process.stdout.readline()))
        process.send_signal(signal.SIGKILL)
        process.wait()
        with pytest.raises(LockTimeoutError, match="by an unknown process: ") as caught, held(tmp_path, 0):
            raise AssertionError
        assert caught.value.holder is None
        assert f"fuser -v {tmp_path / LOCK_NAME} or lsof" in caught.value.remedy
        os.kill(child, signal.SIGKILL)
    with held(tmp_path, 5):
        pass


CROWD = """
import os, sys
from pathlib import Path
from tallybook.ledger import holder
from tallybook.ledger.lock import held
home, name = Path(sys.argv[1]), sys.argv[2]
holder._host = lambda: name
for _ in range(300):
    with held(home, 60):
        pass
"""


def test_whoever_looks_finds_a_whole_signature(tmp_path: Path) -> None:
    """Processes take the lock in turns, with names of different lengths: the file is never empty and never a mix."""
    path = tmp_path / LOCK_NAME
    with held(tmp_path):
        pass
    crowd = [
        subprocess.Popen([sys.executable, "-c", CROWD, str(tmp_path), name]) for name in ("a", "b" * 60, "c" * 200)
    ]
    form = re.compile(r"([0-9]+) (\S+) \S+Z (?:[0-9]+|-)")
    names = {process.pid: name for process, name in zip(crowd, "abc", strict=True)}
    seen = set()
    while any(process.poll() is None for process in crowd):
        found = form.fullmatch(path.read_text().partition("\n")[0])
        assert found is not None
        pid, host = int(found[1]), found[2]
        assert pid == os.getpid() or set(host) == {names[pid]}
        seen.add(pid)
    assert [process.returncode for process in crowd] == [0, 0, 0]
    assert len(seen) > 1


@given(st.binary(max_size=200))
def test_whatever_stands_in_the_file(text: bytes) -> None:
    """It is nobody, or somebody whose words can be shown."""
    with tempfile.TemporaryDirectory() as place:
        path = Path(place, "lock")
        path.write_bytes(text)
        found = holder(path)
    assert found is None or (found.pid > 0 and str(found).isprintable() and found.since.isascii())
