"""The data directory, the history store and the agents' logs: what is wrong with them, and that the remedy heals."""

from __future__ import annotations

import os
import shutil
import sqlite3
from contextlib import closing
from importlib import metadata
from typing import TYPE_CHECKING

import pytest

from commands.agents import ClaudeAgent, CodexAgent
from commands.checkup import checkup, of_status, only, problems
from commands.test_doctor_ledger import follow
from history.earlier import to_schema_1
from tallybook.history import inspection
from tallybook.history.schema import SCHEMA
from tallybook.usecases.doctor import places, versions

if TYPE_CHECKING:
    from pathlib import Path

    from commands.bench import Bench


@pytest.fixture
def store(bench: Bench) -> Path:
    """The store's file, with a few hundred responses in it."""
    agent = ClaudeAgent(bench, 1)
    for _ in range(300):
        agent.serial += 1
        agent.records.append(agent.records[-1])
    agent.say()
    for number in range(2, 6):
        CodexAgent(bench, number).say()
    bench.ok("sessions")
    return bench.data / "history.db"


def test_a_store_that_is_sound(bench: Bench, store: Path) -> None:
    row = only(checkup(bench), "data.store", "ok")
    assert row["message"].startswith("5 responses from 5 logs, ")
    assert row["message"].endswith(", schema 6, sound")
    assert row["where"]["file"] == str(store)


def test_a_store_that_is_no_database(bench: Bench, store: Path) -> None:
    store.write_bytes(b"no database" * 1000)
    for ending in ("-wal", "-shm"):
        store.with_name(store.name + ending).unlink(missing_ok=True)
    before = store.read_bytes()
    row = only(checkup(bench), "data.store", "problem")
    assert "is damaged" in row["message"]
    assert store.read_bytes() == before
    bench.ok("sessions")
    assert only(checkup(bench), "data.store", "ok")["message"].startswith("5 responses from 5 logs")


def test_a_store_with_a_damaged_page(bench: Bench, store: Path) -> None:
    with closing(sqlite3.connect(store)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        root = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'piece'").fetchone()[0]
        size = connection.execute("PRAGMA page_size").fetchone()[0]
    with store.open("r+b") as file:
        file.seek((root - 1) * size)
        file.write(b"\xff" * size)
    row = only(checkup(bench), "data.store", "problem")
    assert row["message"].startswith("it is damaged: ")
    follow(bench, row["hint"].partition(";")[0])
    assert only(checkup(bench), "data.store", "ok")["message"].startswith("5 responses from 5 logs")
    assert (bench.data / "damaged" / "history.db").exists()


def test_a_store_of_another_version_or_program(bench: Bench, store: Path) -> None:
    def change(sql: str) -> None:
        with closing(sqlite3.connect(store, isolation_level=None)) as connection:
            connection.execute(sql)

    change("PRAGMA user_version = 9")
    row = only(checkup(bench), "data.store", "problem")
    assert "a newer tallybook has written it (schema 9)" in row["message"]
    assert row["hint"].startswith("update tallybook")
    change(f"PRAGMA user_version = {SCHEMA}")
    assert only(checkup(bench), "data.store", "ok")
    change("DROP TABLE fact")
    row = only(checkup(bench), "data.store", "problem")
    assert "no store of tallybook" in row["message"]
    assert row["hint"].startswith("tally sessions")
    bench.ok("sessions")
    assert only(checkup(bench), "data.store", "ok")


def test_a_store_of_an_earlier_version_is_left_to_the_next_command(bench: Bench, store: Path) -> None:
    """Looking at it changes nothing."""
    to_schema_1(store)
    before = store.read_bytes()
    row = only(checkup(bench), "data.store", "note")
    assert row["message"] == "an earlier tallybook has made it (schema 1)"
    assert store.read_bytes() == before
    bench.ok("sessions")
    assert only(checkup(bench), "data.store", "ok")["message"].startswith("5 responses from 5 logs")


def test_a_store_too_large_for_the_time(bench: Bench, store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tallybook.usecases.doctor.store._SECONDS", 0.0)
    monkeypatch.setattr(inspection, "_STEPS", 1)
    assert "not enough to check all" in only(checkup(bench), "data.store", "note")["message"]
    assert store.exists()


def test_a_store_that_is_locked(bench: Bench, store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tallybook.usecases.doctor.store._SECONDS", 0.05)
    monkeypatch.setattr("tallybook.usecases.doctor.store._GLANCE", 0.05)
    with closing(sqlite3.connect(store, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")
        connection.execute("BEGIN EXCLUSIVE")
        row = only(checkup(bench), "data.store", "problem")
        assert "locked" in row["message"]
        assert "another tally at work?" in row["hint"]
    assert only(checkup(bench), "data.store", "ok")


def test_who_may_look_in(bench: Bench, store: Path) -> None:
    store.chmod(0o644)
    loose = checkup(bench)["data.store"][0]
    assert (loose["status"], loose["hint"]) == ("problem", f"chmod 600 {store}")
    follow(bench, loose["hint"])
    bench.data.chmod(0o777)
    row = only(checkup(bench), "data.directory", "problem")
    assert row["message"] == "others may write here (mode 0777)"
    bench.data.chmod(0o755)
    row = only(checkup(bench), "data.directory", "note")
    follow(bench, row["hint"])
    assert only(checkup(bench), "data.directory", "ok")
    assert problems(checkup(bench)) == {}


def test_a_data_directory_that_is_none(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.data.write_text("")
    found = checkup(bench)
    assert "something else than a directory" in only(found, "data.directory", "problem")["message"]
    assert "TALLYBOOK_HOME" in found["data.directory"][0]["hint"]
    bench.data.unlink()
    monkeypatch.setattr("tallybook.usecases.doctor.data.os.access", lambda *_: False)
    assert "it can't be made" in problems(checkup(bench))["data.directory"]


def test_a_data_directory_that_takes_nothing(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.data.mkdir(mode=0o700)

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("tallybook.usecases.doctor.data.os.fsync", full)
        row = only(checkup(bench), "data.directory", "problem")
        assert row["message"] == "a file can't be written here: No space left on device"
    with monkeypatch.context() as patch:
        patch.setattr("tallybook.usecases.doctor.data._PROBE", _Fickle(b"x"))
        assert "read back differently" in problems(checkup(bench))["data.directory"]
    assert list(bench.data.iterdir()) == []


class _Fickle(bytes):
    """Bytes that are never equal to what was read back."""

    __slots__ = ()
    __hash__ = bytes.__hash__

    def __eq__(self, other: object) -> bool:
        return False


def test_logs_that_cannot_be_opened(bench: Bench) -> None:
    agent = CodexAgent(bench, 1)
    agent.say()
    other = CodexAgent(bench, 2)
    other.say()
    other.log.unlink()
    other.log.symlink_to(agent.log)
    assert only(checkup(bench), "agents.codex", "ok")["message"].startswith("2 logs in ")
    real = os.open

    def refusing(path: str | os.PathLike[str], *more: int, **options: int) -> int:
        if path == other.log:
            raise PermissionError(13, "Permission denied", str(path))
        return real(path, *more, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tallybook.usecases.doctor.agents.os.open", refusing)
        row = only(checkup(bench), "agents.codex", "problem")
    assert row["message"] == "1 of 2 logs can't be opened: Permission denied"
    assert row["where"]["file"] == str(other.log)


def test_a_directory_that_cannot_be_listed(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    agent = ClaudeAgent(bench, 1)
    agent.say()
    closed = [agent.log.parent.parent / name for name in ("a", "b")]
    for place in closed:
        place.mkdir()
    real = os.scandir

    def refusing(path: str) -> object:
        if os.fspath(path) in {str(place) for place in closed}:
            raise PermissionError(13, "Permission denied", str(path))
        return real(path)

    monkeypatch.setattr("os.scandir", refusing)
    wrong, fine = checkup(bench)["agents.claude"]
    assert (wrong["status"], fine["status"]) == ("problem", "ok")
    assert wrong["message"].endswith(": Permission denied (and 1 more)")


def test_the_newest_log_is_really_read(bench: Bench) -> None:
    agent = ClaudeAgent(bench, 1)
    agent.say()
    with agent.log.open("ab") as log:
        log.write(b'{"type":"assistant","message":{"usage":{\n')
    row = only(checkup(bench), "agents.claude", "note")
    assert "claude/2 finds 1 row in it" in row["message"]
    assert row["message"].endswith("and 1 line that can't be understood")
    agent.log.write_bytes(b"")
    assert "finds 0 rows" in only(checkup(bench), "agents.claude", "ok")["message"]
    codex = CodexAgent(bench, 2)
    codex.say()
    packed = codex.log.with_name(codex.log.name + ".zst")
    codex.log.rename(packed)
    row = only(checkup(bench), "agents.codex", "problem")
    assert "it can't be read: " in row["message"]
    assert row["where"]["file"] == str(packed)


def test_which_session_this_is(bench: Bench, tmp_path: Path) -> None:
    agent = CodexAgent(bench, 1)
    agent.say()
    found = checkup(bench, **agent.environ)
    assert only(found, "agents.session", "ok")["message"].endswith("found by variable")
    row = only(checkup(bench, CODEX_HOME=str(tmp_path), **agent.environ), "agents.session", "note")
    assert "none of the logs is of it" in row["message"]
    assert str(tmp_path / "sessions") in row["hint"]
    row = only(checkup(bench, TALLYBOOK_SESSION="a b"), "agents.session", "problem")
    assert row["message"] == "TALLYBOOK_SESSION holds no session id"
    bench.ok("sessions")
    assert only(checkup(bench), "agents.session", "ok")["message"].endswith("found by directory")
    CodexAgent(bench, 2).say()
    bench.ok("sessions")
    row = only(checkup(bench), "agents.session", "note")
    assert "several agent sessions" in row["message"]
    assert "--session" in row["hint"]
    (bench.data / "history.db").write_bytes(b"x" * 5000)
    shutil.rmtree(bench.data / "history.db-wal", ignore_errors=True)
    assert only(checkup(bench), "agents.session", "note")["message"].startswith("this runs in no agent's session")


def test_no_home_no_logs(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HOME", "CODEX_HOME", "CLAUDE_CONFIG_DIR", "XDG_CONFIG_HOME"):
        monkeypatch.delenv(name)
    assert "no place: HOME is not set" in only(checkup(bench), "agents.codex", "note")["message"]


@pytest.mark.parametrize(
    ("kind", "status", "words"),
    [
        ("ext4", "ok", "ext4, mounted at /"),
        ("nfs4", "note", "a lock may exclude the processes of this machine only"),
        ("cifs", "note", "a lock may exclude the processes of this machine only"),
        ("9p", "note", "the host shares it"),
        ("fuse.sshfs", "note", "a program serves it"),
        ("overlay", "note", "the layer of a container"),
        ("tmpfs", "note", "gone with the next start"),
        ("virtiofs", "note", "the host shares it"),
        ("exfat", "note", "it keeps no permissions"),
        ("ext4 /dev/root rw,nobarrier", "note", "nobarrier, so the disk is not told to write"),
        ("nfs far:/x rw,local_lock=all", "note", "this machine only; local_lock=all, so locks stay on this machine"),
    ],
)
def test_odd_file_systems_are_told_by_name(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, status: str, words: str
) -> None:
    listing = tmp_path / "mounts"
    listing.write_text(f"22 1 8:1 / / rw - {kind} /dev/root rw\n")
    monkeypatch.setattr(places, "MOUNTS", listing)
    found = checkup(bench)
    for name, variable in (("ledger", "TALLYBOOK_LEDGER"), ("data", "TALLYBOOK_HOME")):
        row = only(found, f"{name}.file-system", status)
        assert words in row["message"]
        assert (variable in row["hint"]) is (status == "note")
    monkeypatch.setattr(places, "MOUNTS", tmp_path / "none")
    assert "can't be told" in only(checkup(bench), "data.file-system", "ok")["message"]


def test_versions_out_of_range(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = ["msgspec<0.2,>=0.1", "none-such", 'none-such<2; python_version < "3"', "typer!=0", "???"]
    monkeypatch.setattr(metadata, "requires", lambda _: wanted)
    row = only(checkup(bench), "versions.dependencies", "problem")
    assert row["message"].startswith("msgspec ")
    assert "is outside of <0.2,>=0.1; none-such is missing; ??? is missing" in row["message"]
    monkeypatch.setattr(versions, "OLDEST_PYTHON", (99, 0))
    monkeypatch.setattr(versions, "sqlite_is_usable", lambda: ("3.1.0", False))
    found = problems(checkup(bench))
    assert "too old" in found["versions.python"]
    assert found["versions.sqlite"] == "3.1.0 is too old"


def test_without_an_install(bench: Bench, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def missing(name: str) -> list[str]:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "requires", missing)
    assert only(checkup(bench), "versions.dependencies", "note")
    monkeypatch.setattr(versions, "package_file", str(tmp_path / "tallybook" / "__init__.py"))
    assert only(checkup(bench), "versions.tallybook", "ok")["message"] == "0.1.0"
    root = tmp_path / "src"
    (tmp_path / ".git").mkdir()
    monkeypatch.setattr(versions, "package_file", str(root / "tallybook" / "__init__.py"))
    assert only(checkup(bench), "versions.tallybook", "ok")["message"] == "0.1.0, a checkout"


def test_a_checkout_tells_its_commit(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(versions, "package_file", str(bench.repo / "src" / "tallybook" / "__init__.py"))
    head = bench.git("rev-parse", "--short=12", "HEAD")
    assert only(checkup(bench), "versions.tallybook", "ok")["message"] == f"0.1.0, a checkout of {head}"
    assert of_status(checkup(bench)["versions.python"], "ok")
