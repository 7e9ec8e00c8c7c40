from __future__ import annotations

from typing import TYPE_CHECKING

from ledger.ledgers import append, codes, ledger_at, marked, own_file, started, write_lines
from tallybook.ledger.repair import CutTail, repair

if TYPE_CHECKING:
    from pathlib import Path


def test_a_torn_tail_moves_to_quarantine_once(tmp_path: Path) -> None:
    ledger = ledger_at(tmp_path)
    events = append(ledger, started(), marked())
    path = own_file(ledger)
    whole = path.read_bytes()
    path.write_bytes(whole + b"torn")
    quarantine = path.with_suffix(".quarantine")
    done = repair(ledger)
    assert done.cut == (CutTail(path, len(whole), 4, quarantine),)
    assert done.problems == ()
    assert path.read_bytes() == whole
    assert quarantine.read_bytes() == b"torn\n"
    assert repair(ledger).cut == ()
    assert quarantine.read_bytes() == b"torn\n"
    assert ledger.read().events == events
    assert append(ledger, marked())[0].writer == events[0].writer


def test_damage_before_the_tail_is_told_and_left(tmp_path: Path) -> None:
    ledger = ledger_at(tmp_path)
    append(ledger, started(), marked(), marked())
    path = own_file(ledger)
    lines = path.read_bytes().splitlines()
    write_lines(path, [lines[0], lines[1].replace(b"plan", b"plot"), lines[2]])
    before = path.read_bytes()
    done = repair(ledger)
    assert (done.cut, codes(done.problems)) == ((), ["bad-sum"])
    assert done.problems[0].where.byte == len(lines[0]) + 1
    assert path.read_bytes() == before


def test_a_published_copy_is_not_touched(tmp_path: Path) -> None:
    ledger = ledger_at(tmp_path)
    append(ledger, started())
    copy = tmp_path / "metrics" / own_file(ledger).name
    copy.parent.mkdir()
    copy.write_bytes(b"torn")
    done = repair(ledger)
    assert (done.cut, codes(done.problems)) == ((), ["torn-tail"])
    assert copy.read_bytes() == b"torn"


def test_nothing_to_repair_writes_nothing(tmp_path: Path) -> None:
    ledger = ledger_at(tmp_path)
    assert repair(ledger).cut == ()
    assert not ledger.place.home.exists()
