"""Runs this Python as a process of its own and takes its wall time."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

BARE: Final = ("-c", "pass")
"""What every start is compared with."""
TALLY: Final = ("-P", "-m", "tallybook")
"""The program under test, without its surroundings on the path."""


def environment(home: Path, **more: str) -> dict[str, str]:
    """Variables for a process that shall see nothing of the user who measures."""
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "TALLYBOOK_HOME": str(home / "tallybook"),
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        **more,
    }


def timed(arguments: Sequence[str], cwd: Path, environ: Mapping[str, str], told: str = "") -> tuple[float, str]:
    """Wall time in seconds of one run that is ``told`` something on stdin, and its stdout."""
    command = [sys.executable, *arguments]
    start = time.perf_counter()
    done = subprocess.run(command, cwd=cwd, env=environ, check=True, stdout=subprocess.PIPE, input=told, text=True)
    return time.perf_counter() - start, done.stdout
