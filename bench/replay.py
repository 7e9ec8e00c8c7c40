"""P8: replaying a million events cold and from the checkpoint, and commands on 5,000 goals against bare Python."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from bench.processes import BARE, TALLY
from bench.running import medians, place_in
from bench.synthetic import Truth, write_ledger
from bench.table import Row

from tallybook.clock import SystemClock, SystemIds
from tallybook.domain.metrics import accounts
from tallybook.ledger.replica import Replica
from tallybook.ledger.store import Ledger, LedgerPlace

GOALS, EVENTS = 10_000, 1_000_000
COLD, WARM, SHOW = 10.0, 0.150, 15.0
ROUNDS = 7


def replayed(ledger: Ledger, path: Path, truth: Truth) -> tuple[float, float]:
    """Seconds to the state with every goal's figures, and seconds to save it; the totals are compared."""
    begin = time.perf_counter()
    replica = Replica(ledger, path)
    handed_out = accounts(replica.state)
    found = {goal: measure.tokens for goal, measure in handed_out.measures.items()}
    counter = handed_out.counter
    end = time.perf_counter()
    totals = {goal: None if tokens is None else tokens.total for goal, tokens in found.items()}
    if totals != truth.totals or counter.total != sum(truth.totals.values()) or replica.state.events != truth.events:
        message = "the replay does not give what was written"
        raise AssertionError(message)
    replica.save()
    return end - begin, time.perf_counter() - end


def rows() -> list[Row]:
    """Cold, warm, and the commands."""
    with tempfile.TemporaryDirectory() as directory:
        base = Path(directory)
        home, path = base / "events", base / "checkpoint" / "it.db"
        truth = write_ledger(home, GOALS, EVENTS // GOALS)
        ledger = Ledger(LedgerPlace(home, None, home), SystemClock(), SystemIds())
        cold, saving = replayed(ledger, path, truth)
        warm = min(replayed(ledger, path, truth)[0] for _ in range(3))
        million = f"{EVENTS:,} events of {GOALS:,} goals, every goal's figures"
        return [
            Row("P8", f"{million}, cold", cold, "s", "", None, f"<= {COLD:g} s", cold <= COLD),
            Row("P8", "keeping that for the next command", saving, "s", "", None, "", None),
            Row("P8", f"{million}, warm", warm * 1000, "ms", "", None, f"<= {WARM * 1000:g} ms", warm <= WARM),
            *_commands(base / "commands"),
        ]


def _commands(base: Path) -> list[Row]:
    place = place_in(base)
    truth = write_ledger(place.events, 5_000, 20)
    place.seconds(*TALLY, "show")
    commands = {
        "python -c pass": BARE,
        "tally --help": (*TALLY, "--help"),
        "tally show": (*TALLY, "show"),
        "tally show GOAL": (*TALLY, "show", truth.open),
        "tally mark": (*TALLY, "mark", "stage", "--goal", truth.open),
    }
    found = medians(place, commands, ROUNDS)
    bare = found.pop("python -c pass")
    rows = []
    for name, seconds in found.items():
        ratio = seconds / bare
        judged = name == "tally show"
        target, met = (f"<= {SHOW:g} x", ratio <= SHOW) if judged else ("", None)
        what = f"{name}, 5,000 goals" if name != "tally --help" else f"{name}, what every command takes to start"
        rows.append(Row("P8", what, seconds * 1000, "ms", "python -c pass", ratio, target, met))
    return rows
