"""What is handed out while the files are read is what a reading of everything holds, or it is told to be void."""

from __future__ import annotations

import sys
from collections import defaultdict
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from ledger.ledgers import (
    WRITER,
    FaultyFiles,
    codes,
    line_of,
    lines_of,
    tampered,
    write_lines,
)
from ledger.test_reading import EVENT
from tallybook.ledger import stream as module
from tallybook.ledger.file import OS_FILES, FileSystem, OsFiles
from tallybook.ledger.position import Position
from tallybook.ledger.proof import PROVEN
from tallybook.ledger.reading import read
from tallybook.ledger.stream import stream
from worlds import messy_events, worlds

if TYPE_CHECKING:
    from pathlib import Path

    from tallybook.domain.events import Event


def streamed(base: Path, files: FileSystem = OS_FILES) -> tuple[Position | None, list[Event]]:
    """The position and all that was handed out, of ``base/home`` and ``base/metrics``."""
    events: list[Event] = []
    return stream(files, (base / "home", base / "metrics"), events.append), events


def assert_all_there(base: Path) -> Position:
    """What a reading holds was handed out; the position."""
    position, events = streamed(base)
    reading = read(OS_FILES, (base / "home", base / "metrics"))
    assert position is not None
    assert position == reading.position
    assert (tuple(events), position.newer) == (reading.events, reading.newer)
    assert position.problems == reading.problems
    return position


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(st.one_of(messy_events(), worlds().map(lambda world: world.book.events)), st.data())
def test_what_is_handed_out_is_what_a_reading_holds(
    tmp_path_factory: pytest.TempPathFactory, some: list[Event], data: st.DataObject
) -> None:
    base = tmp_path_factory.mktemp("stream")
    files: dict[tuple[str, str], list[bytes]] = defaultdict(list)
    shuffled = data.draw(st.booleans())
    for line in lines_of(some):
        place = data.draw(st.sampled_from(["home", "home", "home", "metrics"])) if shuffled else "home"
        copies = 1 + (shuffled and data.draw(st.integers(0, 9)) == 0)
        files[place, line.partition(b'"writer":"')[2][:10].decode()] += [line] * copies
    for (place, writer), lines in files.items():
        write_lines(base / place / f"{writer}.ndjson", lines)
    position, _ = streamed(base)
    assert shuffled or position is not None
    if position is not None:
        assert_all_there(base)


def numbered(number: int, writer: str = WRITER, kind: bytes = b"stage_marked") -> bytes:
    """A line that comes after those with lower numbers."""
    time = f"1795314314{number:03}-0000"
    event = replace(EVENT, id=f"{EVENT.id[:-3]}{number:03x}", writer=writer, seq=number, hlc=time)
    return tampered(line_of(event), {b'"stage_marked"': b'"%b"' % kind})


def test_the_events_of_many_writers_are_woven_together(tmp_path: Path) -> None:
    for writer in range(3):
        lines = [numbered(number, f"w-{writer:08x}") for number in range(1 + writer, 30, 3)]
        write_lines(tmp_path / ("home", "home", "metrics")[writer] / f"w-{writer:08x}.ndjson", lines)
    position = assert_all_there(tmp_path)
    assert [event.seq for event in streamed(tmp_path)[1]] == list(range(1, 30))
    assert (position.last[2], position.published, position.elsewhere({"w-00000000": 4, "w-00000001": 99})) == (
        29,
        9,
        23,
    )


def test_a_published_copy_has_no_event_of_its_own(tmp_path: Path) -> None:
    write_lines(tmp_path / "home" / "w-1.ndjson", [numbered(1), numbered(2)])
    write_lines(tmp_path / "metrics" / "w-1.ndjson", [numbered(1)])
    assert [head.mark.lines for head in assert_all_there(tmp_path).heads] == [2, 1]


def test_faults_and_strange_lines_stop_nothing(tmp_path: Path) -> None:
    newer = tampered(numbered(3), {b'"v":1': b'"v":9', b'"stage":': b'"mood":1,"stage":'})
    bad = [b"", tampered(numbered(4), {b'"plan"': b"1"}), numbered(4).replace(b"plan", b"plot")]
    lines = [numbered(1, kind=b"stage_sung"), b"", numbered(2), newer, *bad, numbered(5)]
    path = tmp_path / "home" / "w-1.ndjson"
    write_lines(path, lines)
    with path.open("ab") as file:
        file.write(b"torn")
    position = assert_all_there(tmp_path)
    assert codes(position.problems) == ["bad-body", "bad-sum", "no-sum", "no-sum", "torn-tail"]
    starts = [sum(len(line) + 1 for line in lines[:number]) for number in (1, 4, 5, 6, 8)]
    assert [problem.where.byte for problem in position.problems] == starts
    assert [problem.where.line for problem in position.problems] == [2, 5, 6, 7, 9]
    assert position.newer == 1


def test_a_missing_or_empty_ledger_is_one_too(tmp_path: Path) -> None:
    assert streamed(tmp_path) == (Position(), [])
    write_lines(tmp_path / "home" / "w-1.ndjson", [])
    assert_all_there(tmp_path)


@pytest.mark.parametrize(
    "files",
    [
        {"home/w-1": [numbered(2), numbered(1)]},
        {"home/w-1": [numbered(1), numbered(1)]},
        {"home/w-1": [numbered(1)], "home/w-2": [numbered(1)]},
        {"home/w-1": [numbered(1)], "home/w-2": [tampered(numbered(2), {numbered(2)[13:49]: numbered(1)[13:49]})]},
        {"home/w-1": [numbered(1), b""], "metrics/w-1": [numbered(1)]},
        {"home/w-1": [numbered(1)], "metrics/w-1": [numbered(1), numbered(2)]},
        {"home/w-1": [numbered(1)], "metrics/w-2": [numbered(2), b""]},
    ],
    ids=["order", "twice", "two files", "one id", "copy of damage", "longer copy", "damaged copy"],
)
def test_all_else_is_void(tmp_path: Path, files: dict[str, list[bytes]]) -> None:
    for name, lines in files.items():
        write_lines(tmp_path / f"{name}.ndjson", lines)
    assert streamed(tmp_path)[0] is None


def test_more_files_than_can_be_open_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in (1, 2):
        write_lines(tmp_path / "home" / f"w-{number}.ndjson", [numbered(number)])
    assert_all_there(tmp_path)
    monkeypatch.setattr(module, "_MOST_FILES", 1)
    assert streamed(tmp_path) == (None, [])


@pytest.mark.parametrize("at", range(7))
def test_what_can_not_be_read_makes_it_void(tmp_path: Path, at: int) -> None:
    write_lines(tmp_path / "home" / "w-1.ndjson", [numbered(1)])
    assert streamed(tmp_path, FaultyFiles(at, 13))[0] is None


def test_each_line_is_read_and_looked_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "home" / "w-1.ndjson"
    write_lines(path, [numbered(number) for number in range(1, 1000)])

    class Counting(OsFiles):
        size = 0

        def read(self, descriptor: int, count: int, offset: int) -> bytes:
            found = super().read(descriptor, count, offset)
            self.size += len(found)
            return found

    def unwanted(_: bytes) -> None:
        raise AssertionError

    monkeypatch.setattr(module, "parse", unwanted)
    files = Counting()
    position, events = streamed(tmp_path, files)
    assert position is not None
    assert len(events) == 999
    assert files.size <= path.stat().st_size + PROVEN


def test_no_event_is_kept(tmp_path: Path) -> None:
    write_lines(tmp_path / "home" / "w-1.ndjson", [numbered(number) for number in range(1, 100)])
    counts = []
    stream(OS_FILES, (tmp_path / "home",), lambda event: counts.append(sys.getrefcount(event.body)))
    assert len(counts) == 99
    assert max(counts) <= 3, "the event, the argument of the count, and nobody else"
