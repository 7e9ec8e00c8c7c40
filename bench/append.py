"""P9: a durable append, alone, against the disk's own fdatasync of writes of the same size in the same run.

And the decisions of many processes at one ledger.
"""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from bench.table import Row

from tallybook.clock import SystemClock, SystemIds
from tallybook.domain.events import NewEvent, StageMarked
from tallybook.ledger.append import append
from tallybook.ledger.file import OS_FILES
from tallybook.ledger.replica import Replica
from tallybook.ledger.store import Ledger, LedgerPlace

if TYPE_CHECKING:
    from collections.abc import Callable

COUNT = 400
MOST = 2.0
WRITERS = 16
EACH = 50
PATIENCE = 600.0
"""Seconds; waiting is not in turn, and on a busy machine one may wait for longer than commands do."""
LEAST = 200.0
"""Acknowledged in a second."""
EVENT = NewEvent("g260101-00000000", StageMarked("stage", "2026-01-01T00:00:00Z"))
DISK = "write and fdatasync"


def percentile(times: list[float], share: float) -> float:
    """The time that ``share`` of all stay below."""
    return sorted(times)[min(int(len(times) * share), len(times) - 1)]


def timed(deed: Callable[[], object]) -> float:
    """Seconds that it takes."""
    begin = time.perf_counter()
    deed()
    return time.perf_counter() - begin


def rows() -> list[Row]:
    """Both in turns, on the same disk."""
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as directory:
        base = Path(directory)
        home = base / "events"
        ledger = Ledger(LedgerPlace(home, None, home), SystemClock(), SystemIds())
        replica = Replica(ledger, base / "checkpoint.db")
        replica.transact(lambda _: [EVENT])
        (file,) = home.glob("*.ndjson")
        data = file.read_bytes()
        plain = os.open(base / "plain", os.O_WRONLY | os.O_CREAT | os.O_APPEND)

        def write() -> None:
            os.write(plain, data)
            os.fdatasync(plain)

        deeds: dict[str, Callable[[], object]] = {
            DISK: write,
            "append of one event's line, acknowledged": lambda: append(OS_FILES, base / "line", data),
            "a whole decision: lock, look, decide, append": lambda: replica.transact(lambda _: [EVENT]),
        }
        times = [{name: timed(deed) for name, deed in deeds.items()} for _ in range(COUNT)]
        os.close(plain)
        if len(ledger.read().events) != COUNT + 1 or (base / "line").read_bytes() != data * COUNT:
            message = "an acknowledged event is missing"
            raise AssertionError(message)
    table = []
    for name in list(deeds)[1:]:
        for share in (0.5, 0.99):
            disk = percentile([one[DISK] for one in times], share)
            value = percentile([one[name] for one in times], share)
            judged = name.startswith("append") and share > 0.5
            told = (f"<= {MOST:g} x", value <= MOST * disk) if judged else ("", None)
            table.append(Row("P9", f"{name}, p{share * 100:g}", value * 1000, "ms", DISK, value / disk, *told))
    alone = len(times) / sum(one[DISK] for one in times)
    return [*table, _together(alone)]


def _together(alone: float) -> Row:
    """Processes that all begin at once; ``alone`` is how many plain writes one process syncs in a second."""
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as directory:
        home = Path(directory) / "events"
        ready, go = os.pipe()
        pids = [_writer(home, ready, go) for _ in range(WRITERS)]
        begin = time.perf_counter()
        os.close(go)
        codes = [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in pids]
        rate = WRITERS * EACH / (time.perf_counter() - begin)
        os.close(ready)
        reading = Ledger(LedgerPlace(home, None, home), SystemClock(), SystemIds()).read()
    if any(codes) or len(reading.events) != WRITERS * EACH or reading.problems:
        message = f"of {WRITERS * EACH} events, {len(reading.events)} are there"
        raise AssertionError(message)
    what = f"decisions of {WRITERS} processes together, acknowledged in a second"
    base = f"{DISK} by one process, {alone:,.0f} /s"
    return Row("P9", what, rate, "/s", base, rate / alone, f">= {LEAST:g} /s", rate >= LEAST)


def _writer(home: Path, ready: int, go: int) -> int:
    """A process that decides and appends, over and over, as soon as ``go`` is closed."""
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            os.close(go)
            os.read(ready, 1)
            place = LedgerPlace(home, None, home)
            ledger = Ledger(place, SystemClock(), SystemIds(), lock_timeout=PATIENCE)
            replica = Replica(ledger, home / "checkpoint.db")
            for _ in range(EACH):
                replica.transact(lambda _: [EVENT])
            code = 0
        finally:
            os._exit(code)
    return pid
