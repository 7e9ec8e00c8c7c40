"""`tally repair`: tails only, into quarantine, once."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from commands.bench import Bench

TORN = b'{"v":1,"id":"0193'


def test_a_torn_tail_is_moved(bench: Bench) -> None:
    bench.start()
    (file,) = bench.ledger.glob("*.ndjson")
    whole = file.read_bytes()
    file.write_bytes(whole + TORN)
    assert bench.tally("verify").code == 1
    told = bench.ok("repair", "--json").json
    assert told["schema"] == "tallybook.repair/1"
    (cut,) = told["repaired"]
    quarantine = file.with_suffix(".quarantine")
    assert cut == {"file": str(file), "byte": len(whole), "bytes": len(TORN), "quarantine": str(quarantine)}
    assert file.read_bytes() == whole
    assert TORN in quarantine.read_bytes()
    assert bench.ok("verify").code == 0
    assert bench.ok("repair", "--json").json["repaired"] == []
    assert "clean" in bench.ok("repair").out


def test_people_are_told_where_it_went(bench: Bench) -> None:
    bench.start()
    (file,) = bench.ledger.glob("*.ndjson")
    file.write_bytes(file.read_bytes() + TORN)
    assert f"{len(TORN)} bytes from byte" in bench.ok("repair").out


def test_damage_in_the_middle_is_told_and_left(bench: Bench) -> None:
    goal = bench.start()
    bench.ok("mark", "plan", "--goal", goal)
    (file,) = bench.ledger.glob("*.ndjson")
    data = file.read_bytes().replace(b"Add a shelf", b"Add a shelv", 1)
    file.write_bytes(data + TORN)
    said = bench.tally("repair", "--json")
    assert said.code == 3
    assert file.read_bytes() == data
    assert said.json["problems"]


def test_nothing_there(bench: Bench) -> None:
    assert bench.ok("repair", "--json").json["repaired"] == []
