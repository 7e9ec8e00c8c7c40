"""The store depends on the logs alone, never on how and when their bytes arrived."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from history.fake import FakeReader, World, dump, lines
from tallybook.history import growth
from tallybook.history.ingest import ingest
from tallybook.history.store import open_store

if TYPE_CHECKING:
    from collections.abc import Iterator

MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None
FILES = ("a", "b", "c", "d")
IDS = st.sampled_from([f"r{n}" for n in range(6)])
MOMENTS = st.one_of(st.none(), st.integers(0, 5).map(lambda n: 1_790_000_000_000_000 + n * 60_000_000))
NAMES = st.sampled_from(FILES)
FACTS = st.fixed_dictionaries(
    {},
    optional={
        "parent": NAMES,
        "born_at": st.integers(0, 9),
        "last_at": st.integers(0, 9),
        "cwd": st.sampled_from(["/x", "/y"]),
        "origin": st.sampled_from(["main", "subagent"]),
    },
)
ROWS = st.one_of(
    st.fixed_dictionaries(
        {"id": IDS, "at": MOMENTS},
        optional={"model": st.sampled_from(["m1", "m2", "unknown"]), "group": NAMES, "session": NAMES, "link": NAMES},
    ),
    st.fixed_dictionaries({"fact": FACTS}, optional={"session": NAMES}),
    st.fixed_dictionaries({"pending": st.just("call")}),
    st.fixed_dictionaries({"link": NAMES}),
    st.just({"novel": 1}),
    st.just(b"{bad\n"),
    st.just(b"\n"),
)
LOGS = st.lists(ROWS, max_size=8).map(lambda rows: lines(*rows))


@pytest.fixture(autouse=True, params=[0, growth.LONG], ids=["all-grow", "long-ones-grow"], scope="module")
def long(request: pytest.FixtureRequest) -> Iterator[None]:
    """How many rows a log must have to be counted by what is added to it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(growth, "LONG", request.param)
        yield


CORPORA = st.fixed_dictionaries(dict.fromkeys(FILES, LOGS))


@pytest.fixture(params=["usual", "tiny pieces", "equal hashes"], autouse=True, scope="module")
def layout(request: pytest.FixtureRequest) -> Iterator[None]:
    """Neither where pieces are cut nor what a hash confuses may ever show."""
    with pytest.MonkeyPatch.context() as patch:
        if request.param == "tiny pieces":
            patch.setattr("tallybook.history.pieces.MOST_ROWS", 2)
            patch.setattr("tallybook.history.shelf.MOST_ROWS", 3)
        elif request.param == "equal hashes":
            patch.setattr("tallybook.history.names.blake2b", TwoHashes)
        yield


class TwoHashes:
    """A hash that tells no more than one bit."""

    def __init__(self, data: bytes, digest_size: int) -> None:
        self._bytes = bytes([data[-1] & 1] * digest_size)

    def digest(self) -> bytes:
        return self._bytes


@settings(max_examples=60, deadline=None)
@given(CORPORA, st.data())
def test_any_split_into_arrivals_in_any_order_gives_what_a_cold_scan_gives(
    corpus: dict[str, bytes], data: st.DataObject
) -> None:
    with tempfile.TemporaryDirectory(dir=MEMORY) as place:
        world = World(Path(place))
        arrived = dict.fromkeys(corpus, 0)
        with world.store() as store:
            for _ in range(data.draw(st.integers(0, 6))):
                key = data.draw(NAMES)
                arrived[key] = data.draw(st.integers(arrived[key], len(corpus[key])))
                world.put(world.path(key), corpus[key][: arrived[key]])
                ingest(store, [FakeReader()], world.environ)
            for key in data.draw(st.permutations(FILES)):
                world.put(world.path(key), corpus[key])
                if data.draw(st.booleans()):
                    ingest(store, [FakeReader()], world.environ)
            ingest(store, [FakeReader()], world.environ)
            assert dump(store) == world.cold()


class Changes:
    """One log under every fate that logs have."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.content = dict.fromkeys(FILES, b"")
        self.place = dict.fromkeys(FILES, "live")
        self.packed = dict.fromkeys(FILES, False)

    def apply(self, change: str, key: str, rows: bytes) -> None:
        if change == "append":
            self.content[key] += rows
        elif change == "replace":
            self.content[key] = rows
        elif change == "shrink":
            self.content[key] = self.content[key][: len(self.content[key]) // 2]
        elif change == "move":
            self.place[key] = "archive" if self.place[key] == "live" else "live"
        else:
            self.packed[key] = not self.packed[key]
        for path in self.world.logs.glob(f"*/{key}.log*"):
            if change != "append":
                path.unlink()
        path = self.world.put(self.world.path(key, self.place[key]), self.content[key])
        if self.packed[key]:
            self.world.compress(path)


@settings(max_examples=50, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(["append", "append", "replace", "shrink", "move", "pack"]), NAMES, LOGS), max_size=12
    )
)
def test_any_history_of_changed_moved_and_compressed_logs_ends_like_a_cold_scan(
    changes: list[tuple[str, str, bytes]],
) -> None:
    with tempfile.TemporaryDirectory(dir=MEMORY) as place:
        world = World(Path(place))
        logs = Changes(world)
        with world.store() as store:
            for change in changes:
                logs.apply(*change)
                ingest(store, [FakeReader()], world.environ)
            assert dump(store) == world.cold()


@settings(max_examples=30, deadline=None)
@given(CORPORA, st.integers(1, 4), st.integers(1, 3))
def test_an_ingest_killed_at_any_file_is_completed_by_the_next(
    corpus: dict[str, bytes], files: int, at_once: int
) -> None:
    with tempfile.TemporaryDirectory(dir=MEMORY) as place, pytest.MonkeyPatch.context() as patch:
        patch.setattr("tallybook.history.ingest.FILES_AT_ONCE", at_once)
        world = World(Path(place))
        for key, content in corpus.items():
            world.put(world.path(key), content)
        count = 0

        def kill(done: int, total: int) -> None:
            nonlocal count
            assert 0 <= done <= total
            count += 1
            if count == files:
                raise KeyboardInterrupt

        with open_store(world.data) as store, pytest.raises(KeyboardInterrupt):
            ingest(store, [FakeReader()], world.environ, kill)
        world.ingest()
        assert world.dump() == world.cold()


def test_a_kill_inside_a_transaction_leaves_nothing_of_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(tmp_path)
    world.write("a", {"id": "r1"})
    world.ingest()
    before = world.dump()
    world.append("a", {"id": "r2"})

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("tallybook.history.write.settle_sessions", die)
        with pytest.raises(KeyboardInterrupt):
            world.ingest()
    assert world.dump() == before
    world.ingest()
    assert world.dump() == world.cold()


def test_linked_groups_count_copies_once_whichever_log_is_there_first(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.write("fork", {"link": "parent"}, {"id": "r1", "at": 1}, {"id": "r2", "at": 5})
    world.ingest()
    assert [row[3] for row in world.dump()["responses"]] == ["fork", "fork"]
    world.write("parent", {"id": "r1", "at": 0})
    world.ingest()
    assert [(row[1], row[3]) for row in world.dump()["responses"]] == [("r1", "parent"), ("r2", "fork")]
    world.write("fork", {"id": "r1", "at": 1})
    world.ingest()
    assert [(row[1], row[3]) for row in world.dump()["responses"]] == [("r1", "fork"), ("r1", "parent")]
    assert world.dump() == world.cold()


def test_units_hold_every_log_of_the_chain_by_key(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.write("c", {"link": "b"}, {"id": "r1"})
    world.write("a", {"id": "r2"})
    world.write("z", {"id": "r4"})
    world.ingest()
    reader = FakeReader()
    world.write("b", {"link": "a"}, {"id": "r3"})
    world.ingest(reader)
    assert ["a", "b", "c"] in reader.units
