"""Logs of two agents with known totals, made by a generator that lies beside this checkout."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Final

CLAUDE: Final = ("input", "cache_read", "cache_write", "output")
ROOT: Final = Path(__file__).resolve().parents[1]


def generator() -> Path:
    """Where the program that makes the logs lies."""
    return Path(os.environ.get("TALLYBOOK_LOGGEN", ROOT.parent / "shared" / "loggen")) / "gen.py"


def missing() -> str | None:
    """Why the logs can't be made here, or None."""
    return None if generator().exists() else "no generator of logs: set TALLYBOOK_LOGGEN to its directory"


def make(home: Path, preset: str = "many") -> int:
    """Write the logs below ``home``, in the places where the agents keep theirs; their true total in tokens.

    ``many`` are 10,000 small logs of 0.5 GB, ``large`` are 3,000 of 2.1 GB.
    """
    command: list[str | Path] = [sys.executable, generator(), "--home", home, "--preset", preset]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    totals = json.loads((home / "truth.json").read_text())["totals"]
    codex, claude = totals["codex"], totals["claude"]
    # As logged: Codex's input holds its cache, Claude's does not; output holds the reasoning of both.
    return sum(map(int, (codex["input"], codex["output"], *(claude[name] for name in CLAUDE))))
