"""The suite itself: what it counts, how it deals out its cases, and that the seed decides all chance."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from torture.mutants import MUTANTS, Edit, Mutant, planted
from torture.plan import Case, Plan, Row
from torture.registry import ROWS
from torture.running import Order, run, run_apart
from torture.traced import counted

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def _cases(plan: Plan) -> Iterator[Case]:
    def check(number: int) -> int | None:
        assert number % 5, "five"
        return 3 if number == 1 else None

    for number in range(1, plan.size(11, 101)):
        yield Case(f"number {number}", partial(check, number))


ROW = Row("made-up", "", "", _cases)


def test_failures_are_counted_and_named() -> None:
    """A case may stand for several."""
    outcome = run(ROW, Order("made-up", 1))
    assert (outcome.cases, outcome.failed) == (12, 2)
    assert outcome.failures[0].startswith("number 5: AssertionError: five")
    assert run(ROW, Order("made-up", 1, full=True)).failed == 20
    assert run(ROW, Order("made-up", 1, first=True)).failed == 1
    assert run(ROW, Order("made-up", 1, only="number 10")).cases == 1


def test_shards_share_all_cases() -> None:
    """Each case is run by one of them."""
    parts = [run(ROW, Order("made-up", 1), shard, 3) for shard in range(3)]
    assert (sum(part.cases for part in parts), sum(part.failed for part in parts)) == (12, 2)


def test_what_can_not_be_prepared_has_failed() -> None:
    """It is no error of the suite."""

    def cases(_: Plan) -> Iterator[Case]:
        yield Case("fine", lambda: None)
        message = "no"
        raise OSError(message)

    outcome = run(replace(ROW, cases=cases), Order("made-up", 1))
    assert (outcome.cases, outcome.failed) == (2, 1)
    assert outcome.failures[0].startswith("preparation: ")


def test_what_the_machine_lacks_is_told() -> None:
    """Nothing is run then."""
    outcome = run(replace(ROW, lacking=lambda: "no tracer"), Order("made-up", 1))
    assert (outcome.skipped, outcome.cases) == ("no tracer", 0)


def test_a_process_that_breaks_is_a_failure() -> None:
    """As with a row that does not exist."""
    outcome = run_apart(Order("none", 1))
    assert outcome.failed == 1
    assert "the process ended with 1" in outcome.failures[0]


def test_the_seed_decides_all_chance(tmp_path: Path) -> None:
    """The cases of a small size are chosen by it too."""
    plan, same, other = (Plan(seed, full=False, base=tmp_path) for seed in (1, 1, 2))
    assert plan.some(range(1000), 10) == same.some(range(1000), 10) != other.some(range(1000), 10)
    assert plan.rng("a").random() == same.rng("a").random() != plan.rng("b").random()
    assert plan.some([1, 2], 10) == [1, 2]


def test_calls_are_counted_in_a_trace() -> None:
    """Only those at the begin of a line."""
    assert counted('openat(AT_FDCWD, "a") = 3\nwrite(3, "write(", 6) = 6\n+++ exited with 0 +++\n') == {
        "openat": 1,
        "write": 1,
    }


def test_there_are_enough_mutants() -> None:
    """Each with a name of its own, and found by a row that exists."""
    assert len({mutant.name for mutant in MUTANTS}) == len(MUTANTS) >= 15
    assert {mutant.row for mutant in MUTANTS} == {row.name for row in ROWS}


def test_a_mutant_of_other_source_is_none(tmp_path: Path) -> None:
    """Else it would change nothing, and nothing could find it."""
    with pytest.raises(AssertionError, match="does not hold this once"):
        planted(Mutant("stale", "flip", (Edit("append", "no such text", ""),)), tmp_path)
