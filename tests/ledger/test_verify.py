"""Every kind of damage is found, with its place; a healthy ledger gives nothing."""

from __future__ import annotations

import os
import stat
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from ledger.ledgers import (
    NOW,
    FaultyFiles,
    append,
    codes,
    finished,
    ledger_at,
    marked,
    own_file,
    started,
    tampered,
    write_lines,
)
from tallybook.domain.problems import Problem, Where
from tallybook.ledger.evidence import Evidence, examine
from tallybook.ledger.file import OS_FILES, OsFiles
from tallybook.ledger.line import FIRST_PREV
from tallybook.ledger.verify import Verdict, verify

if TYPE_CHECKING:
    from pathlib import Path

    from tallybook.ledger.store import Ledger


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    """Six records in two batches."""
    ledger = ledger_at(tmp_path)
    append(ledger, started(), marked("one"), marked("two"))
    append(ledger, marked("three"), marked("four"), finished())
    return ledger


def verdict_of(ledger: Ledger) -> Verdict:
    place = ledger.place
    return verify(ledger.read(), examine(ledger.files, place.home, place.published, NOW))


def lines_of(ledger: Ledger) -> list[bytes]:
    return own_file(ledger).read_bytes().splitlines()


def test_a_healthy_ledger_is_clean(ledger: Ledger) -> None:
    assert verdict_of(ledger) == Verdict((), (), damaged=False)
    assert verdict_of(ledger).exit_code == 0


def test_a_missing_ledger_is_clean(tmp_path: Path) -> None:
    assert verdict_of(ledger_at(tmp_path)).exit_code == 0


class Memory(OsFiles):
    """One ledger file that is held in memory."""

    def __init__(self, name: str, data: bytearray) -> None:
        self.name = name
        self.data = data

    def names(self, path: Path) -> list[str]:  # noqa: ARG002
        return [self.name]

    def open(self, path: Path, flags: int) -> int:  # noqa: ARG002
        return 0

    def stat(self, descriptor: int) -> os.stat_result:  # noqa: ARG002
        return os.stat_result((stat.S_IFREG | 0o600, 0, 0, 1, 0, 0, len(self.data), 0, 0, 0))

    def read(self, descriptor: int, count: int, offset: int) -> bytes:  # noqa: ARG002
        return bytes(self.data[offset : offset + count])

    def close(self, descriptor: int) -> None:
        pass


def test_every_flipped_bit_is_found(ledger: Ledger) -> None:
    files = Memory(own_file(ledger).name, bytearray(own_file(ledger).read_bytes()))
    flipped = replace(ledger, files=files, place=replace(ledger.place, published=None))
    assert verdict_of(flipped).exit_code == 0
    for place in range(len(files.data) * 8):
        files.data[place // 8] ^= 1 << place % 8
        tail = place // 8 == len(files.data) - 1
        assert verify(flipped.read(), Evidence((), NOW)).exit_code == (1 if tail else 3)
        files.data[place // 8] ^= 1 << place % 8


@settings(max_examples=40)
@given(st.data())
def test_flipped_bits_of_a_larger_ledger_are_found(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    ledger = ledger_at(tmp_path_factory.mktemp("ledger"))
    append(ledger, started(), *(marked(f"stage {number}") for number in range(50)))
    path = own_file(ledger)
    whole = bytearray(path.read_bytes())
    place = data.draw(st.integers(0, len(whole) * 8 - 1))
    whole[place // 8] ^= 1 << place % 8
    path.write_bytes(whole)
    last = place // 8 == len(whole) - 1
    assert verdict_of(ledger).exit_code == (1 if last else 3)


def test_a_torn_tail_is_a_finding(ledger: Ledger) -> None:
    path = own_file(ledger)
    size = path.stat().st_size
    with path.open("ab") as file:
        file.write(b"torn")
    verdict = verdict_of(ledger)
    assert verdict.exit_code == 1
    (problem,) = verdict.problems
    assert (problem.code, problem.where) == ("torn-tail", Where(str(path), 7, size))


def test_a_line_that_is_missing(ledger: Ledger) -> None:
    lines = lines_of(ledger)
    write_lines(own_file(ledger), lines[:2] + lines[3:])
    verdict = verdict_of(ledger)
    assert (codes(verdict.problems), verdict.exit_code) == (["seq-gap"], 3)
    assert "3 to 3" in verdict.problems[0].message
    assert verdict.problems[0].where.line == 3
    write_lines(own_file(ledger), lines[2:])
    assert "1 to 2" in verdict_of(ledger).problems[0].message


def test_a_bad_line_is_told_with_what_is_missing(ledger: Ledger) -> None:
    lines = lines_of(ledger)
    write_lines(own_file(ledger), [*lines[:2], lines[2].replace(b"two", b"TWO"), *lines[3:]])
    verdict = verdict_of(ledger)
    assert (codes(verdict.problems), verdict.exit_code) == (["bad-sum", "seq-gap"], 3)
    assert [problem.where.line for problem in verdict.problems] == [3, 4]


def test_a_line_that_was_rewritten_breaks_the_chain(ledger: Ledger) -> None:
    lines = lines_of(ledger)
    write_lines(own_file(ledger), [*lines[:2], tampered(lines[2], {b"two": b"TWO"}), *lines[3:]])
    verdict = verdict_of(ledger)
    assert (codes(verdict.problems), verdict.exit_code) == (["broken-chain"], 3)
    assert verdict.problems[0].where.line == 4


def test_a_chain_begins_with_zeros(ledger: Ledger) -> None:
    lines = lines_of(ledger)
    write_lines(own_file(ledger), [tampered(lines[0], {FIRST_PREV.encode(): b"1" * 64})])
    assert codes(verdict_of(ledger).problems) == ["broken-chain"]


def test_lines_that_stand_twice_or_in_another_order(ledger: Ledger) -> None:
    lines = lines_of(ledger)
    write_lines(own_file(ledger), [*lines, lines[1]])
    verdict = verdict_of(ledger)
    assert (codes(verdict.problems), verdict.exit_code) == (["duplicate-line", "out-of-order"], 1)
    write_lines(own_file(ledger), [lines[1], lines[0], *lines[2:]])
    assert codes(verdict_of(ledger).problems) == ["out-of-order"]


def test_a_forked_chain(ledger: Ledger) -> None:
    lines = lines_of(ledger)
    backup = [*lines[:5], tampered(lines[5], {b'"success"': b'"fail"', lines[5][13:21]: b"00000000"})]
    write_lines(ledger.place.home.parents[2] / "metrics" / own_file(ledger).name, backup)
    verdict = verdict_of(ledger)
    assert (codes(verdict.problems), verdict.exit_code) == (["chain-fork"], 1)
    assert len(ledger.read().events) == 7


def test_both_sides_of_a_fork_may_be_followed(ledger: Ledger) -> None:
    lines = lines_of(ledger)
    sibling = tampered(lines[4], {b"four": b"FOUR", lines[4][13:21]: b"00000000"})
    for fork in ([lines[4], sibling], [sibling, lines[4]]):
        write_lines(own_file(ledger), [*lines[:4], *fork, lines[5]])
        assert codes(verdict_of(ledger).problems) == ["chain-fork"]


def test_one_event_id_on_two_lines(ledger: Ledger) -> None:
    lines = lines_of(ledger)
    other = tampered(lines[0], {b'"writer":"' + own_file(ledger).stem.encode(): b'"writer":"w-00000000'})
    write_lines(ledger.place.home / "w-00000000.ndjson", [other])
    verdict = verdict_of(ledger)
    assert (codes(verdict.problems), verdict.exit_code) == (["id-conflict"], 1)


def test_a_line_of_another_writer(ledger: Ledger) -> None:
    own_file(ledger).rename(ledger.place.home / "w-00000000.ndjson")
    verdict = verdict_of(ledger)
    assert (codes(verdict.problems), verdict.exit_code) == (["foreign-line"] * 6, 1)


def test_an_event_from_the_far_future(ledger: Ledger) -> None:
    place = ledger.place
    early = verify(ledger.read(), examine(OS_FILES, place.home, None, NOW - timedelta(hours=25)))
    assert (codes(early.problems), early.exit_code) == (["far-future"] * 6, 1)
    assert verify(ledger.read(), examine(OS_FILES, place.home, None, NOW - timedelta(hours=23))).exit_code == 0


def test_a_file_that_others_may_write_to(ledger: Ledger) -> None:
    own_file(ledger).chmod(0o644)
    assert verdict_of(ledger).exit_code == 0
    own_file(ledger).chmod(0o620)
    verdict = verdict_of(ledger)
    assert (codes(verdict.problems), verdict.exit_code) == (["loose-permissions"], 1)
    assert "chmod 600" in verdict.problems[0].hint


def test_what_is_no_file_is_a_finding(ledger: Ledger) -> None:
    os.mkfifo(ledger.place.home / "w-00000000.ndjson")
    verdict = verdict_of(ledger)
    assert (codes(verdict.problems), verdict.exit_code) == (["not-a-file"], 1)


def test_a_directory_that_may_not_be_read_is_a_finding(ledger: Ledger) -> None:
    place = ledger.place
    evidence = examine(FaultyFiles(0, 13), place.home, None, NOW)
    assert evidence.files == ()
    assert verify(replace(ledger, files=FaultyFiles(0, 13)).read(), evidence).exit_code == 1


def test_what_is_unknown_is_information(ledger: Ledger) -> None:
    lines = lines_of(ledger)
    strange = tampered(lines[5], {b'"body":': b'"body": ', b'"v":1': b'"v":2', b'"status"': b'"mood":1,"status"'})
    sung = tampered(lines[4], {b"stage_marked": b"stage_sung"})
    spaced = tampered(lines[3], {b'"three"': b'"\\u0074hree"'})
    write_lines(own_file(ledger), [*lines[:3], spaced, sung, strange])
    verdict = verdict_of(ledger)
    assert codes(verdict.problems) == ["broken-chain", "broken-chain"]
    assert codes(verdict.notes) == ["newer-format", "not-canonical", "unknown-member", "unknown-type"]


def test_further_checks_are_findings(ledger: Ledger) -> None:
    place = ledger.place
    found = Problem("goal-unknown", "no such goal")
    evidence = examine(OS_FILES, place.home, place.published, NOW)
    verdict = verify(ledger.read(), evidence, [lambda reading, _: [found] if reading.events else []])
    assert (verdict.problems, verdict.exit_code) == ((found,), 1)
