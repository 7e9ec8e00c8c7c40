"""How long commands take to start, as multiples of bare Python, taken in turns within one run."""

from __future__ import annotations

import json
import statistics
import subprocess
import tempfile
from pathlib import Path

from bench.processes import BARE, TALLY, environment, timed
from bench.table import Row, times_bare

ROUNDS = 15
ENDS = ("Start", "End")
COMMANDS: dict[tuple[str, str], tuple[tuple[str, ...], float | None]] = {
    ("P7", "tally --version"): (("--version",), 4),
    ("P7", "tally hook commit-msg, no ledger"): (("hook", "commit-msg", "message"), 6),
    ("", "tally hook session-start"): (("hook", "session-start", "claude"), None),
    ("", "tally hook session-end, no log"): (("hook", "session-end", "claude"), None),
    ("", "tally --help"): (("--help",), None),
}


def rows() -> list[Row]:
    """The median of each command."""
    with tempfile.TemporaryDirectory() as directory:
        cwd = Path(directory)
        environ = environment(cwd)
        subprocess.run(["git", "init", "--quiet", directory], check=True, env=environ)
        (cwd / "message").write_text("Count once\n\nNo-Task: only the start is measured\n")
        told = {
            f"session-{end.lower()}": json.dumps(
                {"session_id": "s", "cwd": directory, "hook_event_name": f"Session{end}"}
            )
            for end in ENDS
        }
        bare, runs = [], []
        for _ in range(ROUNDS):
            bare.append(timed(BARE, cwd, environ)[0])
            commands = [command for command, _ in COMMANDS.values()]
            runs.append([timed((*TALLY, *one), cwd, environ, told.get("".join(one[1:2]), ""))[0] for one in commands])
    base = statistics.median(bare)
    medians = [statistics.median(times) for times in zip(*runs, strict=True)]
    return [
        times_bare(row, seconds, base, most)
        for (row, (_, most)), seconds in zip(COMMANDS.items(), medians, strict=True)
    ]
