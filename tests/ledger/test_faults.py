"""Every system call of a transaction fails in every way, in turn; what was acknowledged is never lost or doubled."""

from __future__ import annotations

import errno
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from ledger.ledgers import NOW, CrashError, FaultyFiles, append, codes, finished, ledger_at, marked, own_file, started
from tallybook.ledger.errors import LedgerError
from tallybook.ledger.evidence import examine
from tallybook.ledger.repair import repair
from tallybook.ledger.verify import verify

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tallybook.domain.events import Event
    from tallybook.ledger.store import Ledger

HOWS = (
    errno.EIO,
    errno.ENOSPC,
    errno.EINTR,
    "crash",
    *(f"{kind}:{part}" for kind in ("short", "crash-short") for part in ("0", "1", "half", "most")),
)


def fresh(ledger: Ledger) -> None:
    """The very first transaction."""


def grown(ledger: Ledger) -> None:
    """A transaction on a ledger that has a past."""
    append(ledger, started("g261122-00000000"))
    append(ledger, marked(goal="g261122-00000000"))


def torn(ledger: Ledger) -> None:
    """A transaction after a crash that has left a fragment."""
    grown(ledger)
    with own_file(ledger).open("ab") as file:
        file.write(b'{"v":1,"id":"0193')


def check(ledger: Ledger, acknowledged: list[Event]) -> None:
    """All acknowledged events are there once, and nothing is there by halves."""
    reading = ledger.read()
    found = [event.id for event in reading.events]
    assert len(found) == len(set(found))
    assert {event.id for event in acknowledged} <= set(found)
    assert {event.writer for event in reading.events} <= ledger.writers().ids
    assert set(codes(reading.problems)) <= {"torn-tail"}
    verdict = verify(reading, examine(ledger.files, ledger.place.home, ledger.place.published, NOW))
    assert verdict.exit_code == (1 if reading.problems else 0)


@pytest.mark.parametrize("prepare", [fresh, grown, torn])
@pytest.mark.parametrize("how", HOWS)
def test_no_fault_loses_or_doubles_an_event(tmp_path: Path, prepare: Callable[[Ledger], None], how: int | str) -> None:
    def world(name: str) -> Ledger:
        ledger = ledger_at(tmp_path / name)
        prepare(ledger)
        return ledger

    batch = (started(), marked(), finished())
    counting = FaultyFiles()
    append(replace(world("counted"), files=counting), *batch)
    steps = [at for at, call in enumerate(counting.calls) if isinstance(how, int) or how == "crash" or call == "write"]
    for at in steps:
        ledger = world(str(at))
        acknowledged = list(ledger.read().events)
        failed = None
        try:
            acknowledged += append(replace(ledger, files=FaultyFiles(at, how)), *batch)
        except (LedgerError, CrashError) as error:
            failed = error
        if isinstance(failed, LedgerError):
            assert ledger.read().events == tuple(acknowledged)
        check(ledger, acknowledged)
        repair(ledger)
        assert repair(ledger).cut == ()
        assert ledger.read().problems == ()
        check(ledger, acknowledged)
        acknowledged += append(ledger, *batch)
        check(ledger, acknowledged)
        assert codes(ledger.read().problems) == []


@pytest.mark.parametrize("how", [errno.EIO, errno.ENOSPC, "crash", "crash-short:1"])
def test_no_fault_of_repair_loses_anything(tmp_path: Path, how: int | str) -> None:
    counting = FaultyFiles()
    ledger = ledger_at(tmp_path / "counted")
    torn(ledger)
    repair(replace(ledger, files=counting))
    for at in range(len(counting.calls)):
        ledger = ledger_at(tmp_path / str(at))
        torn(ledger)
        before = ledger.read().events
        with suppress(LedgerError, CrashError):
            repair(replace(ledger, files=FaultyFiles(at, how)))
        assert ledger.read().events == before
        repair(ledger)
        assert ledger.read().problems == ()
        assert b'{"v":1,"id":"0193\n' in own_file(ledger).with_suffix(".quarantine").read_bytes()
