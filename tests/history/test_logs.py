"""Every fate of a log: what is opened, what is kept, and what is told."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from backports.zstd import compress

from history.fake import FakeReader, World
from history.fake import lines as encoded
from tallybook.history.contents import PROOF
from tallybook.history.ingest import ingest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from tallybook.agents.port import Batch, Line, LogFile
    from tallybook.history.ingest import IngestReport

BIG: dict[str, object] = {"id": "big", "pad": "x" * 3 * PROOF}


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


@pytest.fixture
def opened(world: World, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the logs that are opened from now on."""
    names: list[str] = []
    real = os.open

    def spy(path: Path, flags: int, mode: int = 0o777) -> int:
        if str(path).startswith(str(world.logs)):
            names.append(Path(path).name)
        return real(path, flags, mode)

    monkeypatch.setattr(os, "open", spy)
    return names


def keys(world: World) -> list[object]:
    return [row[1] for row in world.dump()["responses"]]


def codes(report: IngestReport) -> list[str]:
    return [problem.code for problem in report.problems]


def test_an_unchanged_log_is_not_opened_and_a_grown_one_is_read_from_its_cursor(
    world: World, opened: list[str]
) -> None:
    world.write("a", BIG)
    world.write("b", {"id": "r2"})
    first = world.ingest()
    assert (first.files_seen, first.files_read, first.bytes_read) == (2, 2, sum(p.stat().st_size for p in _all(world)))
    assert sorted(opened) == ["a.log", "b.log"]
    opened.clear()
    assert world.ingest().files_read == 0
    assert opened == []
    world.append("a", {"id": "r3"})
    grown = world.ingest()
    assert opened == ["a.log"]
    assert (grown.files_read, grown.bytes_read) == (1, len(encoded({"id": "r3"})))
    assert keys(world) == ["big", "r2", "r3"]


def test_a_moved_log_is_followed_without_being_opened(world: World, opened: list[str]) -> None:
    path = world.write("a", {"id": "r1"})
    world.ingest()
    opened.clear()
    moved = world.path("a", "archive")
    moved.parent.mkdir()
    path.rename(moved)
    world.ingest()
    assert opened == []
    with world.store() as store:
        assert store.rows("SELECT path, gone FROM source") == [(os.fsencode(moved), 0)]


def test_a_log_that_moved_while_it_grew_goes_on_at_its_cursor(world: World) -> None:
    path = world.write("a", BIG)
    world.ingest()
    moved = world.put(world.path("a", "archive"), path.read_bytes() + encoded({"id": "r2"}))
    path.unlink()
    assert world.ingest().bytes_read == len(encoded({"id": "r2"}))
    assert moved.exists()
    assert world.dump() == world.cold()


@pytest.mark.parametrize("rows", [(BIG,), ({"id": "small"},), ()])
def test_a_compressed_log_goes_on_where_the_plain_one_ended_and_back(
    world: World, rows: tuple[dict[str, object], ...]
) -> None:
    path = world.write("a", *rows)
    world.ingest()
    packed = world.compress(path)
    assert world.ingest().bytes_read == 0
    world.put(path, path.read_bytes() if path.exists() else encoded(*rows, {"id": "r2"}))
    packed.unlink()
    assert world.ingest().bytes_read == len(encoded({"id": "r2"}))
    assert world.dump() == world.cold()


def test_a_compressed_log_is_read_cold_and_another_content_under_its_name_afresh(world: World) -> None:
    packed = world.compress(world.write("a", BIG, {"id": "r1"}))
    world.ingest()
    assert keys(world) == ["big", "r1"]
    world.put(packed, compress(encoded({**BIG, "other": 1}, {"id": "r2"}, {"id": "r3"}, {"id": "a longer log"})))
    world.ingest()
    assert keys(world) == ["a longer log", "big", "r2", "r3"]
    assert world.dump() == world.cold()


def test_a_plain_log_that_does_not_continue_its_compressed_twin_is_read_afresh(world: World) -> None:
    packed = world.compress(world.write("a", BIG, {"id": "r1"}))
    world.ingest()
    packed.unlink()
    world.write("a", BIG, {"id": "another response with a long id"})
    world.ingest()
    assert keys(world) == ["another response with a long id", "big"]


@pytest.mark.parametrize(
    "rows",
    [
        [BIG],  # shrunk
        [{"id": "r9"}, BIG, {"id": "r2"}],  # another head
        [BIG, {"id": "r9"}, {"id": "r3"}],  # another tail
        [BIG, {"id": "r9"}],  # of the same size
    ],
)
def test_a_log_that_is_not_what_it_was_is_read_afresh(world: World, rows: list[dict[str, object]]) -> None:
    world.write("a", BIG, {"id": "r2"})
    world.ingest()
    world.write("a", *rows)
    world.ingest()
    assert keys(world) == sorted(str(row["id"]) for row in rows)
    assert world.dump() == world.cold()


def test_a_log_rewritten_in_its_middle_without_a_change_of_size_is_read_afresh(world: World) -> None:
    world.write("a", BIG, {"id": "r1"}, BIG)
    world.ingest()
    world.write("a", BIG, {"id": "r2"}, BIG)
    world.ingest()
    assert keys(world) == ["big", "r2"]


def test_a_vanished_log_keeps_its_facts_and_may_come_back(world: World, opened: list[str]) -> None:
    path = world.write("a", {"id": "r1"}, {"fact": {"cwd": "/x"}})
    world.ingest()
    away = path.rename(world.root / "a.log")
    assert world.ingest().files_seen == 0
    assert keys(world) == ["r1"]
    assert [row[-1] for row in world.dump()["sources"]] == [1]
    away.rename(path)
    opened.clear()
    world.ingest()
    assert opened == []
    assert world.dump() == world.cold()


def test_another_version_of_the_reader_reads_everything_anew(world: World) -> None:
    world.write("a", {"id": "r1"})
    world.ingest(FakeReader("1"))
    world.append("a", {"id": "r2"})
    reader = FakeReader("2")
    report = world.ingest(reader)
    assert (reader.reads, report.bytes_read) == (["a"], world.path("a").stat().st_size)
    assert keys(world) == ["r1", "r2"]


def test_what_an_older_version_counted_in_a_log_now_gone_stays_until_it_is_counted_elsewhere(world: World) -> None:
    world.write("kept", {"id": "r1", "group": "g"})
    gone = world.write("gone", {"id": "r2", "group": "g"}, {"id": "r3", "group": "g"})
    world.ingest(FakeReader("1"))
    gone.unlink()
    world.ingest(FakeReader("2"))
    assert [(row[1], row[3]) for row in world.dump()["responses"]] == [("r1", "kept"), ("r2", "gone"), ("r3", "gone")]
    world.append("kept", {"id": "r3", "group": "g"})
    world.ingest(FakeReader("2"))
    assert [(row[1], row[3]) for row in world.dump()["responses"]] == [("r1", "kept"), ("r2", "gone"), ("r3", "kept")]


def test_a_torn_last_line_waits_for_its_end(world: World) -> None:
    world.write("a", {"id": "r1"}, b'{"id": ')
    assert world.ingest().bytes_read == len(encoded({"id": "r1"}))
    world.append("a", b'"r2"')
    assert world.ingest().bytes_read == 0
    world.append("a", b"}\n")
    world.ingest()
    assert keys(world) == ["r1", "r2"]
    assert world.dump() == world.cold()


def test_bad_overlong_and_unknown_lines_are_counted_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tallybook.agents.lines.LONGEST_LINE", 100)
    world.write("a", b"{bad\n", b"x" * 200 + b"\n", {"novel": 1}, {"id": "r1"})
    report = world.ingest()
    assert (report.bad_lines, report.unknown_records) == (2, 1)
    world.append("a", b"y" * 200 + b"\n")
    assert world.ingest().bad_lines == 1
    assert [row[7:9] for row in world.dump()["sources"]] == [(3, 1)]
    assert world.dump() == world.cold()


def test_logs_that_cannot_be_read_are_told_of_and_the_others_are_read(world: World) -> None:
    world.write("good", {"id": "r1"})
    os.mkfifo(world.path("pipe"))
    world.path("loop").symlink_to(world.path("loop"))
    world.path("nothing").symlink_to(world.root / "nowhere")
    world.path("device").symlink_to("/dev/null")
    world.put(world.path("zip").with_name("zip.log.zst"), b"no zstd at all")
    world.put(world.path("cut").with_name("cut.log.zst"), compress(encoded(BIG))[:-5])
    report = world.ingest()
    assert codes(report) == ["unreadable-log"] * 5
    assert all(problem.where.file for problem in report.problems)
    assert keys(world) == ["r1"]


def test_a_log_without_permission_keeps_what_is_known_of_it(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    path = world.write("a", {"id": "r1"})
    world.ingest()
    world.append("a", {"id": "r2"})
    real = os.open

    def refuse(name: str, flags: int, mode: int = 0o777) -> int:
        if name == str(path):
            raise PermissionError(13, "Permission denied")
        return real(name, flags, mode)

    with monkeypatch.context() as patch:
        patch.setattr(os, "open", refuse)
        report = world.ingest()
    assert [problem.message for problem in report.problems] == ["the log was not read: Permission denied"]
    assert [(row[1]) for row in world.dump()["responses"]] == ["r1"]
    assert [row[-1] for row in world.dump()["sources"]] == [0]
    world.ingest()
    assert keys(world) == ["r1", "r2"]


def test_a_pipe_that_takes_the_place_of_a_log_after_stat_is_not_waited_for(world: World) -> None:
    path = world.write("a", {"id": "r1"})

    class Swapping(FakeReader):
        def discover(self, environ: Mapping[str, str]) -> Iterator[LogFile]:
            for log in super().discover(environ):
                yield log
                path.unlink()
                os.mkfifo(path)

    assert codes(world.ingest(Swapping())) == ["unreadable-log"]


def test_a_log_that_shrinks_while_it_is_read_is_left_for_the_next_time(world: World) -> None:
    path = world.write("a", {"id": "r1"}, {"id": "r2"})

    class Shrinking(FakeReader):
        def read(self, log: LogFile, lines: Iterable[Line], state: bytes) -> Batch:
            result = super().read(log, lines, state)
            os.truncate(path, len(encoded({"id": "r1"})))
            return result

    assert codes(world.ingest(Shrinking())) == ["unreadable-log"]
    assert keys(world) == []
    world.ingest()
    assert world.dump() == world.cold()
    assert keys(world) == ["r1"]


def test_a_log_that_grows_while_it_is_read_is_looked_at_again(world: World) -> None:
    world.write("a", {"id": "r1"})

    class Growing(FakeReader):
        def read(self, log: LogFile, lines: Iterable[Line], state: bytes) -> Batch:
            result = super().read(log, lines, state)
            world.append("a", {"id": "r2"})
            return result

    world.ingest(Growing())
    world.ingest()
    assert keys(world) == ["r1", "r2"]
    assert world.dump() == world.cold()


def test_moments_counts_and_names_beyond_reason_break_nothing(world: World) -> None:
    world.write(
        "a",
        {"id": "r1", "at": 10**30, "tokens": {"input": 5}},
        {"id": "r2", "at": -1, "tokens": {"input": 5}},
        {"id": "r3", "tokens": {"input": 10**400}},
        {"id": "\ud800", "session": "\udfff", "group": "\ud800", "tokens": {"input": 5}},
        {"fact": {"born_at": 10**40, "cwd": "/\ud800"}},
        b'{"pending": "\\ud800"}\n',
    )
    report = world.ingest()
    assert codes(report) == ["impossible-count"]
    assert [row[1] for row in world.dump()["responses"]] == ["\\ud800", "r1", "r2"]
    assert {row[5] for row in world.dump()["responses"]} == {None}


def test_names_of_logs_need_not_be_text(world: World) -> None:
    world.put(Path(os.fsdecode(os.fsencode(world.logs) + b"/live/\xff.log")), b"")
    path = world.put(Path(os.fsdecode(os.fsencode(world.logs) + b"/live/\xfe.log")), encoded({"id": "r1"}))
    world.ingest()
    assert world.ingest().files_read == 0
    world.put(path, encoded({"id": "r1"}, {"id": "r2"}))
    assert world.ingest().bytes_read == len(encoded({"id": "r2"}))


def test_progress_tells_bytes_and_ends_at_the_total(world: World) -> None:
    world.write("a", BIG)
    world.write("b", {"id": "r1"})
    told: list[tuple[int, int]] = []
    with world.store() as store:
        ingest(store, [FakeReader()], world.environ, lambda done, total: told.append((done, total)))
    total = sum(path.stat().st_size for path in _all(world))
    assert told[-1] == (total, total)
    assert len(told) == 2


def _all(world: World) -> list[Path]:
    return sorted(world.logs.glob("*/*.log"))
