"""P7: what git waits for at every commit, with a ledger of 5,000 goals, and the shortest answer of all."""

from __future__ import annotations

import tempfile
from pathlib import Path

from bench.processes import BARE, TALLY
from bench.running import medians, place_in
from bench.synthetic import write_ledger
from bench.table import Row

HOOK, VERSION = 6.0, 4.0
ROUNDS = 15


def rows() -> list[Row]:
    """The hooks from the checkpoint, without one, and ``--version``."""
    with tempfile.TemporaryDirectory() as directory:
        place = place_in(Path(directory))
        truth = write_ledger(place.events, 5_000, 20)
        message = place.repository / "message"
        message.write_text(f"Count once\n\nTask: {truth.open}\n")
        check = (*TALLY, "hook", "commit-msg", "message")
        without = place.seconds(*check)
        place.seconds(*TALLY, "show")
        commands = {
            "python -c pass": BARE,
            "tally --version": (*TALLY, "--version"),
            "tally hook commit-msg": check,
            "tally hook prepare-commit-msg": (*TALLY, "hook", "prepare-commit-msg", "message", "message"),
        }
        found = medians(place, commands, ROUNDS)
        bare = found.pop("python -c pass")
        limits = {"tally --version": VERSION}
        table = [
            Row(
                "P7",
                name if name in limits else f"{name}, 5,000 goals",
                seconds * 1000,
                "ms",
                "python -c pass",
                seconds / bare,
                f"<= {limits.get(name, HOOK):g} x",
                seconds / bare <= limits.get(name, HOOK),
            )
            for name, seconds in found.items()
        ]
        what = "tally hook commit-msg, before any checkpoint"
        return [*table, Row("P7", what, without * 1000, "ms", "python -c pass", without / bare, "", None)]
