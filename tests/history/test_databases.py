"""Databases as logs: what has changed is asked for, the journal counts, and what was served stays."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from history.fake import FakeReader, World
from tallybook.agents.port import Batch, Line, LogFile, Occurrence, SessionFact, UnreadableRows
from tallybook.history import contents
from tallybook.history.contents import read_log

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from tallybook.history.ingest import IngestReport


class Databases(FakeReader):
    """A database is a JSON object of rows by id, and its journal another one that goes before; ``state`` is a copy."""

    most = 100

    def discover(self, environ: Mapping[str, str]) -> Iterator[LogFile]:
        for path in sorted(Path(environ["FAKE_HOME"]).glob("*/*.db")):
            yield LogFile(self.agent, path.stem, str(path), whole=True, journal=f"{path}-wal")

    def lines(self, log: LogFile, state: bytes) -> Iterator[Line]:
        self.reads.append(log.key)
        rows = json.loads(log.path.read_bytes())
        journal = Path(str(log.journal))
        rows |= json.loads(journal.read_bytes()) if journal.exists() else {}
        known = json.loads(state or b"{}")
        for key, row in rows.items():
            if row == "torn":
                message = "it is damaged"
                raise UnreadableRows(message)
            if known.get(key) != row:
                yield Line(0, json.dumps([key, row]).encode())

    def read(self, log: LogFile, lines: Iterable[Line], state: bytes) -> Batch:
        known = json.loads(state or b"{}")
        found: list[Occurrence] = []
        more = False
        for line in lines:
            if len(found) == self.most:
                more = True
                break
            key, row = json.loads(line.raw)
            known[key] = row
            fact = {"id": key, "session": log.key, "tokens": {"output": row}, "count": 1}
            found.append(Occurrence(f"{log.key}/{key}", len(known), None, json.dumps(fact).encode()))
        return Batch(tuple(found), (SessionFact(log.key),), state=json.dumps(known).encode(), more=more)


class Shelf(World):
    """A place with databases."""

    def save(self, key: str, rows: Mapping[str, object], *, journal: bool = False) -> Path:
        path = self.put(self.logs / "live" / f"{key}.db{'-wal' * journal}", json.dumps(rows).encode())
        self.age(path)
        return path

    def age(self, path: Path) -> None:
        """Let it be written a while ago, at a moment of its own."""
        self.moment = getattr(self, "moment", time.time_ns() - 10**12) + 10**9
        os.utime(path, ns=(self.moment, self.moment))

    def look(self, reader: FakeReader | None = None) -> IngestReport:
        return self.ingest(reader or Databases())

    def outputs(self) -> dict[object, object]:
        return {row[1]: row[13] for row in self.dump()["responses"]}


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(tmp_path)


def messages(report: IngestReport) -> list[str]:
    return [problem.message for problem in report.problems]


def test_only_what_has_changed_is_read_again(shelf: Shelf) -> None:
    shelf.save("a", {"r1": 1, "r2": 2})
    first = shelf.look()
    assert (first.files_read, first.bytes_read > 0, shelf.outputs()) == (1, True, {"r1": 1, "r2": 2})
    shelf.save("a", {"r1": 1, "r2": 5, "r3": 3})
    second = shelf.look()
    assert second.bytes_read == len('["r2", 5]["r3", 3]')
    assert shelf.outputs() == {"r1": 1, "r2": 5, "r3": 3}


def test_a_database_that_is_as_it_was_costs_no_opening(shelf: Shelf) -> None:
    shelf.save("a", {"r1": 1})
    shelf.save("a", {}, journal=True)
    reader = Databases()
    shelf.look(reader)
    assert shelf.look(reader).files_read == 0
    assert reader.reads == ["a"]


@pytest.mark.parametrize("first", [None, {}, {"r2": 7}])
def test_what_stands_in_the_journal_alone_is_seen(shelf: Shelf, first: dict[str, int] | None) -> None:
    shelf.save("a", {"r1": 1})
    if first is not None:
        shelf.save("a", first, journal=True)
    shelf.look()
    shelf.save("a", {"r2": 2}, journal=True)
    shelf.look()
    assert shelf.outputs() == {"r1": 1, "r2": 2}


def test_rows_that_are_gone_were_served_and_stay(shelf: Shelf) -> None:
    path = shelf.save("a", {"r1": 1, "r2": 2})
    shelf.look()
    shelf.save("a", {"r3": 3})
    shelf.look()
    assert shelf.outputs() == {"r1": 1, "r2": 2, "r3": 3}
    path.unlink()
    shelf.look()
    assert shelf.outputs() == {"r1": 1, "r2": 2, "r3": 3}


def test_another_database_in_its_place_is_read_whole(shelf: Shelf) -> None:
    path = shelf.save("a", {"r1": 1, "r2": 2})
    shelf.look()
    other = shelf.put(path.with_suffix(".new"), json.dumps({"r1": 1, "r2": 2, "r3": 3}).encode())
    shelf.age(other)
    other.replace(path)
    assert shelf.look().bytes_read == 3 * len('["r1", 1]')
    assert shelf.outputs() == {"r1": 1, "r2": 2, "r3": 3}


def test_another_version_of_the_reader_reads_all_of_it(shelf: Shelf) -> None:
    shelf.save("a", {"r1": 1, "r2": 2})
    shelf.look(Databases("1"))
    shelf.save("a", {"r2": 2})
    assert shelf.look(Databases("2")).bytes_read == len('["r2", 2]')
    assert shelf.outputs() == {"r1": 1, "r2": 2}


def test_a_database_that_cannot_be_read_is_told_of_and_read_again(shelf: Shelf) -> None:
    shelf.save("a", {"r1": 1})
    shelf.look()
    before = shelf.dump()
    shelf.save("a", {"r1": 4, "r2": "torn"})
    for _ in range(2):
        assert messages(shelf.look()) == ["the log was not read: it is damaged"]
    assert shelf.dump() == before
    shelf.save("a", {"r1": 4, "r2": 2})
    assert messages(shelf.look()) == []
    assert shelf.outputs() == {"r1": 4, "r2": 2}


def test_a_database_that_vanishes_while_it_is_read_is_told_of(shelf: Shelf) -> None:
    path = shelf.save("a", {"r1": 1})

    class Vanishing(Databases):
        def lines(self, log: LogFile, state: bytes) -> Iterator[Line]:
            path.unlink()
            return super().lines(log, state)

    assert messages(shelf.look(Vanishing())) == ["the log was not read: No such file or directory"]


@pytest.mark.parametrize("most", [1, 2, 3, 7])
def test_a_large_one_is_read_part_by_part_in_one_run(shelf: Shelf, most: int) -> None:
    shelf.save("a", {f"r{number}": number for number in range(7)})
    reader = Databases()
    reader.most = most
    report = shelf.look(reader)
    assert (report.files_read, len(reader.reads)) == (1, max(-(-7 // most), 1))
    assert shelf.outputs() == {f"r{number}": number for number in range(7)}
    assert shelf.look(reader).files_read == 0


def test_a_run_that_broke_off_between_two_parts_is_taken_up_again(shelf: Shelf) -> None:
    shelf.save("a", {"r1": 1, "r2": 2, "r3": 3})

    class Broken(Databases):
        most = 1

        def lines(self, log: LogFile, state: bytes) -> Iterator[Line]:
            if len(self.reads) == 2:
                message = "no more"
                raise UnreadableRows(message)
            return super().lines(log, state)

    assert messages(shelf.look(Broken())) == ["the log was not read: no more"]
    assert shelf.outputs() == {"r1": 1, "r2": 2}
    assert shelf.look().files_read == 1
    assert shelf.outputs() == {"r1": 1, "r2": 2, "r3": 3}


def test_one_that_was_written_just_now_is_looked_at_again(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    """A change within the same tick of the clock moves neither time nor size."""
    path = shelf.save("a", {"r1": 1})
    status = path.stat()
    monkeypatch.setattr(contents, "SETTLED", time.time_ns())
    shelf.look()
    shelf.put(path, json.dumps({"r1": 2}).encode())
    os.utime(path, ns=(status.st_mtime_ns, status.st_mtime_ns))
    monkeypatch.undo()
    assert shelf.look().files_read == 1
    assert shelf.outputs() == {"r1": 2}
    assert shelf.look().files_read == 0


def test_a_database_that_nobody_knows_is_read_by_itself(shelf: Shelf) -> None:
    path = shelf.save("a", {"r1": 1})
    reader = Databases()
    reading = read_log(reader, LogFile("fake", "a", str(path), whole=True, journal=f"{path}-wal"), None)
    assert reading.batch is not None
    assert [row.group for row in reading.batch.occurrences] == ["a/r1"]
    assert reading.mark.revision == 0


def test_a_row_that_changes_in_a_large_one_costs_its_piece_alone(shelf: Shelf) -> None:
    """What the store holds is that of a cold look, and it does not fall to pieces."""
    rows: dict[str, object] = {f"r{number}": 1 for number in range(5000)}
    shelf.save("a", rows)
    reader = Databases()
    reader.most = 10_000
    shelf.look(reader)
    with shelf.store() as store:
        whole = store.rows("SELECT count(*) FROM piece")
    for number in range(40):
        rows[f"r{number * 97}"] = number
        rows[f"n{number}"] = 1
        shelf.save("a", rows)
        shelf.look(reader)
    with shelf.store() as store:
        ((pieces,),) = store.rows("SELECT count(*) FROM piece")
    assert pieces <= whole[0][0] + 2
    cold = Shelf(shelf.root)
    cold.data = shelf.root / "cold"
    cold.look(reader)
    assert shelf.outputs() == cold.outputs() == rows
    assert len(shelf.dump()["occurrences"]) == len(rows)
