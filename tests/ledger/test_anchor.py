"""The head of a file in a few words: read back as it was written, and nothing else is one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.ledgers import append, ledger_at, marked, own_file, started
from tallybook.ledger.anchor import Anchor, head_anchor, parsed
from tallybook.ledger.anchored import Lines, copy_findings
from tallybook.ledger.evidence import examine
from tallybook.ledger.file import OS_FILES
from tallybook.ledger.line import RawEvent, parse

if TYPE_CHECKING:
    from pathlib import Path


def test_the_head_is_the_last_line_of_the_present_writer(tmp_path: Path) -> None:
    """None before the first event; the state file may lag behind."""
    ledger = ledger_at(tmp_path)
    place = ledger.place
    assert head_anchor(OS_FILES, place.home, place.identity) is None
    append(ledger, started())
    state = (place.home / f"{own_file(ledger).stem}.state.json").read_bytes()
    append(ledger, marked())
    (place.home / f"{own_file(ledger).stem}.state.json").write_bytes(state)
    found = head_anchor(OS_FILES, place.home, place.identity)
    last = parse(own_file(ledger).read_bytes().splitlines()[-1])
    assert isinstance(last, RawEvent)
    assert found is not None
    assert (found.writer, found.seq, found.is_of(last.digest)) == (own_file(ledger).stem, 2, True)
    assert not found.is_of("0" * 64)


def test_a_writer_without_lines_has_no_head(tmp_path: Path) -> None:
    """It was minted and has not written yet."""
    ledger = ledger_at(tmp_path)
    append(ledger, started())
    own_file(ledger).unlink()
    (state,) = ledger.place.home.glob("*.state.json")
    state.write_bytes(state.read_bytes().replace(b'"seq":1', b'"seq":0'))
    assert head_anchor(OS_FILES, ledger.place.home, ledger.place.identity) is None


@given(st.from_regex(r"\Aw-[0-9a-f]{8}\Z"), st.integers(1, 10**15 - 1), st.from_regex(r"\A[0-9a-f]{32,64}\Z"))
def test_it_is_read_back(writer: str, seq: int, digest: str) -> None:
    """Whatever it is, and with blanks around it."""
    anchor = Anchor(writer, seq, digest)
    assert parsed(f" {anchor}\t") == anchor


@pytest.mark.parametrize("text", ["", "w-1:1:00", f"w-00000001:0:{'0' * 32}", f"w-00000001:1:{'0' * 31}", "x" * 999])
def test_what_is_no_anchor(text: str) -> None:
    """Other writers, the number 0, too few digits."""
    assert parsed(text) is None


def test_a_copy_that_is_all_there_says_nothing(tmp_path: Path) -> None:
    """And of a line that is not there, only the first of its writer."""
    ledger = ledger_at(tmp_path)
    append(ledger, started(), marked(), marked("build"))
    path = own_file(ledger)
    whole = path.read_bytes()
    place = ledger.place

    def found() -> list[str]:
        lines = Lines(examine(OS_FILES, place.home, place.published, ledger.clock.now()), frozenset())
        return [problem.code for problem in copy_findings(lines, "0" * 40, {path.stem: whole})]

    assert found() == []
    path.write_bytes(whole.splitlines(keepends=True)[0])
    assert found() == ["published-lost"]
