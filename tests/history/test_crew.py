"""Two processes that read for one that writes: nobody can tell from the store, whatever happens to them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from history.fake import T0, FakeReader, World, lines
from history.talker import Talker, item_line
from history.test_activity import LOGS
from history.test_arrival import CORPORA
from tallybook.agents.port import Item
from tallybook.domain.usage import SessionKey
from tallybook.history import crew
from tallybook.history.activity import activity_by_session, newest_limits, own_counters
from tallybook.history.ingest import ingest
from tallybook.history.items import unpack
from tallybook.history.secret import NAME
from tallybook.history.store import Store, open_store
from tallybook.history.survey import Task
from tallybook.history.visits import Job, pack, visit
from tallybook.history.visits import unpack as unpack_visits

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tallybook.agents.port import Batch, Line, LogFile


@pytest.fixture(autouse=True, scope="module")
def two() -> Iterator[None]:
    """Every ingest of two logs or more is worth it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(crew, "WORTH", 0)
        patch.setattr("tallybook.history.ingest.FILES_AT_ONCE", 1)
        patch.setattr(os, "sched_getaffinity", lambda _: {0, 1}, raising=False)
        yield


def single(world: World) -> dict[str, list[tuple[object, ...]]]:
    """What one process makes of the logs."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(crew, "WORTH", sys.maxsize)
        return world.cold()


@pytest.fixture
def world(tmp_path: Path) -> World:
    world = World(tmp_path)
    for number in range(9):
        rows: list[dict[str, object]] = [{"id": f"r{n}", "at": n, "group": f"g{n}"} for n in range(number % 4, 6)]
        world.write(f"log{number}", *rows, {"link": f"log{number // 2}"}, {"fact": {"cwd": f"/{number}"}})
    world.put(world.path("bad"), b"{bad\n")
    os.mkfifo(world.logs / "live" / "pipe.log")
    return world


@settings(max_examples=15, deadline=None)
@given(CORPORA, CORPORA)
def test_what_they_bring_is_what_one_process_reads(first: dict[str, bytes], more: dict[str, bytes]) -> None:
    """Cold, and of logs that have grown, been written anew or vanished."""
    with tempfile.TemporaryDirectory() as place:
        world = World(Path(place))
        for content in (first, {key: first[key] + rows for key, rows in more.items()}, more):
            for key, rows in content.items():
                world.put(world.path(key), rows)
            world.ingest()
            assert world.dump() == single(world)


def told(store: Store) -> list[object]:
    """Everything beside responses, with the numbers of nothing."""
    marks = {mark for names, keys, data in store.rows("SELECT names, keys, data FROM item_block")
             for *_, mark in unpack(names, keys, data)}  # fmt: skip
    return [activity_by_session(store), newest_limits(store), own_counters(store, SessionKey("fake", "s1")), marks]


@settings(max_examples=15, deadline=None)
@given(LOGS)
def test_items_are_those_that_one_process_reads(logs: dict[str, list[Item]]) -> None:
    """With their hashes, samples of limits and counters."""
    more = (["limit", "s1", T0, "main", 300, 1250, None, "pro", None], ["counter", "s1", T0, "cost", "m", [1] * 7])
    with tempfile.TemporaryDirectory() as place:
        world = World(Path(place))
        for name, items in logs.items():
            rest = "".join(f"{json.dumps(line)}\n" for line in more).encode()
            world.put(world.path(name), b"".join(map(item_line, items)) + rest)
        reader = Talker()
        with world.store() as store:
            ingest(store, [reader], world.environ)
            both = told(store)
        assert len(logs) < crew.HANDS or reader.reads == []
        (world.root / "other").mkdir()
        (world.root / "other" / NAME).write_bytes((world.data / NAME).read_bytes()) if logs else None
        with pytest.MonkeyPatch.context() as patch, open_store(world.root / "other") as store:
            patch.setattr(crew, "WORTH", sys.maxsize)
            ingest(store, [Talker()], world.environ)
            assert told(store) == both


def test_no_secret_goes_from_process_to_process(world: World) -> None:
    """Its hash does."""
    world.put(world.path("talk"), item_line(Item("k", "s", T0, "shell", "psql", None, b"hunter2")))
    job = Job(Task(FakeReader().log_at(world.path("talk")), 0), None)
    (content,) = [pack([visit(Talker(), job, b"k" * 32)])]
    assert b"psql" in content
    assert b"hunter2" not in content
    (back,) = unpack_visits([job], content)
    assert back.reading is not None
    assert back.reading.batch is not None
    assert back.reading.batch.items == ()


def test_they_do_the_reading(world: World) -> None:
    """The writer opens no log itself, and what they could not read is told as ever."""
    reader = FakeReader()
    report = world.ingest(reader)
    assert reader.reads == []
    assert (report.files_read, report.bad_lines) == (10, 1)
    assert len([one for one in report.problems if one.code == "unreadable-log"]) == 1
    assert world.dump() == single(world)


class Mortal(FakeReader):
    """A reader whose other processes die at one log."""

    def __init__(self, log: str) -> None:
        super().__init__()
        self.log = log
        self.home = os.getpid()

    def read(self, log: LogFile, lines: Iterable[Line], state: bytes) -> Batch:
        if log.key == self.log and os.getpid() != self.home:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().read(log, lines, state)


@pytest.mark.parametrize("log", ["log0", "log5", "bad"])
def test_what_a_process_that_dies_did_not_bring_is_read_all_the_same(world: World, log: str) -> None:
    """By the writer itself, which takes over all that was left to that one."""
    reader = Mortal(log)
    world.ingest(reader)
    assert log in reader.reads
    assert world.dump() == single(world)


KILLED = """
import os, sys
from pathlib import Path
from history.fake import FakeReader, World
from tallybook.history import crew
from tallybook.history.activity import activity_by_session, newest_limits, own_counters
from tallybook.history.ingest import ingest
from tallybook.history.store import Store, open_store
from tallybook.domain.usage import SessionKey
crew.WORTH = 0
import tallybook.history.ingest as module
module.FILES_AT_ONCE = 1
os.sched_getaffinity = lambda _: {0, 1}
world, left = World(Path(sys.argv[1])), int(sys.argv[2])
def progress(done, total):
    global left
    left -= 1
    if left == 0:
        os.kill(os.getpid(), 9)
with world.store() as store:
    ingest(store, [FakeReader()], world.environ, progress)
"""


@pytest.mark.parametrize("after", [1, 4, 9])
def test_a_kill_at_any_moment_leaves_a_store_that_the_next_run_completes(world: World, after: int) -> None:
    """Whether or not what was read before it had reached the disk."""
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", KILLED, str(world.root), str(after)]
    assert subprocess.run(command, check=False, env=environ).returncode == -signal.SIGKILL
    world.ingest()
    assert world.dump() == single(world)


@settings(max_examples=10, deadline=None)
@given(st.integers(1, 9))
def test_an_interrupt_leaves_no_process_behind(files: int) -> None:
    """And keeps what was complete."""
    with tempfile.TemporaryDirectory() as place:
        world = World(Path(place))
        for number in range(9):
            world.put(world.path(f"log{number}"), lines({"id": f"r{number}"}))
        left = files

        def interrupt(done: int, total: int) -> None:
            nonlocal left
            assert done <= total
            left -= 1
            if not left:
                raise KeyboardInterrupt

        with world.store() as store, pytest.raises(KeyboardInterrupt):
            ingest(store, [FakeReader()], world.environ, interrupt)
        with pytest.raises(ChildProcessError):
            os.waitpid(-1, os.WNOHANG)
        assert len(world.dump()["responses"]) == files - 1
        world.ingest()
        assert world.dump() == single(world)


def test_a_process_with_threads_reads_alone(world: World) -> None:
    """A fork would take locks with it that nobody opens again."""
    done = threading.Event()
    thread = threading.Thread(target=done.wait)
    thread.start()
    try:
        reader = FakeReader()
        world.ingest(reader)
        assert len(reader.reads) == 10
    finally:
        done.set()
        thread.join()


def test_one_processor_or_little_to_read_needs_no_other_process(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Starting one would cost more than it brings."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0}, raising=False)
    reader = FakeReader()
    world.ingest(reader)
    assert len(reader.reads) == 10
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    world.append("log1", {"id": "more"})
    world.append("log2", {"id": "more"})
    world.ingest(reader)
    assert len(reader.reads) == 12
