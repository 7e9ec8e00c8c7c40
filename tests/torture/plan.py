"""What a row of the torture suite is made of: named cases, all of whose chance comes from one seed."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

import msgspec

T = TypeVar("T")


class Case(msgspec.Struct, frozen=True):
    """One thing that must hold."""

    name: str
    """Says how to have it again, together with the seed."""
    check: Callable[[], int | None]
    """Raises if it does not hold; how many cases it stands for, where that is more than one."""


class Plan(msgspec.Struct, frozen=True):
    """How much of a row is run, and with which chance."""

    seed: int
    full: bool
    base: Path
    """An empty directory."""
    shard: int = 0
    shards: int = 1
    """The cases are dealt out to so many processes; this one has those of number ``shard``."""
    first: bool = False
    """The first failure is enough, and need not be made small."""

    def rng(self, *names: object) -> random.Random:
        """Chance of its own for whatever the names tell."""
        return random.Random(repr((self.seed, *names)))

    def some(self, everything: Sequence[T], count: int) -> Sequence[T]:
        """All at full size; else ``count`` of them, in their order."""
        if self.full or len(everything) <= count:
            return everything
        chosen = self.rng("some", len(everything)).sample(range(len(everything)), count)
        return [everything[number] for number in sorted(chosen)]

    def size(self, small: int, full: int) -> int:
        """How many."""
        return full if self.full else small

    def dealt(self, cases: Iterator[Case]) -> Iterator[Case]:
        """Those of this shard."""
        return (case for number, case in enumerate(cases) if number % self.shards == self.shard)


class Row(msgspec.Struct, frozen=True):
    """One row of the table."""

    name: str
    what: str
    passes: str
    """What must hold in every case."""
    cases: Callable[[Plan], Iterator[Case]]
    lacking: Callable[[], str | None] = lambda: None
    """Why the machine does not let the row be run, if it does not."""
    remark: Callable[[], str | None] = lambda: None
    """What the machine does not let be part of it."""


class Outcome(msgspec.Struct):
    """What came of a row."""

    cases: int = 0
    failed: int = 0
    failures: list[str] = msgspec.field(default_factory=list)
    """The first of them, each with the name of its case."""
    skipped: str | None = None
    remark: str | None = None
    seconds: float = 0.0
