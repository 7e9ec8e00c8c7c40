"""Who this clone writes as: kept from run to run, given up where anything does not fit."""

from __future__ import annotations

import json
import os
import shutil
from typing import TYPE_CHECKING, Any

import pytest
from msgspec.structs import replace

from ledger.ledgers import (
    CrashError,
    FaultyFiles,
    SeededIds,
    append,
    codes,
    finished,
    ledger_at,
    marked,
    own_file,
    started,
    tampered,
)
from tallybook.ledger.errors import LedgerError
from tallybook.ledger.file import OS_FILES
from tallybook.ledger.identity import State, Writers, mark_of, save, survey
from tallybook.ledger.writer import take_up

if TYPE_CHECKING:
    from pathlib import Path

    from tallybook.ledger.store import Ledger


def state_file(ledger: Ledger) -> Path:
    (path,) = ledger.place.home.glob("*.state.json")
    return path


def change_state(ledger: Ledger, **members: Any) -> None:  # noqa: ANN401
    path = state_file(ledger)
    path.write_text(json.dumps({**json.loads(path.read_text()), **members}))


def next_writer(ledger: Ledger) -> str:
    return append(ledger, marked())[0].writer


def test_a_clone_keeps_its_writer(tmp_path: Path) -> None:
    assert ledger_at(tmp_path).writers().current is None
    first = append(ledger_at(tmp_path), started())[0]
    later = append(ledger_at(tmp_path, seed=1), marked(), finished())
    assert [event.writer for event in later] == [first.writer] * 2
    assert [event.seq for event in later] == [2, 3]
    writers = ledger_at(tmp_path).writers()
    assert writers.current is not None
    assert (writers.current.writer, writers.former) == (first.writer, frozenset())
    assert writers.current.seq == 3
    assert own_file(ledger_at(tmp_path)).read_bytes()[writers.current.start :].count(b"\n") == 1
    assert (tmp_path / "git/tallybook/events").stat().st_mode & 0o777 == 0o700
    assert state_file(ledger_at(tmp_path)).stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("kept", [0, 1, 2])
def test_a_state_that_lags_behind_is_brought_up(tmp_path: Path, kept: int) -> None:
    """A crash between the append and the state file, for any number of batches."""
    ledger = ledger_at(tmp_path)
    states = []
    writer = ""
    for batch in ([started()], [marked(), marked()], [finished()]):
        writer = append(ledger, *batch)[0].writer
        states.append(state_file(ledger).read_text())
    if kept:
        state_file(ledger).write_text(states[kept - 1])
    else:
        save(OS_FILES, ledger.place.home, State(writer, mark_of(OS_FILES, ledger.place.identity)))
    event = append(ledger, marked("late"))[0]
    assert (event.writer, event.seq) == (writer, 5)
    assert ledger.read().problems == ()


def test_a_crash_before_the_first_line(tmp_path: Path) -> None:
    ledger = ledger_at(tmp_path)
    ledger.place.home.mkdir(parents=True)
    head = take_up(OS_FILES, ledger.place.home, ledger.place.identity, SeededIds())
    event = append(ledger, started())[0]
    assert (event.writer, event.seq) == (head.state.writer, 1)


def test_a_copied_clone_is_another_clone(tmp_path: Path) -> None:
    original = ledger_at(tmp_path / "one")
    first = append(original, started())[0].writer
    shutil.copytree(tmp_path / "one", tmp_path / "two")
    copy = ledger_at(tmp_path / "two", seed=2)
    assert copy.writers().ids == frozenset()
    second = append(copy, started("g261122-11111111"))[0].writer
    assert second != first
    assert copy.writers().ids == {second}
    assert next_writer(original) == first
    assert next_writer(copy) == second
    assert {event.writer for event in copy.read().events} == {first, second}


def test_a_moved_clone_stays_the_same_clone(tmp_path: Path) -> None:
    first = append(ledger_at(tmp_path / "one"), started())[0].writer
    (tmp_path / "one").rename(tmp_path / "two")
    moved = ledger_at(tmp_path / "two", seed=3)
    assert moved.writers().ids == {first}
    second = next_writer(moved)
    assert second != first
    assert moved.writers().ids == {first, second}


def test_a_clone_unpacked_in_the_same_place_stays_the_same_clone(tmp_path: Path) -> None:
    first = append(ledger_at(tmp_path / "one"), started())[0].writer
    (tmp_path / "one").rename(tmp_path / "old")
    shutil.copytree(tmp_path / "old", tmp_path / "one")
    restored = ledger_at(tmp_path / "one", seed=4)
    second = next_writer(restored)
    assert second != first
    assert restored.writers().ids == {first, second}


def test_a_restored_older_file_is_not_continued(tmp_path: Path) -> None:
    ledger = ledger_at(tmp_path)
    first = append(ledger, started())[0].writer
    path = own_file(ledger)
    backup = path.read_bytes()
    append(ledger, marked())
    path.write_bytes(backup)
    second = next_writer(ledger)
    assert second != first
    assert path.read_bytes() == backup
    assert ledger.writers().ids == {first, second}
    third = next_writer(ledger)
    assert third == second


def damage(ledger: Ledger, what: str) -> None:
    path = own_file(ledger)
    data = path.read_bytes()
    lines = data.splitlines()
    if what == "last line flipped":
        path.write_bytes(data.replace(b'"plan"', b'"plot"'))
    elif what == "last line replaced":
        path.write_bytes(b"".join(line + b"\n" for line in (*lines[:-1], tampered(lines[-1], {b"plan": b"plot"}))))
    elif what == "a line appended that is not chained":
        path.write_bytes(data + lines[-1] + b"\n")
    elif what == "junk appended":
        path.write_bytes(data + b"junk\n")
    elif what == "another writer's line appended":
        stranger = tampered(lines[-1], {lines[-1][65:75]: b"w-00000000"})
        path.write_bytes(data + stranger + b"\n")
    elif what == "file gone":
        path.unlink()
    elif what == "file a link":
        path.rename(path.with_suffix(".moved"))
        path.symlink_to(path.with_suffix(".moved"))
    elif what == "clock at its end":
        end = tampered(lines[-1], {b'"hlc":"1795314314123': b'"hlc":"9999999999999'})
        path.write_bytes(b"".join(line + b"\n" for line in (*lines[:-1], end)))
        change_state(ledger, seq=1, start=0, hash=json.loads(lines[-1])["prev"])
    else:
        change_state(ledger, **json.loads(what))


@pytest.mark.parametrize(
    "what",
    [
        "last line flipped",
        "last line replaced",
        "a line appended that is not chained",
        "junk appended",
        "another writer's line appended",
        "file gone",
        "file a link",
        "clock at its end",
        '{"seq": 1}',
        '{"start": 0}',
        '{"start": 3}',
        '{"hash": "' + "0" * 64 + '"}',
    ],
)
def test_a_file_that_does_not_fit_its_state_is_not_continued(tmp_path: Path, what: str) -> None:
    ledger = ledger_at(tmp_path)
    first = append(ledger, started(), marked())[0].writer
    damage(ledger, what)
    before = {path.name: path.read_bytes() for path in ledger.place.home.glob("*.ndjson")}
    second = next_writer(ledger)
    assert second != first
    assert before.items() <= {path.name: path.read_bytes() for path in ledger.place.home.glob("*.ndjson")}.items()
    assert ledger.writers().ids == {first, second}
    assert next_writer(ledger) == second


@pytest.mark.parametrize(
    "garbage",
    [
        "",
        "{",
        "[]",
        "null",
        '"text"',
        "[" * 100_000,
        "{}",
        '{"mark": 1}',
        '{"seq": "1"}',
        '{"seq": -1}',
        '{"start": true}',
        '{"hash": "x"}',
        '{"hash": 1}',
        '{"writer": "w-00000000"}',
        '{"formerly": ["x"]}',
        '{"formerly": [1]}',
        '{"formerly": 1}',
        '{"mark": {"path": 1, "inode": 1}}',
        '{"mark": {"path": "/", "inode": null}}',
    ],
)
def test_a_garbage_state_gives_a_new_writer(tmp_path: Path, garbage: str) -> None:
    ledger = ledger_at(tmp_path)
    first = append(ledger, started())[0].writer
    path = state_file(ledger)
    record = json.loads(path.read_text())
    try:
        path.write_text(json.dumps({**record, **json.loads(garbage)} if len(garbage) > 2 else json.loads(garbage)))
    except (ValueError, TypeError, RecursionError):
        path.write_text(garbage)
    assert ledger.writers() == Writers(None, frozenset({first}))
    second = next_writer(ledger)
    assert second != first
    assert ledger.writers().ids == {first, second}


def test_a_state_that_is_no_file(tmp_path: Path) -> None:
    ledger = ledger_at(tmp_path)
    first = append(ledger, started())[0].writer
    path = state_file(ledger)
    path.unlink()
    os.mkfifo(path)
    assert next_writer(ledger) != first


def test_two_states_that_both_claim_the_clone_are_both_former(tmp_path: Path) -> None:
    ledger = ledger_at(tmp_path)
    first = append(ledger, started())[0].writer
    save(OS_FILES, ledger.place.home, State("w-00000001", mark_of(OS_FILES, ledger.place.identity)))
    assert ledger.writers() == Writers(None, frozenset({first, "w-00000001"}))
    third = next_writer(ledger)
    assert ledger.writers().ids == {first, "w-00000001", third}


def test_other_names_are_no_states(tmp_path: Path) -> None:
    ledger = ledger_at(tmp_path)
    first = append(ledger, started())[0].writer
    for name in ("w-1.state.json", "x.state.json", ".w-00000000.state.json.new"):
        (ledger.place.home / name).write_text("{}")
    assert ledger.writers().ids == {first}


def test_an_identity_that_is_gone(tmp_path: Path) -> None:
    assert mark_of(OS_FILES, tmp_path / "none").inode == 0
    assert survey(OS_FILES, tmp_path / "none", tmp_path / "none") == Writers(None, frozenset())


def test_a_random_source_that_repeats_itself(tmp_path: Path) -> None:
    class Stuck:
        def bits(self, count: int) -> int:
            return 1 << count >> 1

    (tmp_path / "w-80000000.ndjson").touch()
    with pytest.raises(LedgerError, match="no new writer"):
        take_up(OS_FILES, tmp_path, tmp_path, Stuck())


def test_a_torn_tail_does_not_change_the_writer(tmp_path: Path) -> None:
    ledger = ledger_at(tmp_path)
    first = append(ledger, started())[0].writer
    with own_file(ledger).open("ab") as file:
        file.write(b'{"v":1,"id"')
    assert codes(ledger.read().problems) == ["torn-tail"]
    assert next_writer(ledger) == first
    assert ledger.read().problems == ()


def test_directories_are_synced_until_an_append_was_acknowledged(tmp_path: Path) -> None:
    """The process that made them may have been killed before it had synced them."""

    def synced() -> int:
        files = FaultyFiles()
        append(replace(ledger_at(tmp_path), files=files), marked())
        return files.calls.count("sync_directory")

    with pytest.raises(CrashError):
        append(replace(ledger_at(tmp_path), files=_KilledBeforeSync()), started())
    assert own_file(ledger_at(tmp_path)).read_bytes().count(b"\n") == 1
    assert synced() > 1
    assert synced() == 0


class _KilledBeforeSync(FaultyFiles):
    """Files of a process that is killed when its first line is written."""

    def sync(self, descriptor: int) -> None:
        self.dead = "sync" in self.calls  # the one before was that of the writer's state
        super().sync(descriptor)
