"""Every row of the torture suite at its small size; ``make torture`` runs them at full size."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from torture.mutants import MUTANTS, Mutant, planted
from torture.registry import ROWS
from torture.running import Order, run_apart

if TYPE_CHECKING:
    from pathlib import Path

    from torture.plan import Row

SEED = int(os.environ.get("TALLYBOOK_TORTURE_SEED", "1"))


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_row_holds(row: Row) -> None:
    """No case fails."""
    outcome = run_apart(Order(row.name, SEED))
    if outcome.skipped is not None:
        pytest.skip(outcome.skipped)
    assert not outcome.failed, f"seed {SEED}: {outcome.failed} of {outcome.cases}\n" + "\n".join(outcome.failures)
    assert outcome.cases >= LEAST[row.name]


LEAST = {
    "syscalls": 1_200,
    "strace": 100,
    "truncate": 8_000,
    "flip": 10_000,
    "power": 5_000,
    "kill": 50,
    "full": 200,
    "orders": 100,
    "model": 500,
    "hooks": 18,
}


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_mutant_is_killed(mutant: Mutant, tmp_path: Path) -> None:
    """The row that is to find a fault finds it."""
    outcome = run_apart(Order(mutant.row, SEED, first=True), source=planted(mutant, tmp_path))
    if outcome.skipped is not None:
        pytest.skip(outcome.skipped)
    assert outcome.failed, f"{mutant.row} has not found: {mutant.name}"
