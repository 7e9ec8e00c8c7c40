"""Reading depends on the set of lines alone, and nothing that a file can hold stops it."""

from __future__ import annotations

import os
import random
from itertools import permutations
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from ledger.ledgers import (
    FaultyFiles,
    append,
    codes,
    finished,
    ledger_at,
    line_of,
    marked,
    own_file,
    started,
    tampered,
    write_lines,
)
from strategies import events
from tallybook.domain.events import Event, StageMarked, UnknownBody
from tallybook.domain.problems import Where
from tallybook.ledger.file import OS_FILES, OsFiles
from tallybook.ledger.line import LONGEST_LINE
from tallybook.ledger.position import Position
from tallybook.ledger.reading import Reading, read

if TYPE_CHECKING:
    from pathlib import Path

EVENT = Event(
    "01935f4e-8a7b-7c3d-9e2f-0123456789ab",
    "w-4f2a9c1e",
    1,
    "2026-11-22T02:25:14.123456Z",
    "1795314314123-0000",
    "g261122-k3f9x2ab",
    StageMarked("plan", "2026-11-22T02:25:14Z"),
)
LINE = line_of(EVENT)


def read_lines(base: Path, *files: list[bytes]) -> Reading:
    """What two directories give, the files dealt out to both."""
    for old in base.rglob("*.ndjson"):
        old.unlink()
    for number, lines in enumerate(files):
        write_lines(base / ("home", "metrics")[number % 2] / f"w-{number:08x}.ndjson", lines)
    return read(OS_FILES, (base / "home", base / "metrics"))


@settings(max_examples=60)
@given(st.lists(events, max_size=6, unique_by=lambda event: event.id), st.data())
def test_any_permutation_and_any_union_reads_the_same(tmp_path: Path, some: list[Event], data: st.DataObject) -> None:
    lines = [line_of(event) for event in some]
    straight = read_lines(tmp_path, lines)
    expected = tuple(sorted(some, key=lambda event: (event.hlc, event.writer, event.seq, event.id)))
    assert straight.events == expected
    assert (straight.problems, straight.lines) == ((), len(lines))
    copies = [data.draw(st.permutations(lines)) for _ in range(2)]
    cuts = [data.draw(st.integers(0, len(lines))) for _ in copies]
    parts = [copies[0][: cuts[0]], copies[1][: cuts[1]], copies[0][cuts[0] :], data.draw(st.permutations(lines))]
    assert read_lines(tmp_path, *parts).events == expected


@given(events, events)
def test_one_id_with_two_contents_reads_the_same_in_any_order(tmp_path: Path, one: Event, two: Event) -> None:
    two = replace(two, id=one.id)
    lines = [line_of(one), line_of(two)]
    found = [read_lines(tmp_path, list(order)) for order in permutations(lines)]
    assert found[0].events == found[1].events
    assert found[0].events[0].order == min(one.order, two.order)
    assert codes(found[0].problems) == (["id-conflict"] if one != two else [])


def test_one_event_in_two_chains_is_one_event(tmp_path: Path) -> None:
    other = tampered(LINE, {b'"prev":"0': b'"prev":"1'})
    assert read_lines(tmp_path, [LINE, other]).events == (EVENT,)
    assert read_lines(tmp_path, [LINE, other]).problems == ()


def test_conflicting_unknown_events_are_ordered_too(tmp_path: Path) -> None:
    two = replace(EVENT, seq=2)
    lines = [tampered(line_of(event), {b"stage_marked": b"stage_sung"}) for event in (EVENT, two)]
    found = [read_lines(tmp_path, list(order)) for order in permutations(lines)]
    assert found[0].events == found[1].events == (replace(EVENT, body=UnknownBody("stage_sung")),)
    assert found[0].unknown_types == {"stage_sung": 1}


@given(st.data())
@settings(max_examples=50)
def test_any_prefix_keeps_all_complete_records(tmp_path: Path, data: st.DataObject) -> None:
    lines = [LINE, line_of(replace(EVENT, id=EVENT.id[:-1] + "c", seq=2))]
    whole = b"".join(line + b"\n" for line in lines)
    cut = data.draw(st.integers(0, len(whole)))
    (tmp_path / "w-4f2a9c1e.ndjson").write_bytes(whole[:cut])
    reading = read(OS_FILES, (tmp_path,))
    count = whole[:cut].count(b"\n")
    assert [line_of(event) for event in reading.events] == lines[:count]
    assert codes(reading.problems) == ([] if whole[:cut].endswith(b"\n") or not cut else ["torn-tail"])


def test_a_cut_at_any_byte_loses_no_record_and_glues_nothing(tmp_path: Path) -> None:
    ledger = ledger_at(tmp_path)
    append(ledger, started())
    append(ledger, marked(), finished())
    path, state = own_file(ledger), next(ledger.place.home.glob("*.state.json"))
    whole, known = path.read_bytes(), state.read_bytes()
    lines = whole.splitlines(keepends=True)
    for cut in [*range(0, len(whole), 7), *(len(b"".join(lines[:number])) for number in (1, 2))]:
        for other in ledger.place.home.glob("w-*"):
            other.unlink()
        path.write_bytes(whole[:cut])
        state.write_bytes(known)
        count = whole[:cut].count(b"\n")
        assert len(ledger.read().events) == count
        fresh = append(ledger_at(tmp_path, seed=cut), marked("new"))[0]
        found = ledger.read()
        assert {event.id for event in found.events} > {event.id for event in ledger.read().events} - {fresh.id}
        assert len(found.events) == count + 1
        assert codes(found.problems) in ([], ["torn-tail"])


@given(st.lists(st.binary(max_size=40) | st.just(LINE), max_size=5))
def test_garbage_between_lines_never_raises(tmp_path: Path, pieces: list[bytes]) -> None:
    (tmp_path / "w-4f2a9c1e.ndjson").write_bytes(b"\n".join(pieces))
    reading = read(OS_FILES, (tmp_path,))
    assert reading.events == ((EVENT,) if LINE in pieces[:-1] else ())


@pytest.mark.parametrize(
    ("bad", "code"),
    [
        (b"", "no-sum"),
        (b"\x00" * 100, "no-sum"),
        (b"\xff\xfe", "no-sum"),
        (LINE.replace(b"plan", b"plot"), "bad-sum"),
        (b"x" * (LONGEST_LINE * 2 + 100), "line-too-long"),
        (LINE + b"\r", "no-sum"),
        (tampered(LINE, {b'"stage":"plan"': b'"stage":1'}), "bad-body"),
    ],
)
def test_one_bad_line_stops_nothing_and_has_its_place(tmp_path: Path, bad: bytes, code: str) -> None:
    other = line_of(replace(EVENT, id=EVENT.id[:-1] + "c", seq=2))
    reading = read_lines(tmp_path, [LINE, bad, other])
    assert len(reading.events) == 2
    (problem,) = reading.problems
    assert problem.code == code
    assert problem.where == Where(str(tmp_path / "home" / "w-00000000.ndjson"), 2, len(LINE) + 1)
    assert problem.hint
    assert reading.lines == 3


def test_what_is_newer_or_unknown_is_counted(tmp_path: Path) -> None:
    newer = tampered(LINE, {b'"v":1': b'"v":2', b'"stage":': b'"song":1,"stage":'})
    reading = read_lines(tmp_path, [newer], [newer])
    assert reading.events == (EVENT,)
    assert (reading.problems, reading.newer) == ((), 1)
    assert reading.unknown_members == {"stage_marked.song": 1}


@pytest.mark.parametrize("kind", ["fifo", "directory", "link", "loop", "device link"])
def test_what_is_no_file_is_a_problem(tmp_path: Path, kind: str) -> None:
    write_lines(tmp_path / "w-4f2a9c1e.ndjson", [LINE])
    path = tmp_path / "w-00000000.ndjson"
    if kind == "fifo":
        os.mkfifo(path)
    elif kind == "directory":
        path.mkdir()
    elif kind == "loop":
        path.symlink_to(path)
    else:
        path.symlink_to("/dev/zero" if kind == "device link" else tmp_path / "w-4f2a9c1e.ndjson")
    reading = read(OS_FILES, (tmp_path,))
    assert reading.events == (EVENT,)
    assert codes(reading.problems) == ["not-a-file"]
    assert reading.problems[0].where == Where(str(path))


@pytest.mark.parametrize(("at", "place"), [(0, "."), (1, "w-4f2a9c1e.ndjson"), (3, "w-4f2a9c1e.ndjson")])
def test_what_may_not_be_read_is_a_problem(tmp_path: Path, at: int, place: str) -> None:
    write_lines(tmp_path / "w-4f2a9c1e.ndjson", [LINE])
    reading = read(FaultyFiles(at, 13), (tmp_path,))
    assert (reading.events, codes(reading.problems)) == ((), ["unreadable"])
    assert reading.problems[0].where.file == str(tmp_path / place)


def test_a_missing_directory_is_an_empty_ledger(tmp_path: Path) -> None:
    assert ledger_at(tmp_path).read() == Reading(position=Position())


def test_home_and_published_copy_are_one_ledger(tmp_path: Path) -> None:
    ledger = ledger_at(tmp_path)
    append(ledger, started(), marked())
    write_lines(tmp_path / "metrics" / own_file(ledger).name, [own_file(ledger).read_bytes().splitlines()[0]])
    write_lines(tmp_path / "metrics" / "w-4f2a9c1e.ndjson", [LINE])
    reading = ledger.read()
    assert (len(reading.events), reading.lines, reading.problems) == (3, 4, ())
    place = replace(ledger.place, published=None)
    assert len(replace(ledger, place=place).read().events) == 2


@pytest.mark.parametrize("then", [LINE + b"\n", b"", LINE[:20]])
def test_a_line_that_is_being_written_gets_a_second_look(tmp_path: Path, then: bytes) -> None:
    path = tmp_path / "w-4f2a9c1e.ndjson"

    class Racing(OsFiles):
        looks = 0

        def read(self, descriptor: int, count: int, offset: int) -> bytes:
            self.looks += 1
            if self.looks == 2:
                path.write_bytes(then)
            return super().read(descriptor, count, offset)

    path.write_bytes(LINE[:20])
    reading = read(Racing(), (tmp_path,))
    assert len(reading.events) == then.count(b"\n")
    assert codes(reading.problems) == (["torn-tail"] if then == LINE[:20] else [])


def test_a_large_reading_in_any_order_is_the_same(tmp_path: Path) -> None:
    some = [replace(EVENT, id=f"{EVENT.id[:-4]}{number:04x}", seq=number + 1) for number in range(300)]
    lines = [line_of(event) for event in some]
    random.Random(1).shuffle(lines)
    assert read_lines(tmp_path, lines[:100], lines[50:250], lines[200:]).events == tuple(some)
