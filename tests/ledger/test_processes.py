"""Real processes at one ledger: the lock serialises them, and each acknowledged event is there once."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from ledger.ledgers import ledger_at
from tallybook.ledger.evidence import examine
from tallybook.ledger.file import OS_FILES
from tallybook.ledger.verify import verify

if TYPE_CHECKING:
    from pathlib import Path

WRITERS = 4
TRANSACTIONS = 25

WRITER = """
import sys
from pathlib import Path
from tallybook.clock import SystemClock, SystemIds
from tallybook.domain.events import NewEvent, StageMarked
from tallybook.ledger.store import Ledger, LedgerPlace

git, name, count = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
ledger = Ledger(LedgerPlace(git / "tallybook" / "events", None, git), SystemClock(), SystemIds(), lock_timeout=60)
sys.stdin.read()
for number in range(count):
    def decide(reading):
        body = StageMarked(f"{name}-{number}", f"{len(reading.events)}")
        return [NewEvent("g261122-k3f9x2ab", body)] * 2
    done = ledger.transact(ledger.read, decide)
    print(*(event.id for event in done), flush=True)
"""


def test_many_processes_lose_nothing(tmp_path: Path) -> None:
    ledger = ledger_at(tmp_path)
    command = [sys.executable, "-c", WRITER, str(ledger.place.identity)]
    processes = [
        subprocess.Popen([*command, str(name), str(TRANSACTIONS)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        for name in range(WRITERS)
    ]
    for process in processes:
        assert process.stdin is not None
        process.stdin.close()
        process.stdin = None
    acknowledged = b"".join(process.communicate()[0] for process in processes).decode().split()
    assert [process.returncode for process in processes] == [0] * WRITERS
    reading = ledger.read()
    assert reading.problems == ()
    assert sorted(acknowledged) == sorted(event.id for event in reading.events)
    assert len(set(acknowledged)) == WRITERS * TRANSACTIONS * 2
    assert len({event.writer for event in reading.events}) == 1
    assert [event.seq for event in reading.events] == list(range(1, len(reading.events) + 1))
    # Each pair was decided on all the events before it.
    decided_on = Counter(getattr(event.body, "marked_at", "") for event in reading.events)
    assert decided_on == {str(number): 2 for number in range(0, len(reading.events), 2)}
    verdict = verify(reading, examine(OS_FILES, ledger.place.home, None, datetime.now(UTC)))
    assert verdict.problems == ()
