"""A log that grows is counted by what is added to it, for as long as nothing else is said of its unit."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from history.earlier import to_schema_5
from history.fake import FakeReader, World
from tallybook.history import growth

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """A log of five rows that has grown once, where three make a long one."""
    monkeypatch.setattr(growth, "LONG", 3)
    world = World(tmp_path)
    world.write("a", *({"id": f"r{number}"} for number in range(4)))
    assert counted(world) == (["a"], [])
    world.append("a", {"id": "r4"})
    assert counted(world) == (["a"], [])
    return world


def counted(world: World) -> tuple[list[str], list[str]]:
    """Logs derived from all their rows, and such as were counted by what was added; the store is as a cold one.

    A log that is read for the first time is derived by itself before anything is known of others.
    """
    reader = FakeReader()
    world.ingest(reader)
    assert world.dump() == world.cold()
    return sorted({key for unit in reader.units for key in unit}), reader.grown


def kept(world: World) -> int:
    with world.store() as store:
        return len(store.rows("SELECT * FROM growth"))


def test_a_long_log_is_counted_by_what_is_added(world: World) -> None:
    for number in range(5, 9):
        world.append("a", {"id": f"r{number}"})
        assert counted(world) == ([], ["a"])
    assert len(world.dump()["responses"]) == 9


def test_a_log_that_is_read_once_keeps_nothing(world: World) -> None:
    world.write("b", *({"id": f"q{number}"} for number in range(40)))
    assert counted(world) == (["b"], [])
    assert kept(world) == 1


def test_a_short_log_keeps_nothing(world: World) -> None:
    world.write("b", {"id": "q1"})
    world.ingest()
    world.append("b", {"id": "q2"})
    assert counted(world) == (["b"], [])
    assert kept(world) == 1


def test_a_response_that_is_told_again_needs_all_rows(world: World) -> None:
    world.append("a", {"id": "r2"})
    assert counted(world) == (["a"], ["a"])
    world.append("a", {"id": "r5"})
    assert counted(world) == ([], ["a"])


def test_rows_of_another_log_need_all_rows(world: World) -> None:
    world.write("b", {"id": "q1", "group": "a"})
    assert counted(world) == (["a", "b"], [])
    assert kept(world) == 0


def test_a_link_needs_all_rows(world: World) -> None:
    for row in ({"id": "r5", "link": "b"}, {"id": "r6"}):
        world.append("a", row)
        assert counted(world) == (["a"], [])
        assert kept(world) == 0
    world.write("b", {"id": "q1"})
    assert counted(world) == (["a", "b"], [])
    world.append("a", {"id": "r7"})
    assert counted(world) == (["a", "b"], [])


def test_a_link_from_elsewhere_needs_all_rows(world: World) -> None:
    world.write("b", {"id": "r4", "link": "a"})
    assert counted(world) == (["a", "b"], [])
    assert kept(world) == 0


def test_a_log_that_is_replaced_needs_all_rows(world: World) -> None:
    world.write("a", *({"id": f"r{number}"} for number in range(10, 17)))
    assert counted(world) == (["a"], [])
    world.append("a", {"id": "r17"})
    assert counted(world) == ([], ["a"])


def test_another_version_of_the_reader_needs_all_rows(world: World) -> None:
    world.append("a", {"id": "r5"})
    reader = FakeReader("2")
    world.ingest(reader)
    assert (reader.units, reader.grown) == ([["a"]], [])


def test_very_many_rows_at_once_are_all_derived(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(growth, "MOST", 2)
    world.append("a", *({"id": f"r{number}"} for number in range(5, 8)))
    assert counted(world) == (["a"], [])


def test_what_a_reader_keeps_no_more_is_forgotten(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FakeReader, "kept", lambda *_: None)
    world.append("a", {"id": "r5"})
    assert counted(world) == ([], ["a"])
    assert kept(world) == 0
    world.append("a", {"id": "r6"})
    assert counted(world) == (["a"], [])
    assert kept(world) == 0


def test_a_response_with_an_impossible_count_is_left_out(world: World) -> None:
    world.append("a", {"id": "r5", "tokens": {"input": 10**13}})
    report = world.ingest()
    assert [problem.code for problem in report.problems] == ["impossible-count"]
    assert world.dump() == world.cold()


def test_a_store_of_an_earlier_version_gets_the_table(world: World) -> None:
    to_schema_5(world.data / "history.db")
    with closing(sqlite3.connect(world.data / "history.db")) as connection:
        connection.execute("DROP TABLE growth")
    world.append("a", {"id": "r5"})
    assert counted(world) == (["a"], [])
    assert kept(world) == 1
