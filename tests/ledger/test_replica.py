"""A state from a checkpoint and what came since is the state that a replay of everything gives."""

from __future__ import annotations

import gc
import os
import random
import weakref
from collections import defaultdict
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from ledger.ledgers import (
    GOAL,
    HandClock,
    append,
    codes,
    finished,
    ledger_at,
    lines_of,
    marked,
    own_file,
    started,
    tampered,
)
from tallybook.domain.goal import Status
from tallybook.domain.metrics import accounts
from tallybook.domain.problems import Refusal
from tallybook.domain.replay import fold
from tallybook.ledger import checkpoint
from tallybook.ledger.file import OS_FILES
from tallybook.ledger.goal_index import GoalIndex, read_index
from tallybook.ledger.goal_lookup import look_up
from tallybook.ledger.replica import Replica
from tallybook.ledger.seal import sealed
from tallybook.ledger.stream import stream
from worlds import messy_events, numbers, worlds

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tallybook.domain.events import Event, NewEvent
    from tallybook.domain.state import LedgerState
    from tallybook.ledger.file import FileSystem
    from tallybook.ledger.store import Ledger

PLACES = ("git/tallybook/events", "metrics")


class Reads:
    """Counts how often the whole ledger is read."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.count = 0
        monkeypatch.setattr("tallybook.ledger.replica.stream", self._stream)
        monkeypatch.setattr("tallybook.ledger.replica.fold", self._fold)

    def _stream(self, files: FileSystem, directories: tuple[Path, ...], take: Callable[[Event], None]) -> object:
        position = stream(files, directories, take)
        self.count += position is not None
        return position

    def _fold(self, events: list[Event]) -> LedgerState:
        self.count += 1
        return fold(events)


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> Reads:
    return Reads(monkeypatch)


def assert_right(ledger: Ledger, replica: Replica, *, sound: bool = True) -> None:
    reading = ledger.read()
    state = fold(reading.events)
    assert replica.state == state
    assert list(replica.state.goals) == list(state.goals)
    assert len(replica.state.goals) == len(state.goals)
    assert numbers(replica.state) == numbers(state)
    assert not (sound and replica._saved is not None and replica._saved.is_damaged)
    assert (replica.problems, replica.newer) == (reading.problems, reading.newer)
    assert replica.latest(ledger.clock.now()) == reading.latest(ledger.clock.now())
    carried = replace(ledger, place=replace(ledger.place, home=ledger.place.home / "none")).read().events
    assert replica.unpublished == len(reading.events) - len(carried)


def known(index: GoalIndex, ids: list[str]) -> tuple[object, ...]:
    opened = sorted(entry for entry in index.goals.values() if entry.is_open)
    return ([index.knows(goal) for goal in ids], opened)


def assert_looked_up(ledger: Ledger, path: Path) -> bool:
    """The hooks get the same answers; whether they got them from the checkpoint."""
    published = ledger.place.published
    assert published is not None
    ids = [f"g260620-{number:08}" for number in range(12)]
    found = look_up(path, (ledger.place.home, published), OS_FILES)
    assert found is None or known(found, ids) == known(read_index(ledger.place.home, published), ids)
    return found is not None


@st.composite
def arrivals(draw: st.DrawFn) -> list[list[tuple[str, bytes]]]:
    """A world's lines in batches: mostly in order, some late, into the home or a published copy."""
    events = draw(st.one_of(messy_events(), worlds().map(lambda world: world.book.events)))
    count = draw(st.integers(1, 4))
    late = draw(st.booleans())
    batches: list[list[tuple[str, bytes]]] = [[] for _ in range(count + 1)]
    for number, line in enumerate(lines_of(events)):
        batch = number * count // len(events)
        writer = line.partition(b'"writer":"')[2][:10].decode()
        if late and draw(st.integers(0, 9)) == 0:
            batches[count].append((f"metrics/{writer}.ndjson", line))
        else:
            batches[batch].append((f"{PLACES[0]}/{writer}.ndjson", line))
    return batches


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(arrivals(), st.randoms(use_true_random=False))
def test_any_split_into_checkpoint_and_tail(
    tmp_path_factory: pytest.TempPathFactory, batches: list[list[tuple[str, bytes]]], chance: random.Random
) -> None:
    base = tmp_path_factory.mktemp("split")
    ledger, path = ledger_at(base), base / "data" / "it.db"
    for batch in batches:
        added = defaultdict(list)
        for name, line in batch:
            added[name].append(line + b"\n")
        for name, lines in added.items():
            (base / name).parent.mkdir(parents=True, exist_ok=True)
            with (base / name).open("ab") as file:
                file.writelines(lines)
        assert_looked_up(ledger, path)
        replica = Replica(ledger, path)
        for goal in chance.sample(sorted(replica.state.goals), chance.randint(0, len(replica.state.goals))):
            told, anew = accounts(replica.state), accounts(fold(ledger.read().events))
            assert (told.measures[goal], told.spending[goal]) == (anew.measures[goal], anew.spending[goal])
        if chance.randint(0, 2):
            assert_right(ledger, replica)
        replica.save()
    assert_right(ledger, Replica(ledger, path))
    assert_looked_up(ledger, path)


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    """A goal that is open, with a stage."""
    found = ledger_at(tmp_path)
    append(found, started(), marked())
    return found


@pytest.fixture
def path(ledger: Ledger, tmp_path: Path) -> Path:
    """The ledger's checkpoint."""
    found = tmp_path / "data" / "it.db"
    Replica(ledger, found).save()
    return found


def later(ledger: Ledger) -> Ledger:
    """The same ledger a second later, when ids are greater."""
    assert isinstance(ledger.clock, HandClock)
    ledger.clock.forward(seconds=1)
    return ledger


def mark(replica: Replica, stage: str) -> tuple[Event, ...]:
    """Close a stage of the goal."""
    done = replica.transact(lambda _: [marked(stage)])
    assert isinstance(done, tuple)
    return done


def test_only_what_came_since_is_read(ledger: Ledger, path: Path, reads: Reads) -> None:
    append(later(ledger), marked("build"))
    replica = Replica(ledger, path)
    assert reads.count == 0
    assert_right(ledger, replica)
    assert [stage.name for stage in replica.state.goals[GOAL].attempt.stages] == ["plan", "build"]
    assert path.stat().st_mode & 0o77 == 0


def test_a_decision_sees_what_another_process_appended(ledger: Ledger, path: Path) -> None:
    replica = Replica(later(ledger), path)
    append(ledger, finished())
    seen = []

    def decide(state: LedgerState) -> list[NewEvent]:
        seen.append(state.goals[GOAL].status)
        return [started("g261122-00000000")]

    done = replica.transact(decide)
    assert isinstance(done, tuple)
    assert seen == [Status.SUCCESS]
    assert replica.state.goals["g261122-00000000"].is_open
    assert_right(ledger, replica)
    replica.save()
    append(later(ledger), marked("more", "g261122-00000000"))
    assert_right(ledger, Replica(ledger, path))


def test_a_refusal_is_handed_on(ledger: Ledger, path: Path) -> None:
    refusal = Refusal("no", "no")
    assert Replica(ledger, path).transact(lambda _: refusal) is refusal


def test_what_two_processes_save_is_never_mixed(ledger: Ledger, path: Path) -> None:
    first, second = Replica(later(ledger), path), Replica(ledger, path)
    first.transact(lambda _: [marked("one")])
    first.save()
    later(ledger)
    second.transact(lambda _: [marked("two")])
    second.save()
    assert_right(ledger, second)
    found = Replica(ledger, path)
    assert_right(ledger, found)


def test_damage_is_told_from_the_checkpoint_too(ledger: Ledger, path: Path, reads: Reads) -> None:
    file = own_file(ledger)
    last = file.read_bytes().splitlines()[-1]
    newer = tampered(last, {b'"v":1': b'"v":9', last[13:21]: b"ffffffff"})
    with file.open("ab") as stream:
        stream.write(last.replace(b"plan", b"pLan") + b"\n" + newer + b"\ntorn")
    replica = Replica(ledger, path)
    assert_right(ledger, replica)
    assert codes(replica.problems) == ["bad-sum", "torn-tail"]
    replica.save()
    reads.count = 0
    again = Replica(ledger, path)
    assert (reads.count, again.newer, codes(again.problems)) == (0, 1, ["bad-sum", "torn-tail"])
    assert_right(ledger, again)


def test_a_published_copy_is_replaced_at_every_commit(ledger: Ledger, path: Path, reads: Reads) -> None:
    published = ledger.place.published
    assert published is not None
    published.mkdir()
    copy = published / own_file(ledger).name
    for stage in ("build", "test"):
        append(later(ledger), marked(stage))
        copy.unlink(missing_ok=True)
        copy.write_bytes(own_file(ledger).read_bytes())
        append(later(ledger), marked(f"{stage} more"))
        assert assert_looked_up(ledger, path)
        replica = Replica(ledger, path)
        assert reads.count == 0
        assert replica.unpublished == 1
        assert_right(ledger, replica)
        replica.save()
    Replica(ledger, path)
    assert reads.count == 0


def test_a_published_file_of_another_clone(ledger: Ledger, path: Path, tmp_path: Path, reads: Reads) -> None:
    other = ledger_at(tmp_path / "other", clock=HandClock(), seed=1)
    append(later(later(other)), started("g261122-00000001"))
    published = ledger.place.published
    assert published is not None
    published.mkdir()
    target = published / own_file(other).name
    target.write_bytes(own_file(other).read_bytes())
    replica = Replica(ledger, path)
    assert reads.count == 0, "it came after all that was known"
    assert_right(ledger, replica)
    replica.save()
    assert assert_looked_up(ledger, path)
    append(later(other), finished("g261122-00000001"))
    target.write_bytes(own_file(other).read_bytes())
    assert not assert_looked_up(ledger, path)
    found = Replica(ledger, path)
    assert reads.count == 1, "only files of one's own can be told to have grown"
    assert_right(ledger, found)


def truncated(file: Path) -> None:
    file.write_bytes(b"".join(file.read_bytes().splitlines(keepends=True)[:1]))


def rewritten(file: Path) -> None:
    whole = file.read_bytes()
    file.write_bytes(whole.replace(b"plan", b"PLAN"))
    os.utime(file, ns=(1, 1))


def moved(file: Path) -> None:
    file.rename(file.with_name("w-00000000.ndjson"))


def conflicting(file: Path) -> None:
    first, second = file.read_bytes().splitlines()[:2]
    with file.open("ab") as stream:
        stream.write(tampered(first, {first[13:49]: second[13:49]}) + b"\n")


@pytest.mark.parametrize("change", [truncated, rewritten, moved, conflicting])
def test_everything_is_read_where_the_bytes_are_others(
    ledger: Ledger, path: Path, reads: Reads, change: object
) -> None:
    assert callable(change)
    change(own_file(ledger))
    assert not assert_looked_up(ledger, path)
    replica = Replica(ledger, path)
    assert reads.count == 1
    assert_right(ledger, replica)
    replica.save()
    assert_right(ledger, Replica(ledger, path))


def test_a_ledger_with_conflicts_is_never_kept_and_decided_on_all_the_same(ledger: Ledger, path: Path) -> None:
    conflicting(own_file(ledger))
    for stage in ("one", "two"):
        replica = Replica(later(ledger), path)
        mark(replica, stage)
        assert_right(ledger, replica)
        replica.save()
    assert codes(Replica(ledger, path).problems) == ["id-conflict"]


def test_events_from_the_future_do_not_drag_the_clock(ledger: Ledger, tmp_path: Path, path: Path) -> None:
    future = ledger_at(tmp_path / "future", clock=HandClock(), seed=2)
    assert isinstance(future.clock, HandClock)
    future.clock.forward(days=400)
    append(future, started("g261122-00000002"))
    (ledger.place.home / own_file(future).name).write_bytes(own_file(future).read_bytes())
    replica = Replica(ledger, path)
    assert_right(ledger, replica)
    replica.save()
    replica = Replica(ledger, path)
    (event,) = mark(replica, "now")
    assert event.hlc.startswith("1795314")
    assert_right(ledger, replica)


def test_a_file_that_can_not_be_read_is_told_every_time(ledger: Ledger, path: Path) -> None:
    (ledger.place.home / "w-00000009.ndjson").symlink_to(own_file(ledger))
    for _ in range(2):
        replica = Replica(ledger, path)
        assert_right(ledger, replica)
        assert codes(replica.problems) == ["not-a-file"]
        replica.save()


def test_an_event_that_is_written_is_seen_whatever_the_disk_does(
    ledger: Ledger, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    replica = Replica(later(ledger), path)
    done = replica.transact(lambda _: [started("g261122-00000003")])
    assert isinstance(done, tuple)
    assert "g261122-00000003" in replica.state.goals
    monkeypatch.setattr(checkpoint, "_connected", lambda *_: (_ for _ in ()).throw(OSError("full")))
    replica.save()
    monkeypatch.undo()
    assert_right(ledger, Replica(ledger, path))


@pytest.mark.parametrize("garbage", [b"", b"no database", bytes(100), b"SQLite format 3\0" + bytes(4000)])
def test_garbage_in_its_place_is_replaced(ledger: Ledger, path: Path, garbage: bytes, reads: Reads) -> None:
    path.write_bytes(garbage)
    assert not assert_looked_up(ledger, path)
    replica = Replica(ledger, path)
    assert reads.count == 1
    assert_right(ledger, replica)
    replica.save()
    Replica(ledger, path)
    assert reads.count == 1


def test_a_checkpoint_of_another_version_is_replaced(
    ledger: Ledger, path: Path, monkeypatch: pytest.MonkeyPatch, reads: Reads
) -> None:
    for module in ("checkpoint", "goal_lookup"):
        monkeypatch.setattr(f"tallybook.ledger.{module}.VERSION", "0 other")
    assert not assert_looked_up(ledger, path)
    Replica(ledger, path).save()
    assert reads.count == 1
    Replica(ledger, path)
    assert reads.count == 1


def test_no_place_for_it(ledger: Ledger, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    replica = Replica(ledger, tmp_path / "file" / "it.db")
    replica.save()
    assert_right(ledger, replica)


def test_nothing_is_kept_of_nothing(tmp_path: Path) -> None:
    Replica(ledger_at(tmp_path), tmp_path / "data" / "it.db").save()
    assert not (tmp_path / "data").exists()


def test_any_flipped_byte_is_found_or_does_not_matter(tmp_path: Path) -> None:
    chance = random.Random(5)
    ledger = ledger_at(tmp_path)
    for number in range(40):
        append(later(ledger), started(f"g261122-{number:08}"), marked("plan", f"g261122-{number:08}"))
    path = tmp_path / "data" / "it.db"
    replica = Replica(ledger, path)
    numbers(replica.state)
    replica.save()
    with closing(checkpoint._connected(path, "rw")) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    whole = path.read_bytes()
    for _ in range(150):
        at = chance.randrange(len(whole))
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1 << chance.randrange(8)]) + whole[at + 1 :])
        for ending in ("-wal", "-shm"):
            path.with_name(path.name + ending).unlink(missing_ok=True)
        assert_looked_up(ledger, path)
        found = Replica(ledger, path)
        assert_right(ledger, found, sound=False)
        found.save()
        assert_right(ledger, Replica(ledger, path))


def test_rows_that_are_lost_are_replayed_and_written_anew(ledger: Ledger, path: Path, reads: Reads) -> None:
    with closing(checkpoint._connected(path, "rw")) as connection:
        connection.execute("DELETE FROM entry")
    replica = Replica(ledger, path)
    assert replica.state.goals[GOAL].title == "Fix the parser"
    assert reads.count == 1
    replica.save()
    reads.count = 0
    assert Replica(ledger, path).state.goals[GOAL].title == "Fix the parser"
    assert reads.count == 0


def test_lists_that_are_lost_are_replayed_and_written_anew(ledger: Ledger, path: Path, reads: Reads) -> None:
    with closing(checkpoint._connected(path, "rw")) as connection:
        connection.execute("DELETE FROM listed")
    replica = Replica(later(ledger), path)
    replica.transact(lambda _: [started("g261122-00000004")])
    assert list(replica.state.goals) == [GOAL, "g261122-00000004"]
    replica.save()
    reads.count = 0
    assert_right(ledger, Replica(ledger, path))
    assert reads.count == 0


def test_a_change_alone_makes_a_lost_list_be_written_anew(ledger: Ledger, path: Path, reads: Reads) -> None:
    with closing(checkpoint._connected(path, "rw")) as connection:
        connection.execute("DELETE FROM listed")
    replica = Replica(ledger, path)
    replica.state.goals[GOAL] = replica.state.goals[GOAL]
    assert reads.count == 0
    replica.save()
    reads.count = 0
    assert_right(ledger, Replica(ledger, path))
    assert reads.count == 0


def test_what_is_sealed_and_has_another_shape_is_replaced(
    ledger: Ledger, path: Path, monkeypatch: pytest.MonkeyPatch, reads: Reads
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(checkpoint, "_summary", lambda *_: sealed("summary", b"\x01"))
        path.unlink()
        Replica(ledger, path).save()
    reads.count = 0
    replica = Replica(ledger, path)
    assert reads.count == 1
    replica.save()
    with closing(checkpoint._connected(path, "rw")) as connection:
        for name, key in connection.execute("SELECT name, key FROM entry").fetchall():
            change = (sealed(f"{name} {key}", b"\xc1"), name, key)
            connection.execute("UPDATE entry SET value = ? WHERE name = ? AND key = ?", change)
    replica = Replica(ledger, path)
    assert_right(ledger, replica, sound=False)
    replica.save()
    assert_right(ledger, Replica(ledger, path))


def test_nothing_published_where_no_copy_is_kept(ledger: Ledger, tmp_path: Path) -> None:
    alone = replace(ledger, place=replace(ledger.place, published=None))
    assert Replica(alone, tmp_path / "alone.db").unpublished == 2


def test_the_search_for_cycles_is_left_as_it_was(ledger: Ledger, tmp_path: Path) -> None:
    was_on = gc.isenabled()
    for wanted in (False, True):
        (gc.enable if wanted else gc.disable)()
        Replica(ledger, tmp_path / "it.db")
        assert gc.isenabled() is wanted
    (gc.enable if was_on else gc.disable)()


def test_a_state_is_given_up_with_its_replica(ledger: Ledger, path: Path) -> None:
    """A process that asks often, as a server does, would keep one for each question until cycles are searched for."""
    Replica(ledger, path).save()
    replica = Replica(ledger, path)
    assert replica._saved is not None
    seen = weakref.ref(replica)
    was_on = gc.isenabled()
    gc.disable()
    try:
        del replica
        assert seen() is None
    finally:
        (gc.enable if was_on else gc.disable)()
