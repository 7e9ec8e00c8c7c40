"""Logs that are rewritten as a whole: what was served stays, whatever a later version leaves out, tears or repeats."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from backports.zstd import compress
from hypothesis import given, settings
from hypothesis import strategies as st

from history.fake import FakeReader, World
from tallybook.agents.port import Batch, LogFile, Occurrence, SessionFact
from tallybook.history.ingest import ingest

if TYPE_CHECKING:
    import random
    from collections.abc import Iterable, Iterator, Mapping

    from tallybook.agents.port import Line
    from tallybook.history.ingest import IngestReport


class Documents(FakeReader):
    """Every log is a JSON object ``{"session", "cwd", "rows"}``; a row's id is its identity."""

    def discover(self, environ: Mapping[str, str]) -> Iterator[LogFile]:
        for path in sorted(Path(environ["FAKE_HOME"]).glob("*/*.json*")):
            yield LogFile(self.agent, path.name.split(".")[0], str(path), path.suffix == ".zst", whole=True)

    def read(self, log: LogFile, lines: Iterable[Line], state: bytes) -> Batch:
        self.reads.append(log.key)
        (line,) = lines
        assert (line.offset, state) == (0, b"")
        try:
            document = json.loads(line.raw)
        except ValueError:
            return Batch(torn="it is not whole")
        session = document.get("session", log.key)
        found = [
            Occurrence(f"{session}/{row['id']}", nth, row.get("at"), json.dumps(self._fact(session, row)).encode())
            for nth, row in enumerate(document["rows"])
        ]
        links = tuple((f"{session}/{row['id']}", row["link"]) for row in document["rows"] if "link" in row)
        return Batch(tuple(found), (SessionFact(session, cwd=document.get("cwd")),), links, bad_lines=1)

    @staticmethod
    def _fact(session: str, row: dict[str, object]) -> dict[str, object]:
        return {**row, "session": session, "count": 1}


class Shelf(World):
    """A place with documents."""

    def save(self, key: str, *rows: dict[str, object], **more: object) -> Path:
        return self.put(self.logs / "live" / f"{key}.json", json.dumps({"rows": rows, **more}).encode())

    def look(self, reader: FakeReader | None = None, data: Path | None = None) -> IngestReport:
        return self.ingest(reader or Documents(), data)

    def keys(self) -> list[object]:
        return [row[1] for row in self.dump()["responses"]]


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(tmp_path)


def messages(report: IngestReport) -> list[str]:
    return [problem.message for problem in report.problems]


def test_a_document_without_a_newline_is_read_whole_and_unchanged_costs_no_opening(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = shelf.save("a", {"id": "r1"}, {"id": "r2"})
    first = shelf.look()
    assert (first.files_read, first.bytes_read, first.bad_lines) == (1, path.stat().st_size, 1)
    assert shelf.keys() == ["r1", "r2"]
    opened: list[object] = []
    real = os.open

    def spy(name: Path, flags: int, mode: int = 0o777) -> int:
        opened.append(name)
        return real(name, flags, mode)

    with monkeypatch.context() as patch:
        patch.setattr(os, "open", spy)
        assert shelf.look().files_read == 0
    assert path not in opened


def test_a_changed_document_is_read_afresh_and_its_counts_are_replaced(shelf: Shelf) -> None:
    shelf.save("a", {"id": "r1", "tokens": {"output": 1}})
    shelf.look()
    shelf.save("a", {"id": "r1", "tokens": {"output": 5}}, {"id": "r2"})
    assert shelf.look().bad_lines == 1
    assert {row[1]: row[13] for row in shelf.dump()["responses"]} == {"r1": 5, "r2": 1}
    assert [row[7] for row in shelf.dump()["sources"]] == [1]
    assert shelf.dump()["responses"] == _cold(shelf)["responses"]
    assert shelf.dump()["occurrences"] == _cold(shelf)["occurrences"]


def test_a_document_written_anew_with_the_same_bytes_is_not_read_again(shelf: Shelf) -> None:
    path = shelf.save("a", {"id": "r1"})
    shelf.look()
    shelf.touch(path)
    reader = Documents()
    assert (shelf.look(reader).bytes_read, reader.reads) == (0, [])
    assert shelf.look(reader).files_read == 0
    assert [row[7] for row in shelf.dump()["sources"]] == [1]


def test_what_a_later_version_leaves_out_was_served_and_stays_once(shelf: Shelf) -> None:
    shelf.save("a", {"id": "r1"}, {"id": "r2"}, {"id": "r3", "link": "far"}, cwd="/x")
    shelf.look()
    shelf.save("a", {"id": "r1"}, {"id": "r4"})
    shelf.look()
    assert shelf.keys() == ["r1", "r2", "r3", "r4"]
    assert [(row[0], row[1]) for row in shelf.dump()["links"]] == [("a/r3", "far"), ("far", "a/r3")]
    shelf.save("a", {"id": "r3"}, {"id": "r2"}, {"id": "r1"}, {"id": "r4"})
    shelf.look()
    assert shelf.keys() == ["r1", "r2", "r3", "r4"]
    shelf.save("a")
    shelf.look()
    assert shelf.keys() == ["r1", "r2", "r3", "r4"]


def test_a_document_that_tells_of_another_session_leaves_the_first_as_it_was(shelf: Shelf) -> None:
    shelf.save("a", {"id": "r1"}, session="one", cwd="/one")
    shelf.look()
    shelf.save("a", {"id": "r2"}, session="two", cwd="/two")
    shelf.look()
    assert [(row[0], row[5]) for row in shelf.dump()["sessions"]] == [("one", "/one"), ("two", "/two")]
    shelf.save("a", {"id": "r2"}, session="two", cwd="/three")
    shelf.look()
    assert [(row[0], row[5]) for row in shelf.dump()["sessions"]] == [("one", "/one"), ("two", "/three")]


@pytest.mark.parametrize("torn", [b"", b'{"rows": [', b'{"rows": []}{'])
def test_a_torn_document_is_told_of_keeps_what_was_known_and_is_read_again(shelf: Shelf, torn: bytes) -> None:
    path = shelf.save("a", {"id": "r1"})
    shelf.look()
    before = shelf.dump()
    shelf.put(path, torn)
    for _ in range(2):
        report = shelf.look()
        assert messages(report) == ["the log was not read: it is not whole"]
        assert report.files_read == 0
    assert shelf.dump() == before
    shelf.save("a", {"id": "r1"}, {"id": "r2"})
    assert messages(shelf.look()) == []
    assert shelf.keys() == ["r1", "r2"]


def test_a_document_torn_at_first_sight_is_no_known_log(shelf: Shelf) -> None:
    shelf.put(shelf.logs / "live" / "a.json", b"{")
    shelf.look()
    assert shelf.dump()["sources"] == []


def test_a_document_that_changes_while_it_is_read_waits_for_the_next_time(shelf: Shelf) -> None:
    path = shelf.save("a", {"id": "r1"})

    class Changing(Documents):
        def read(self, log: LogFile, lines: Iterable[Line], state: bytes) -> Batch:
            result = super().read(log, lines, state)
            shelf.put(path, path.read_bytes().replace(b"r1", b"r2"))
            return result

    assert messages(shelf.look(Changing())) == ["the log was not read: it changed while it was read"]
    assert shelf.keys() == []
    shelf.look()
    assert shelf.keys() == ["r2"]


def test_too_long_a_document_is_told_of(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    path = shelf.save("a", {"id": "r1"})
    size = path.stat().st_size
    monkeypatch.setattr("tallybook.history.contents.LONGEST_DOCUMENT", size - 1)
    assert messages(shelf.look()) == [f"the log was not read: it is longer than {size - 1:,} bytes"]
    monkeypatch.setattr("tallybook.history.contents.LONGEST_DOCUMENT", size)
    assert messages(shelf.look()) == []
    assert shelf.keys() == ["r1"]


def test_a_compressed_document_is_the_same_document(shelf: Shelf) -> None:
    path = shelf.save("a", {"id": "r1"}, {"id": "r2"})
    shelf.look()
    shelf.compress(path)
    reader = Documents()
    assert (messages(shelf.look(reader)), reader.reads) == ([], [])
    shelf.put(path.with_name("a.json.zst"), compress(json.dumps({"rows": [{"id": "r3"}]}).encode()))
    shelf.look()
    assert shelf.keys() == ["r1", "r2", "r3"]


def test_pipes_devices_and_loops_are_told_of(shelf: Shelf) -> None:
    live = shelf.save("good", {"id": "r1"}).parent
    os.mkfifo(live / "pipe.json")
    (live / "device.json").symlink_to("/dev/zero")
    (live / "loop.json").symlink_to(live / "loop.json")
    assert len(messages(shelf.look())) == 3
    assert shelf.keys() == ["r1"]


def test_another_version_of_the_reader_reads_anew_and_loses_nothing(shelf: Shelf) -> None:
    shelf.save("a", {"id": "r1"}, {"id": "r2"})
    shelf.look(Documents("1"))
    shelf.save("a", {"id": "r1"})
    shelf.look(Documents("1"))
    reader = Documents("2")
    shelf.look(reader)
    assert reader.reads == ["a"]
    assert shelf.keys() == ["r1", "r2"]


IDS = st.sampled_from("abcdef")
VERSIONS = st.lists(st.lists(IDS, unique=True, max_size=5), min_size=1, max_size=6)


@settings(max_examples=60, deadline=None)
@given(VERSIONS, st.randoms(use_true_random=False))
def test_however_often_one_looks_everything_seen_counts_once(versions: list[list[str]], rng: random.Random) -> None:
    """``rng`` tears some versions and looks at some twice; neither shows."""
    with tempfile.TemporaryDirectory() as place:
        shelf = Shelf(Path(place))
        with shelf.store() as store:
            for version in versions:
                rows: list[dict[str, object]] = [{"id": one, "link": "hub"} for one in version]
                path = shelf.save("a", *rows)
                if rng.random() < 0.3:
                    whole = path.read_bytes()
                    shelf.put(path, whole[: len(whole) // 2])
                    ingest(store, [Documents()], shelf.environ)
                    shelf.put(path, whole)
                for _ in range(1 if rng.random() < 0.7 else 2):
                    ingest(store, [Documents()], shelf.environ)
        assert shelf.keys() == sorted({one for version in versions for one in version})
        if all(set(version) <= set(versions[-1]) for version in versions):
            for part in ("responses", "sessions", "occurrences", "links", "sources"):
                assert shelf.dump()[part] == _cold(shelf)[part]


def _cold(shelf: Shelf) -> dict[str, list[tuple[object, ...]]]:
    cold = Shelf(shelf.root)
    cold.data = shelf.root / "cold"
    cold.look()
    return cold.dump()
