"""A store of schema 1 goes on as if it had always been one of this schema."""

from __future__ import annotations

import os
import sqlite3
import stat
import subprocess
import sys
import tempfile
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings

from history.earlier import to_schema_1, to_schema_4, to_schema_5
from history.fake import SECOND, T0, FakeReader, World
from history.test_arrival import CORPORA
from tallybook.domain.usage import SessionKey
from tallybook.history import migration
from tallybook.history.grain import set_grain
from tallybook.history.ingest import ingest
from tallybook.history.queries import response_of_call
from tallybook.history.rollup import KEYS, SUMS, roll_all
from tallybook.history.store import StoreUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable

CALLS = {"r1": "call-1\ncall-2", "r3": "call-3"}


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Three logs, one of which has vanished, in a store of schema 1."""
    world = World(tmp_path)
    world.write("a", {"id": "r1", "calls": "call-1 call-2"}, {"link": "b"}, {"fact": {"cwd": "/x"}})
    world.write("b", {"id": "r1", "at": 3}, {"id": "r2", "at": 4})
    gone = world.write("gone", {"id": "r3", "calls": "call-3"})
    world.ingest()
    gone.unlink()
    world.ingest()
    world.before = world.dump()  # type: ignore[attr-defined]
    to_schema_1(world.data / "history.db", CALLS)
    return world


def content(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as connection:
        return list(connection.iterdump())


def test_all_that_was_known_is_known_without_reading_a_log_again(world: World) -> None:
    """Also what vanished logs held; the old store is kept for its owner alone."""
    earlier = content(world.data / "history.db")
    reader = FakeReader()
    with world.store() as store:
        assert [problem.code for problem in store.problems] == ["store-migrated"]
        assert "history-schema-1.db" in store.problems[0].message
        ingest(store, [reader], world.environ)
        assert response_of_call(store, SessionKey("fake", "a"), "call-2") == "r1"
        assert response_of_call(store, SessionKey("fake", "gone"), "call-3") == "r3"
        assert response_of_call(store, SessionKey("fake", "a"), "call-3") is None
    assert reader.reads == []
    assert world.dump() == world.before  # type: ignore[attr-defined]
    backup = world.data / "history-schema-1.db"
    assert stat.S_IMODE(backup.stat().st_mode) == 0o600
    assert content(backup) == earlier
    with world.store() as store:
        assert store.problems == []


@settings(max_examples=40, deadline=None)
@given(CORPORA, CORPORA)
def test_any_store_goes_on_like_a_cold_scan(first: dict[str, bytes], more: dict[str, bytes]) -> None:
    """What arrives after the change joins what was there before it."""
    assert_goes_on(first, more, to_schema_1)


def assert_goes_on(first: dict[str, bytes], more: dict[str, bytes], to_earlier: Callable[[Path], None]) -> None:
    """A store that is made one of an earlier schema is the same again, and then goes on like a cold scan."""
    with tempfile.TemporaryDirectory() as place:
        world = World(Path(place))
        for key, lines in first.items():
            world.put(world.path(key), lines)
        world.ingest()
        before = world.dump()
        to_earlier(world.data / "history.db")
        assert world.dump() == before
        assert len([*world.data.glob("history-schema-*.db")]) == 1
        for key, lines in more.items():
            world.put(world.path(key), first[key] + lines)
        world.ingest()
        assert world.dump() == world.cold()


def die(*_: object) -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize("step", ["_make_missing", "_pack", "_backup"])
def test_a_change_that_is_interrupted_leaves_the_old_store_whole(
    world: World, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """And the next command begins it again."""
    earlier = content(world.data / "history.db")
    with monkeypatch.context() as patch:
        patch.setattr(migration, step, die)
        with pytest.raises(KeyboardInterrupt):
            world.store()
    assert content(world.data / "history.db") == earlier
    assert world.dump() == world.before  # type: ignore[attr-defined]


KILLED = """
import os, sys
from pathlib import Path
from tallybook.history import migration
from tallybook.history.store import open_store
pack = migration._pack
migration._pack = lambda connection: (pack(connection), os.kill(os.getpid(), 9))
open_store(Path(sys.argv[1]))
"""


def test_a_kill_in_the_middle_leaves_the_old_store_whole(world: World) -> None:
    """Nothing is caught by a kill -9, so nothing may depend on being caught."""
    earlier = content(world.data / "history.db")
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    assert subprocess.run([sys.executable, "-c", KILLED, str(world.data)], check=False, env=environ).returncode == -9
    assert content(world.data / "history.db") == earlier
    assert world.dump() == world.before  # type: ignore[attr-defined]


def test_no_room_for_the_copy_is_a_clear_error(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """And no half copy is left behind."""

    def refuse(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", refuse)
        with pytest.raises(StoreUnavailable, match="No space left"):
            world.store()
    known = {"history.db", "history.db-wal", "history.db-shm", "history.key"}
    assert {part.name for part in world.data.iterdir()} <= known
    assert world.dump() == world.before  # type: ignore[attr-defined]


def ruin(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        root = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'occurrence'").fetchone()[0]
        size = connection.execute("PRAGMA page_size").fetchone()[0]
    with path.open("r+b") as file:
        file.seek((root - 1) * size)
        file.write(b"\xff" * size)


def lack(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("DROP TABLE link")


@pytest.mark.parametrize("spoil", [ruin, lack])
def test_an_old_store_that_is_damaged_is_set_aside_whole(world: World, spoil: Callable[[Path], None]) -> None:
    """What only vanished logs held is said to be in the backup."""
    spoil(world.data / "history.db")
    spoiled = (world.data / "history.db").read_bytes()
    report = world.ingest()
    assert [problem.code for problem in report.problems] == ["store-set-aside"]
    assert "deleted" in report.problems[0].hint
    assert (world.data / "history-backup-1.db").read_bytes() == spoiled
    assert world.dump() == world.cold()


def to_schema_2(path: Path) -> None:
    """Give the closed store the sums of schema 2, which knew nothing of the sizes of requests."""
    to_schema_4(path)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        keys = ", ".join(key for key in KEYS if key != "band")
        sums = ", ".join(f"sum({name})" for name in SUMS)
        connection.execute(f"CREATE TABLE earlier AS SELECT {keys}, {sums} FROM rollup GROUP BY {keys}")  # noqa: S608
        columns = ", ".join(f"{name} INTEGER NOT NULL" for name in (*keys.split(", "), *SUMS))
        connection.execute("DROP TABLE rollup")
        connection.execute(f"CREATE TABLE rollup ({columns}, PRIMARY KEY ({keys})) STRICT, WITHOUT ROWID")
        connection.execute("INSERT INTO rollup SELECT * FROM earlier")
        connection.execute("DROP TABLE earlier")
        connection.execute("PRAGMA user_version = 2")


def test_sums_of_schema_2_are_made_anew_by_the_sizes_of_requests(tmp_path: Path) -> None:
    """No log is read for it; the old store is kept for its owner alone."""
    world = World(tmp_path)
    sizes = (1, 100_000, 100_001, 272_001)
    world.write("a", *({"id": f"r{size}", "at": T0, "tokens": {"input": size}} for size in sizes))
    world.ingest()
    before = rolled(world)
    assert [(band, count) for *_, band, count in before] == [(0, 2), (1, 1), (5, 1)]
    to_schema_2(world.data / "history.db")
    earlier = content(world.data / "history.db")
    reader = FakeReader()
    with world.store() as store:
        assert [problem.code for problem in store.problems] == ["store-migrated"]
        assert "from schema 2 to 6; the old one is kept as history-schema-2.db" in store.problems[0].message
        ingest(store, [reader], world.environ)
    assert reader.reads == []
    assert rolled(world) == before
    backup = world.data / "history-schema-2.db"
    assert stat.S_IMODE(backup.stat().st_mode) == 0o600
    assert content(backup) == earlier


def test_quarters_of_schema_3_become_hours(tmp_path: Path) -> None:
    """No log is read for it."""
    world = World(tmp_path)
    world.write("a", *({"id": f"r{number}", "at": T0 + number * 900 * SECOND} for number in range(5)))
    world.ingest()
    before = rolled(world)
    assert sorted(count for *_, count in before) == [1, 4]
    path = world.data / "history.db"
    to_schema_4(path)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        set_grain(connection, 1)
        roll_all(connection)
        connection.execute("DELETE FROM stage WHERE name = 'rollup'")
        assert connection.execute("SELECT count(*) FROM rollup").fetchone() == (5,)
        connection.execute("PRAGMA user_version = 3")
    with world.store() as store:
        assert [problem.code for problem in store.problems] == ["store-migrated"]
    assert rolled(world) == before
    assert (world.data / "history-schema-3.db").exists()


@settings(max_examples=40, deadline=None)
@given(CORPORA, CORPORA)
def test_any_store_of_schema_4_goes_on_like_a_cold_scan(first: dict[str, bytes], more: dict[str, bytes]) -> None:
    """Responses keep their keys, and are found by the groups that they follow from."""
    assert_goes_on(first, more, to_schema_4)


@settings(max_examples=40, deadline=None)
@given(CORPORA, CORPORA)
def test_any_store_of_schema_5_goes_on_like_a_cold_scan(first: dict[str, bytes], more: dict[str, bytes]) -> None:
    """What responses share is told once, and they are found by the groups that they follow from."""
    assert_goes_on(first, more, to_schema_5)


@pytest.mark.parametrize("step", ["roll_all", "_make_missing", "_backup"])
def test_new_sums_that_are_interrupted_leave_the_old_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """And the next command begins it again."""
    world = World(tmp_path)
    world.write("a", {"id": "r1", "at": T0})
    world.ingest()
    before = rolled(world)
    to_schema_2(world.data / "history.db")
    earlier = content(world.data / "history.db")
    with monkeypatch.context() as patch:
        patch.setattr(migration, step, die)
        with pytest.raises(KeyboardInterrupt):
            world.store()
    assert content(world.data / "history.db") == earlier
    assert rolled(world) == before


def rolled(world: World) -> list[tuple[int, ...]]:
    with world.store() as store:
        return store.rows(f"SELECT {', '.join(KEYS)}, responses FROM rollup ORDER BY band")  # noqa: S608


def test_two_processes_bring_the_sums_up_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that finds the work done when its turn comes leaves it."""
    world = World(tmp_path)
    world.write("a", {"id": "r1", "at": T0})
    world.ingest()
    path = world.data / "history.db"
    to_schema_2(path)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        asked = iter([2, None])
        monkeypatch.setattr(migration, "schema_of", lambda _: next(asked))
        assert migration.migrate(connection, path).code == "store-migrated"
        assert connection.execute("PRAGMA user_version").fetchone() == (2,)
