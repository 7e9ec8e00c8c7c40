"""`tally verify` and what every fault of a ledger looks like through the commands."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from ledger.ledgers import tampered

if TYPE_CHECKING:
    from pathlib import Path

    from commands.bench import Bench, Json


@pytest.fixture
def file(bench: Bench) -> Path:
    """A ledger file of six lines."""
    goal = bench.start()
    for number in range(4):
        bench.ok("mark", f"stage {number}", "--goal", goal)
    bench.ok("finish-task", goal, "--status", "success")
    (path,) = bench.ledger.glob("*.ndjson")
    return path


def verdict(bench: Bench, code: int) -> list[str]:
    said = bench.tally("verify", "--json")
    assert said.code == code, said
    told: Json = said.json
    assert set(told) == {"schema", "events", "writers", "problems", "notes"}
    for problem in told["problems"]:
        assert set(problem) == {"code", "message", "where", "hint"}
        assert set(problem["where"]) == {"file", "line", "byte"}
        assert problem["message"] in said.err
    assert bench.tally("verify").code == code
    return [problem["code"] for problem in told["problems"]]


def goes_on(bench: Bench) -> list[str]:
    """Reading and the next task work, with the problems on stderr and in the object."""
    said = bench.ok("show", "--json")
    problems = said.json["problems"]
    for problem in problems:
        assert problem["message"] in said.err
    bench.ok("report")
    bench.ok("log")
    assert bench.ok("mark", "on", "--goal", bench.start("next")).code == 0
    return [problem["code"] for problem in problems]


def test_a_clean_ledger(bench: Bench, file: Path) -> None:
    said = bench.ok("verify", "--json").json
    assert said["schema"] == "tallybook.verify/1"
    assert (said["events"], said["problems"]) == (6, [])
    assert said["writers"] == [{"writer": file.stem, "events": 6}]
    assert bench.ok("verify").out == "6 events by 1 writer: clean\n"


def test_no_ledger_at_all(bench: Bench) -> None:
    assert verdict(bench, 0) == []
    (note,) = bench.ok("verify", "--json").json["notes"]
    assert note["code"] == "no-ledger"
    assert not bench.ledger.exists()


def test_a_torn_tail_is_a_finding(bench: Bench, file: Path) -> None:
    file.write_bytes(file.read_bytes() + b'{"v":1,"id":"0193')
    assert verdict(bench, 1) == ["torn-tail"]
    goes_on(bench)
    assert verdict(bench, 0) == []


def test_a_flipped_bit_is_damage(bench: Bench, file: Path) -> None:
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)
    assert verdict(bench, 3)
    assert goes_on(bench)
    assert verdict(bench, 3)


def test_a_missing_line_is_damage(bench: Bench, file: Path) -> None:
    lines = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(b"".join(lines[:2] + lines[3:]))
    assert verdict(bench, 3)
    goes_on(bench)


def test_the_last_line_twice(bench: Bench, file: Path) -> None:
    lines = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(b"".join([*lines, lines[-1]]))
    assert verdict(bench, 1) == ["duplicate-line"]
    assert bench.ok("show", "--json").json["summary"]["goals"] == 1


def test_an_event_of_a_type_to_come(bench: Bench, file: Path) -> None:
    lines = file.read_bytes().splitlines()
    new = tampered(lines[-1], {b'"type":"goal_finished"': b'"type":"goal_praised"'})
    file.write_bytes(b"".join(line + b"\n" for line in [*lines[:-1], new]))
    told = bench.tally("verify", "--json").json
    assert "goal_praised" in str(told["problems"] + told["notes"])
    assert bench.ok("show", "--json").json["summary"]["unknown_events"] == 1


def test_a_ledger_of_a_newer_program(bench: Bench, file: Path) -> None:
    lines = file.read_bytes().splitlines()
    new = tampered(lines[-1], {b'{"v":1,': b'{"v":2,'})
    file.write_bytes(b"".join(line + b"\n" for line in [*lines[:-1], new]))
    said = bench.ok("show", "--json")
    assert [problem["code"] for problem in said.json["problems"]] == ["newer-format"]
    assert "newer" in said.err
    assert [note["code"] for note in bench.ok("verify", "--json").json["notes"]] == ["newer-format"]


def test_files_that_are_no_ledger(bench: Bench, file: Path) -> None:
    (file.parent / "notes.txt").write_text("mine\n")
    (file.parent / "w-00000000.ndjson").write_bytes(b"\xff\x00 garbage\n" * 3)
    assert verdict(bench, 3)
    assert goes_on(bench)
    assert (file.parent / "notes.txt").read_text() == "mine\n"


@pytest.mark.parametrize("kind", ["pipe", "device", "directory", "loop", "away"])
def test_things_that_are_no_files(bench: Bench, file: Path, tmp_path: Path, kind: str) -> None:
    place = file.parent / "w-00000000.ndjson"
    match kind:
        case "pipe":
            os.mkfifo(place)
        case "device":
            place.symlink_to("/dev/zero")
        case "directory":
            place.mkdir()
        case "loop":
            place.symlink_to(place.name)
        case _:
            (tmp_path / "away").write_bytes(file.read_bytes())
            place.symlink_to(tmp_path / "away")
    assert verdict(bench, bench.tally("verify").code)
    assert goes_on(bench)


def test_a_named_ledger(bench: Bench, file: Path, tmp_path: Path) -> None:
    bench.go(tmp_path)
    assert bench.ok("verify", "--ledger", str(file.parent), "--json").json["events"] == 6
    assert bench.tally("verify", "--ledger", "/dev/null").code == 1


def test_an_invariant_broken_by_others(bench: Bench) -> None:
    from commands.test_report import foreign  # noqa: PLC0415 - one story of a foreign writer

    foreign(bench, "x" * 3000)
    assert "invariant" in verdict(bench, 1)
