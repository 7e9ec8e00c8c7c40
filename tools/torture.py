"""Runs the torture suite at full size and keeps its table in bench/results; ``make torture`` calls this.

Everything random comes from the seed. A run of some rows replaces their lines in the table of the same commit.
"""

from __future__ import annotations

import argparse
import os
import secrets
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bench.run import RESULTS, commit, facts, tree

from torture.plan import Outcome
from torture.registry import ROWS
from torture.running import TESTS, Order, run_apart

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from torture.plan import Row

GIT: Final = "git"
"""The row that is a test of its own, which reads its size from the environment."""
EXAMPLES, STEPS = "TALLYBOOK_TORTURE_EXAMPLES", "TALLYBOOK_TORTURE_STEPS"
GIT_SIZE: Final = {EXAMPLES: "2000", STEPS: "30"}
GIT_WHAT: Final = "any git commands on real repositories with a published and synced ledger"
GIT_PASSES: Final = "0 conflicts, nothing lost, same state both ways"
LEDGER: Final = "src/tallybook/ledger"
"""What is tortured."""
HEAD: Final = ("row", "what", "pass", "size", "seed", "cases", "failures", "seconds", "remark")


def main(words: Sequence[str]) -> int:
    """0 when nothing has failed."""
    names = [*(row.name for row in ROWS), GIT]
    parser = argparse.ArgumentParser(prog="make torture", description=__doc__)
    parser.add_argument("--seed", type=int, default=None, help="of all chance; a new one unless it is given")
    parser.add_argument("--rows", default=",".join(names), help="with commas between them: %(default)s")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes; %(default)s here")
    parser.add_argument("--small", action="store_true", help="the sizes of `make test`")
    parser.add_argument(
        "--parts", type=int, default=1, help="the first of so many parts of each row alone (not of git)"
    )
    parser.add_argument("--results", type=Path, default=RESULTS, help="directory of the table")
    parser.add_argument("--only", default="", help="cases that have this in their names; no table is kept")
    given = parser.parse_args(words)
    wanted = given.rows.split(",")
    if not set(wanted) <= set(names):
        parser.error(f"there is no row {', '.join(sorted(set(wanted) - set(names)))}; there are {', '.join(names)}")
    seed = secrets.randbelow(10**6) if given.seed is None else given.seed
    print(f"seed {seed}", flush=True)
    lines, failed = [], 0
    for name in wanted:
        order = Order(name, seed, full=not given.small, only=given.only)
        jobs = given.jobs
        outcome = _git_machine(order, jobs) if name == GIT else run_apart(order, jobs=jobs, parts=given.parts)
        failed += outcome.failed
        lines.append(_line(order, outcome, given.parts))
        print(_told(name, outcome), flush=True)
    if not given.only:
        print(_kept(lines, given.results))
    return bool(failed)


def _git_machine(order: Order, jobs: int) -> Outcome:
    """The state machine over git, which is a test of its own."""
    tests = [str(path) for path in sorted(TESTS.rglob("test_*.py")) if EXAMPLES in path.read_text()]
    if not tests:
        return Outcome(skipped="there is no such test in this commit")
    size = GIT_SIZE if order.full else {}
    shared = ["-n", str(jobs)] if jobs > 1 else []
    command = [sys.executable, "-m", "pytest", "-q", "-x", *shared, f"--hypothesis-seed={order.seed}", *tests]
    begin = time.monotonic()
    done = subprocess.run(command, env=os.environ | size, capture_output=True, text=True, check=False)
    failures = [done.stdout[-4000:]] if done.returncode else []
    return Outcome(int(size.get(EXAMPLES, "1")), len(failures), failures, seconds=time.monotonic() - begin)


def _told(name: str, outcome: Outcome) -> str:
    """For the terminal."""
    if outcome.skipped is not None:
        return f"{name:10} skipped: {outcome.skipped}"
    text = f"{name:10} {outcome.cases:>9,} cases {outcome.failed:>5,} failures {outcome.seconds:>8,.1f} s"
    remark = [] if outcome.remark is None else [f"  {outcome.remark}"]
    return "\n".join([text, *remark, *(f"  {failure}" for failure in outcome.failures)])


def _line(order: Order, outcome: Outcome, parts: int) -> str:
    """For the table."""
    row: Row | None = next((row for row in ROWS if row.name == order.row), None)
    what, passes = (GIT_WHAT, GIT_PASSES) if row is None else (row.what, row.passes)
    counts = (f"{outcome.cases:,}", str(outcome.failed), f"{outcome.seconds:,.1f}")
    if outcome.skipped is not None:
        counts = ("—", "—", "—")
    remark = outcome.skipped or outcome.remark or ""
    size = "full" if order.full else "small"
    if parts > 1 and order.row != GIT:
        size = f"1/{parts} of {size}"
    cells = (order.row, what, passes, size, str(order.seed), *counts, remark)
    return f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |"


def _kept(lines: Sequence[str], results: Path) -> Path:
    """Put the lines into this commit's table; where that is."""
    results.mkdir(exist_ok=True)
    path = results / f"torture-{commit()}.md"
    found = {_name(line): line for line in (*_rows_of(path), *lines)}
    order = [*(row.name for row in ROWS), GIT]
    table = [f"| {' | '.join(HEAD)} |", f"|{' --- |' * len(HEAD)}", *(found[name] for name in order if name in found)]
    title = f"# Tortured at {commit()}\n\n`make torture SEED=…` with the seed of a line does the same again.\n"
    ledger = f"- tree of {LEDGER}: {tree(LEDGER)}\n"
    path.write_text(f"{title}\n{facts()}{ledger}\n" + "".join(f"{line}\n" for line in table))
    return path


def _rows_of(path: Path) -> Iterator[str]:
    if path.exists():
        lines = path.read_text().splitlines()
        yield from (line for line in lines if line.startswith("| ") and _name(line) not in {"row", "---"})


def _name(line: str) -> str:
    return line.split("|")[1].strip()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
