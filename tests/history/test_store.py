"""The store's file: its modes, its healing, its limits, and many processes at once."""

from __future__ import annotations

import os
import random
import sqlite3
import stat
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from history.fake import FakeReader, World
from history.fake import lines as encoded
from tallybook.history import schema
from tallybook.history import store as module
from tallybook.history.ingest import ingest
from tallybook.history.schema import SCHEMA
from tallybook.history.store import StoreDamaged, StoreUnavailable, open_store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from tallybook.agents.port import Batch, Line, LogFile


@pytest.fixture
def world(tmp_path: Path) -> World:
    world = World(tmp_path)
    world.write("a", {"id": "r1"}, {"fact": {"cwd": "/x"}})
    return world


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_file_and_directory_are_the_owners_alone(world: World) -> None:
    previous = os.umask(0)
    try:
        with world.store() as store:
            ingest(store, [FakeReader()], world.environ)
            assert {mode(part) for part in world.data.iterdir()} == {0o600}
        assert mode(world.data) == 0o700
        (world.data / "history.db").chmod(0o644)
        world.store().close()
        assert mode(world.data / "history.db") == 0o600
    finally:
        os.umask(previous)


def test_the_file_is_wal_of_this_schema(world: World) -> None:
    with world.store() as store:
        assert store.rows("PRAGMA journal_mode") == [("wal",)]
        assert store.rows("PRAGMA user_version") == [(SCHEMA,)]
        assert store.rows("PRAGMA page_size") == [(2048,)]
        assert store.rows("PRAGMA synchronous") == [(1,)]
        assert store.rows("PRAGMA busy_timeout") == [(10_000,)]
        assert store.problems == []


def other_program(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE song (title TEXT)")
    connection.close()


def newer(path: Path) -> None:
    path.unlink()
    connection = sqlite3.connect(path)
    connection.execute(f"PRAGMA user_version = {SCHEMA + 1}")
    connection.close()


def lacking(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute("DROP TABLE fact")
    connection.close()


def older_than_any(path: Path) -> None:
    path.unlink()
    other_program(path)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda path: path.write_bytes(b"garbage" * 1000), "damaged"),
        (lambda path: path.write_bytes(path.read_bytes()[:100] + b"\xff" * 5000), "damaged"),
        (newer, "newer tallybook (schema 7)"),
        (lacking, "lacks tables"),
        (older_than_any, "another program"),
    ],
)
def test_a_file_that_is_no_store_is_set_aside_and_rebuilt_from_the_logs(
    world: World, spoil: Callable[[Path], object], message: str
) -> None:
    world.ingest()
    before = world.dump()
    for number in (1, 2):
        spoil(world.data / "history.db")
        spoiled = (world.data / "history.db").read_bytes()
        report = world.ingest()
        assert [problem.code for problem in report.problems] == ["store-set-aside"]
        assert message in report.problems[0].message
        assert world.dump() == before
        assert (world.data / f"history-backup-{number}.db").read_bytes() == spoiled


def spoil_pages(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        roots = connection.execute(
            "SELECT rootpage FROM sqlite_master WHERE name IN ('source', 'piece', 'fact')"
        ).fetchall()
        size = connection.execute("PRAGMA page_size").fetchone()[0]
    damaged = bytearray(path.read_bytes())
    for (root,) in roots:
        damaged[(root - 1) * size : root * size] = b"\xff" * size
    path.write_bytes(damaged)


def test_damage_found_while_at_work_is_set_aside_too(world: World) -> None:
    world.ingest()
    before = world.dump()
    spoil_pages(world.data / "history.db")
    with world.store() as store:
        assert store.problems == []
        with pytest.raises(StoreDamaged):
            store.rows("SELECT * FROM source")
        report = ingest(store, [FakeReader()], world.environ)
        assert [problem.code for problem in report.problems] == ["store-set-aside"]
    assert world.dump() == before
    assert len(list(world.data.glob("history-backup-1.db"))) == 1


def test_a_store_healed_by_another_process_in_the_meantime_is_left_alone(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.ingest()
    real = module._fault
    answers: list[str | None] = ["the history store is damaged"]
    monkeypatch.setattr(module, "_fault", lambda connection: answers.pop() if answers else real(connection))
    with world.store() as store:
        assert store.problems == []
        assert store.rows("SELECT count(*) FROM source") == [(1,)]


def test_a_data_directory_that_cannot_be_written_is_a_clear_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreUnavailable) as caught:
        open_store(tmp_path / "file" / "below")
    assert "TALLYBOOK_HOME" in caught.value.hint
    (tmp_path / "data" / "history.db").mkdir(parents=True)
    with pytest.raises(StoreUnavailable, match="Is a directory"):
        open_store(tmp_path / "data")

    def refuse(*_: object) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(StoreUnavailable, match="Permission denied"):
        open_store(tmp_path)


@pytest.mark.parametrize("times", [1, 2])
def test_a_store_that_stays_locked_is_a_clear_error(world: World, monkeypatch: pytest.MonkeyPatch, times: int) -> None:
    monkeypatch.setattr(module, "BUSY_SECONDS", 0)
    calls = 0
    real = module._fault

    def locked(connection: sqlite3.Connection) -> str | None:
        nonlocal calls
        calls += 1
        if calls < times:
            return real(connection)
        message = "database is locked"
        raise sqlite3.OperationalError(message)

    monkeypatch.setattr(module, "_fault", locked)
    with pytest.raises(StoreUnavailable, match="locked"):
        world.store()


def test_another_error_of_the_file_on_opening_is_not_taken_for_damage(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Locked:
        def execute(self, sql: str) -> None:
            raise sqlite3.OperationalError(sql)

    with pytest.raises(sqlite3.OperationalError):
        module._fault(Locked())  # type: ignore[arg-type]
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 36, 0))
    with pytest.raises(StoreUnavailable, match="too old"):
        world.store()


def test_a_full_disk_is_a_clear_error_and_loses_nothing(world: World) -> None:
    world.ingest()
    before = world.dump()
    world.append("a", *({"id": f"more{n}", "pad": random.Random(n).randbytes(2000).hex()} for n in range(200)))
    with world.store() as store:
        store.rows("PRAGMA max_page_count = 40")
        with pytest.raises(StoreUnavailable, match="full"):
            ingest(store, [FakeReader()], world.environ)
    assert world.dump() == before
    world.ingest()
    assert world.dump() == world.cold()


def test_others_can_write_while_a_long_log_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Transactions of short logs are held together for a second or so, but never while much is read."""
    monkeypatch.setattr("tallybook.history.ingest.FILES_AT_ONCE", 1)
    monkeypatch.setattr("tallybook.history.ingest.BYTES_AT_ONCE", 40)
    world = World(tmp_path)
    for key, rows in (("a", 1), ("b", 1), ("c", 90)):
        world.write(key, *({"id": f"{key}{number}"} for number in range(rows)))
    locked: dict[str, bool] = {}

    class Watching(FakeReader):
        def read(self, log: LogFile, lines: Iterable[Line], state: bytes) -> Batch:
            with closing(sqlite3.connect(world.data / "history.db", timeout=0, isolation_level=None)) as other:
                try:
                    other.execute("BEGIN IMMEDIATE")
                except sqlite3.OperationalError:
                    locked[log.key] = True
                else:
                    locked[log.key] = False
            return super().read(log, lines, state)

    world.ingest(Watching())
    assert locked == {"a": False, "b": True, "c": False}


CHILD = """
import sys
from contextlib import closing
from pathlib import Path
from history.fake import World
World(Path(sys.argv[1])).ingest()
"""


def test_processes_that_ingest_at_once_count_everything_once(tmp_path: Path) -> None:
    world = World(tmp_path)
    for number in range(40):
        world.write(f"log{number}", *({"id": f"r{n}", "group": f"g{n}"} for n in range(number % 7, 20)))
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join((str(Path(__file__).parents[1]), *sys.path))}
    children = [subprocess.Popen([sys.executable, "-c", CHILD, str(tmp_path)], env=environ) for _ in range(3)]
    assert [child.wait(30) for child in children] == [0, 0, 0]
    world.ticks += 10**12
    assert world.ingest().files_read == 0
    assert world.dump() == world.cold()


@pytest.mark.parametrize("known", [False, True])
def test_a_log_that_another_process_read_in_the_meantime_is_looked_at_again(world: World, known: bool) -> None:
    if known:
        world.ingest()
        world.append("a", {"id": "r2"})

    class Overtaken(FakeReader):
        def read(self, log: LogFile, lines: Iterable[Line], state: bytes) -> Batch:
            result = super().read(log, lines, state)
            if len(self.reads) == 1:
                world.ingest()
                world.append("a", {"id": "r3"})
                world.ingest()
                world.append("a", {"id": "r4"})
            return result

    report = world.ingest(Overtaken())
    assert report.bytes_read == len(encoded({"id": "r4"}))
    assert world.dump() == world.cold()


def test_the_whole_schema_holds_numbers_ids_and_names_alone(world: World) -> None:
    """A new column of text or bytes must be thought about: it is where conversations could leak into."""
    texts = {
        "agent.name", "agent.unreported", "word.text", "source.key", "source.path", "source.reader", "source.head",
        "source.tail", "source.state", "source.pending_call", "source.pending_session", "piece.data",
        *(f"{table}.{column}" for table in ("session", "fact")
          for column in ("branch", "commit_id", "version", "entry", "provider")),
        "session.name", "session.parent", "session.forked_from", "session.cwd", "session.model", "session.origin",
        "growth.name", "growth.reader", "growth.kept",
        "fact.parent", "fact.forked_from", "fact.cwd", "fact.model", "fact.origin", "response_own.key",
        "response_own.calls", "item_block.names", "item_block.keys", "item_block.data", "what.kind", "what.name",
            "limit_sample.name",
        "limit_sample.plan", "limit_sample.credits", "own_counter.scope", "own_counter.model", "own_counter.unreported",
        "stage.name", "stage.input", "session_class.kind", "thread.own", "thread.tree", "directory.cwd",
        "directory.common", "directory.top", "directory.project",
        "imported.view", "imported.period", "imported.agents", "imported.model", "imported.report",
    }  # fmt: skip
    with world.store() as store:
        tables = store.rows(
            """SELECT name, strict FROM pragma_table_list
            WHERE schema = 'main' AND type <> 'view' AND name NOT LIKE 'sqlite%'"""
        )
        assert {strict for _, strict in tables} == {1}
        columns = store.rows(
            """SELECT m.name || '.' || c.name FROM sqlite_master m JOIN pragma_table_info(m.name) c
            WHERE m.type = 'table' AND c.type <> 'INTEGER'"""
        )
    assert {name for (name,) in columns} == texts


def test_a_store_that_lacks_what_came_later_gets_it(world: World) -> None:
    """What an earlier version has stored stays as it was, and nothing is set aside."""
    world.write("log", {"id": "r"})
    world.ingest()
    before = world.dump()
    with closing(sqlite3.connect(world.data / "history.db")) as connection:
        connection.execute("DROP INDEX source_pending")
        for table in schema.ADDED - {"source_pending"}:
            connection.execute(f"DROP TABLE {table}")
        connection.commit()
    with world.store() as store:
        assert store.problems == []
        names = store.rows("SELECT name FROM sqlite_master")
        assert {name for (name,) in names} >= schema.TABLES | schema.ADDED
    assert world.dump() == before
