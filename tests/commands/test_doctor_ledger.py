"""Faults of the ledger, its lock and its writer, made on purpose: the doctor finds them, and its remedy heals."""

from __future__ import annotations

import errno
import fcntl
import os
import shlex
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from commands.checkup import checkup, of_status, only, problems, setting
from ledger.ledgers import tampered
from tallybook.usecases.doctor import lock as locks

if TYPE_CHECKING:
    from pathlib import Path

    from commands.bench import Bench

HOLD = "import fcntl,sys; f=open(sys.argv[1]); fcntl.flock(f, fcntl.LOCK_EX); print(flush=True); sys.stdin.read()"


@pytest.fixture
def file(bench: Bench) -> Path:
    """A ledger file of three lines."""
    goal = bench.start()
    bench.ok("mark", "plan", "--goal", goal)
    bench.ok("finish-task", goal, "--status", "success")
    (path,) = bench.ledger.glob("*.ndjson")
    return path


def follow(bench: Bench, hint: str) -> None:
    """Do what a hint says: `tally` commands in process, others in a shell."""
    for command in hint.split(" && "):
        words = shlex.split(command)
        if words[0] == "tally":
            bench.ok(*words[1:])
        else:
            subprocess.run(["sh", "-c", command], cwd=bench.repo, check=True)


@pytest.mark.parametrize("listing", [True, False])
def test_a_lock_that_is_held(bench: Bench, file: Path, monkeypatch: pytest.MonkeyPatch, *, listing: bool) -> None:
    path = file.with_name("ledger.lock")
    monkeypatch.setattr(locks, "PATIENCE", 0.1)
    if not listing:
        monkeypatch.setattr("tallybook.ledger.holder.KERNEL_LOCKS", file.with_name("none"))
    command = [sys.executable, "-c", HOLD, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline()
        path.write_text(f"{holder.pid}\n")
        row = only(checkup(bench), "ledger.lock", "problem")
        assert f"process {holder.pid} (python" in row["message"]
        assert row["hint"].endswith(f"kill {holder.pid}")
        monkeypatch.setattr("tallybook.ledger.holder.KERNEL_LOCKS", file.with_name("none"))
        path.write_text("")
        row = only(checkup(bench), "ledger.lock", "problem")
        assert "an unknown process has held the lock" in row["message"]
        assert f"fuser -v {path}" in row["hint"]
        path.write_text("77 build-7 2026-11-26T12:00:00Z 1\n")
        row = only(checkup(bench), "ledger.lock", "problem")
        assert (
            row["message"] == "process 77 on build-7 has held the lock for more than 0.1 s, since 2026-11-26T12:00:00Z"
        )
        assert row["hint"] == "wait until it is done there"
        holder.communicate()
    assert only(checkup(bench), "ledger.lock", "ok")


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux lists its locks")
def test_the_kernel_knows_better_than_the_file(bench: Bench, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = file.with_name("ledger.lock")
    monkeypatch.setattr(locks, "PATIENCE", 0.1)
    listing = file.with_name("locks")
    listing.write_text(
        "1: POSIX  ADVISORY  WRITE 77 08:01:1 0 EOF\n"
        f"2: FLOCK  ADVISORY  WRITE {os.getpid()} 08:01:{path.stat().st_ino} 0 EOF\n"
    )
    monkeypatch.setattr("tallybook.ledger.holder.KERNEL_LOCKS", listing)
    path.write_text("1\n")
    with path.open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert f"process {os.getpid()} " in only(checkup(bench), "ledger.lock", "problem")["message"]
        listing.write_text("1: POSIX  ADVISORY  WRITE 77 08:01:1 0 EOF\n")
        path.write_text("1\n")
        assert "process 1 " in only(checkup(bench), "ledger.lock", "problem")["message"]


def test_a_lock_that_does_not_exclude(bench: Bench, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a file system where the lock of one process means nothing to another."""
    monkeypatch.setattr(locks, "_flock", lambda _: True)
    row = only(checkup(bench), "ledger.lock", "problem")
    assert "a second process got it" in row["message"]
    assert "TALLYBOOK_LEDGER" in row["hint"]
    assert file.exists()


@pytest.mark.parametrize(
    ("number", "words", "hint"),
    [
        (errno.ENOLCK, "the lock can't be taken: No locks available", "TALLYBOOK_LEDGER"),
        (errno.EACCES, "the lock can't be opened: Permission denied", "chown"),
    ],
)
def test_a_lock_that_is_refused(
    bench: Bench, file: Path, monkeypatch: pytest.MonkeyPatch, number: int, words: str, hint: str
) -> None:
    def refused(_: int) -> bool:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(locks, "_flock", refused)
    row = only(checkup(bench), "ledger.lock", "problem")
    assert row["message"] == words
    assert hint in row["hint"]
    assert file.exists()


@pytest.mark.parametrize("script", ["import time; time.sleep(60)", "raise SystemExit('no luck')"])
def test_a_second_process_that_fails(bench: Bench, file: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    monkeypatch.setattr(locks, "_OTHER", script)
    monkeypatch.setattr(locks, "_SECONDS", 1.0)
    message = only(checkup(bench), "ledger.lock", "problem")["message"]
    assert message.endswith(("no luck", "did not end within 1 s"))
    assert file.exists()


@pytest.mark.parametrize("what", ["link", "fifo", "directory"])
def test_a_lock_that_is_no_file(bench: Bench, file: Path, tmp_path: Path, what: str) -> None:
    path = file.with_name("ledger.lock")
    path.unlink()
    if what == "link":
        path.symlink_to(tmp_path / "x")
    elif what == "fifo":
        os.mkfifo(path)
    else:
        path.mkdir()
    row = only(checkup(bench), "ledger.lock", "problem")
    assert "something else than a regular file" in row["message"]
    assert row["hint"].startswith("move it away")
    path.rename(tmp_path / "moved")
    bench.start("again")
    assert only(checkup(bench), "ledger.lock", "ok")


def test_without_a_lock_one_is_tried_in_the_data_directory(bench: Bench, file: Path) -> None:
    file.with_name("ledger.lock").unlink()
    bench.ok("sessions")
    before = sorted(path.name for path in bench.data.iterdir())
    row = only(checkup(bench), "ledger.lock", "ok")
    assert row["message"].startswith("there is no lock yet; one on a file in the data directory")
    assert sorted(path.name for path in bench.data.iterdir() if path.suffix not in {".db-wal", ".db-shm"}) == before


def test_a_torn_tail(bench: Bench, file: Path) -> None:
    file.write_bytes(file.read_bytes() + b'{"v":1')
    row = only(checkup(bench), "ledger.events", "problem")
    assert row["message"].startswith("torn-tail: ")
    assert (row["where"]["file"], row["where"]["line"], row["hint"]) == (str(file), 4, "tally repair")
    follow(bench, row["hint"])
    assert only(checkup(bench), "ledger.events", "ok")


def test_damage_is_told_once_for_each_kind(bench: Bench, file: Path) -> None:
    whole = file.read_bytes()
    lines = whole.splitlines(keepends=True)
    file.write_bytes(b"".join([lines[0].replace(b"goal", b"gaol"), lines[1].replace(b"goal", b"gaol"), lines[2]]))
    rows = checkup(bench)["ledger.events"]
    codes = [row["message"].partition(":")[0] for row in rows]
    assert len(codes) == len(set(codes)) >= 2
    assert {row["status"] for row in rows} == {"problem"}
    assert any("(and 1 more; tally verify lists them)" in row["message"] for row in rows)
    file.write_bytes(whole)
    assert only(checkup(bench), "ledger.events", "ok")


def test_many_lines_of_one_fault(bench: Bench, file: Path) -> None:
    lines = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(b"".join([*lines, lines[-1], lines[-1], lines[-1]]))
    assert "(and 2 more; tally verify lists them)" in only(checkup(bench), "ledger.events", "problem")["message"]


def test_events_of_a_type_to_come_are_a_note(bench: Bench, file: Path) -> None:
    lines = file.read_bytes().splitlines()
    new = tampered(lines[-1], {b'"type":"goal_finished"': b'"type":"goal_praised"'})
    file.write_bytes(b"\n".join([*lines[:-1], new]) + b"\n")
    rows = checkup(bench)["ledger.events"]
    assert any("unknown-type" in message for message in of_status(rows, "note"))
    assert of_status(rows, "problem") == []


def test_others_may_write(bench: Bench, file: Path) -> None:
    bench.ledger.chmod(0o770)
    row = only(checkup(bench), "ledger.directory", "problem")
    follow(bench, row["hint"])
    assert only(checkup(bench), "ledger.directory", "ok")["message"] == "mode 0700"
    file.chmod(0o666)
    row = only(checkup(bench), "ledger.events", "problem")
    assert row["message"].startswith("loose-permissions")
    follow(bench, row["hint"])
    assert problems(checkup(bench)) == {}


def test_a_file_in_the_place_of_the_ledger(bench: Bench) -> None:
    bench.ledger.parent.mkdir()
    bench.ledger.write_text("")
    found = checkup(bench)
    assert only(found, "ledger.directory", "problem")["hint"] == "move it away"
    bench.ledger.unlink()
    assert only(checkup(bench), "ledger.directory", "note")


def test_what_this_user_may_not_write(bench: Bench, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The superuser may do anything, so the answer of the system is made."""
    forbidden = {bench.ledger, file, bench.repo / ".git"}
    monkeypatch.setattr("tallybook.usecases.doctor.ledger.os.access", lambda path, _: path not in forbidden)
    row = only(checkup(bench), "ledger.directory", "problem")
    assert row["hint"] == f"chown -R $USER {bench.ledger}"
    forbidden.discard(bench.ledger)
    fine, row = checkup(bench)["ledger.directory"]
    assert (fine["status"], row["status"], row["where"]["file"]) == ("ok", "problem", str(file))
    shutil.rmtree(bench.ledger.parent)
    assert "can't be made" in only(checkup(bench), "ledger.directory", "problem")["message"]


def test_events_on_this_machine_alone(bench: Bench, file: Path) -> None:
    row = only(checkup(bench), "ledger.copies", "note")
    assert row["message"] == "3 events on this machine alone"
    follow(bench, row["hint"])
    row = only(checkup(bench), "ledger.copies", "note")
    assert row["message"] == "0 events in the published copy, 0 of them by others; 3 events on this machine alone"
    copy = bench.repo / "metrics" / "events" / file.name
    copy.parent.mkdir(parents=True)
    shutil.copy(file, copy)
    assert only(checkup(bench), "ledger.copies", "ok")["message"].endswith("none on this machine alone")
    file.write_bytes(b"".join(file.read_bytes().splitlines(keepends=True)[:2]))
    fine, row = checkup(bench)["ledger.copies"]
    assert (fine["status"], row["status"]) == ("ok", "note")
    assert "1 event of this clone are in the published copy alone" in row["message"]
    bench.start("next")
    assert len(list(bench.ledger.glob("*.ndjson"))) == 2


def test_a_published_copy_that_git_would_not_merge(bench: Bench, file: Path) -> None:
    setting(bench, '[ledger]\npublish = "metrics/events"\n')
    row = checkup(bench)["ledger.copies"][-1]
    assert (row["status"], row["hint"]) == ("problem", "tally init --publish metrics/events")
    assert row["where"]["file"] == str(bench.repo / ".gitattributes")
    follow(bench, row["hint"])
    assert problems(checkup(bench)) == {}
    assert file.exists()


def test_a_clone_that_was_moved(bench: Bench, file: Path, tmp_path: Path) -> None:
    bench.go(tmp_path)
    bench.repo = bench.repo.rename(tmp_path / "moved")
    bench.go(bench.repo)
    row = only(checkup(bench), "ledger.writer", "note")
    assert f"it has written as {file.stem}" in row["message"]
    assert "new writer" in row["hint"]
    bench.start("next")
    row = only(checkup(bench), "ledger.writer", "ok")
    assert row["message"].endswith(f"1 event; before it {file.stem}")


def test_a_clone_that_was_copied(bench: Bench, file: Path, tmp_path: Path) -> None:
    origin = bench.repo
    bench.repo = tmp_path / "copy"
    shutil.copytree(origin, bench.repo)
    bench.go(bench.repo)
    row = only(checkup(bench), "ledger.writer", "note")
    assert row["message"] == f"{file.stem}: written by the clone at {origin / '.git'}"
    bench.start("next")
    fine, row = checkup(bench)["ledger.writer"]
    assert (fine["status"], row["status"]) == ("ok", "note")


def test_a_ledger_restored_from_a_backup(bench: Bench, file: Path) -> None:
    file.write_bytes(b"".join(file.read_bytes().splitlines(keepends=True)[:1]))
    row = only(checkup(bench), "ledger.writer", "note")
    assert row["message"].startswith(f"the file of {file.stem} does not go on where this clone left it")
    bench.start("next")
    assert only(checkup(bench), "ledger.writer", "ok")["message"].endswith(f"before it {file.stem}")


def test_a_state_file_that_cannot_be_read(bench: Bench, file: Path) -> None:
    state = bench.ledger / f"{file.stem}.state.json"
    state.write_text("{")
    rows = checkup(bench)["ledger.writer"]
    assert rows[-1]["where"]["file"] == str(state)
    assert rows[-1]["message"].startswith("this state file can't be read")
    bench.start("next")
    assert only(checkup(bench), "ledger.writer", "ok")


def test_a_disk_that_is_full_or_read_only(bench: Bench, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.statvfs(bench.repo)

    def disk(**changed: int) -> None:
        names = [name for name in dir(real) if name.startswith("f_")]
        whole = {name: getattr(real, name) for name in names} | changed
        fake = type("Status", (), whole)
        monkeypatch.setattr("tallybook.usecases.doctor.places.os.statvfs", lambda _: fake)

    for changed, status, words in (
        ({"f_flag": os.ST_RDONLY}, "problem", "the file system is read-only"),
        ({"f_flag": 0, "f_files": 9, "f_favail": 0}, "problem", "no file can be added"),
        ({"f_flag": 0, "f_favail": 9, "f_bavail": 1, "f_frsize": 1 << 40}, "note", "only 9 files can be added"),
        ({"f_flag": 0, "f_favail": 9, "f_bavail": 1, "f_frsize": 512}, "problem", "512 bytes free: the disk is full"),
        ({"f_flag": 0, "f_favail": 999, "f_bavail": 5, "f_frsize": 1 << 20}, "note", "5.0 MiB free"),
        ({"f_flag": 0, "f_favail": 999, "f_bavail": 5, "f_frsize": 1 << 40}, "ok", "5.0 TiB free"),
        ({"f_flag": 0, "f_files": 0, "f_favail": 0, "f_bavail": 5, "f_frsize": 1 << 30}, "ok", "5.0 GiB free"),
    ):
        disk(**changed)
        found = checkup(bench)
        for name in ("ledger.space", "data.space"):
            row = only(found, name, status)
            assert words in row["message"]
        assert ("--ledger" in found["ledger.space"][0]["hint"]) is (status != "ok")
    assert file.exists()
