"""Runs a row's cases here, or in processes of their own and with another copy of the program."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from torture.plan import Case, Outcome, Plan

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from torture.plan import Row

TESTS: Final = Path(__file__).resolve().parent.parent
SOURCE: Final = TESTS.parent / "src"
MOST_FAILURES: Final = 10
"""So many are told of."""


class Order(msgspec.Struct, frozen=True):
    """What shall be run."""

    row: str
    seed: int
    full: bool = False
    first: bool = False
    """Stop at the first failure."""
    only: str = ""
    """Cases that have this in their names; all where it is empty."""


def run(row: Row, order: Order, shard: int = 0, shards: int = 1) -> Outcome:
    """Run the cases of one shard in this process."""
    outcome, begin = Outcome(skipped=row.lacking(), remark=row.remark()), time.perf_counter()
    if outcome.skipped is not None:
        return outcome
    base = Path(tempfile.mkdtemp(prefix="torture-"))
    try:
        plan = Plan(order.seed, order.full, base, shard, shards, order.first)
        for case in _prepared(plan.dealt(row.cases(plan))):
            if order.only in case.name:
                _try(case, outcome)
            if order.first and outcome.failed:
                break
    finally:
        shutil.rmtree(base, ignore_errors=True)
    outcome.seconds = time.perf_counter() - begin
    return outcome


def _prepared(cases: Iterator[Case]) -> Iterator[Case]:
    """The cases; what can't be prepared has failed too."""
    try:
        yield from cases
    except Exception as error:  # noqa: BLE001 - whatever it is, the ledger has not held
        message = _told(error)

        def fail() -> None:
            raise AssertionError(message)

        yield Case("preparation", fail)


def _try(case: Case, outcome: Outcome) -> None:
    try:
        outcome.cases += case.check() or 1
    except Exception as error:  # noqa: BLE001 - whatever it is, the ledger has not held
        outcome.cases += 1
        outcome.failed += 1
        if len(outcome.failures) < MOST_FAILURES:
            outcome.failures.append(f"{case.name}: {_told(error)}")


def _told(error: Exception) -> str:
    """What went wrong, where, and how Hypothesis came there."""
    if isinstance(error, ExceptionGroup):
        return " / ".join(_told(one) for one in error.exceptions)
    last = traceback.extract_tb(error.__traceback__)[-1]
    text = f"{type(error).__name__}: {error} ({Path(last.filename).name}:{last.lineno})"
    return "\n".join((text, *getattr(error, "__notes__", ())))


def run_apart(order: Order, *, source: Path = SOURCE, jobs: int = 1, parts: int = 1) -> Outcome:
    """Run the first of so many ``parts`` of a row in processes of their own, with the package in ``source``."""
    begin = time.perf_counter()
    processes = [_start(order, source, (job, jobs * parts)) for job in range(jobs)]
    found = [_outcome(process) for process in processes]
    return Outcome(
        sum(one.cases for one in found),
        sum(one.failed for one in found),
        [failure for one in found for failure in one.failures][:MOST_FAILURES],
        next((one.skipped for one in found if one.skipped), None),
        next((one.remark for one in found if one.remark), None),
        time.perf_counter() - begin,
    )


def _start(order: Order, source: Path, share: tuple[int, int]) -> subprocess.Popen[bytes]:
    words: Sequence[str] = (msgspec.json.encode(order).decode(), *map(str, share))
    hidden = {name for name in os.environ if name.startswith("COVERAGE_")}
    environ = {name: value for name, value in os.environ.items() if name not in hidden}
    environ |= {"PYTHONPATH": f"{source}{os.pathsep}{TESTS}", "PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-P", "-m", "torture", *words]
    return subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def _outcome(process: subprocess.Popen[bytes]) -> Outcome:
    said, complaint = process.communicate()
    if process.returncode:
        return Outcome(1, 1, [f"the process ended with {process.returncode}: {complaint.decode()[-2000:]}"])
    return msgspec.json.decode(said.splitlines()[-1], type=Outcome)
