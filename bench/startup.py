"""How long commands take to start, as multiples of bare Python, taken in turns within one run."""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROUNDS = 15
COMMANDS = {
    "python -c pass": ["-c", "pass"],
    "tally --version": ["-P", "-m", "tallybook", "--version"],
    "tally hook commit-msg": ["-P", "-m", "tallybook", "hook", "commit-msg", "message"],
    "tally --help": ["-P", "-m", "tallybook", "--help"],
}


def seconds(arguments: list[str], cwd: Path) -> float:
    """Wall time of one run of this Python."""
    start = time.perf_counter()
    subprocess.run([sys.executable, *arguments], cwd=cwd, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def main() -> None:
    """Print the median of each command and its multiple of the first."""
    with tempfile.TemporaryDirectory() as directory:
        cwd = Path(directory)
        subprocess.run(["git", "init", "--quiet", directory], check=True)
        (cwd / "message").write_text("Count once\n\nNo-Task: only the start is measured\n")
        runs = [{name: seconds(arguments, cwd) for name, arguments in COMMANDS.items()} for _ in range(ROUNDS)]
    medians = {name: statistics.median(run[name] for run in runs) for name in COMMANDS}
    bare = next(iter(medians.values()))
    for name, median in medians.items():
        print(f"{name:22} {median * 1000:7.1f} ms  {median / bare:5.1f} x")


if __name__ == "__main__":
    main()
