"""Sets of a thousand events in any order, in any files, with any of them twice: one state, to the byte."""

from __future__ import annotations

from functools import cached_property, partial
from hashlib import sha256
from typing import TYPE_CHECKING, Final

from tallybook.domain.metrics import accounts
from tallybook.domain.replay import apply, fold
from tallybook.domain.state import LedgerState
from tallybook.ledger.blobs import Summary, key_text, small_of, summary_blob, tables_of, value_blob
from tallybook.ledger.position import Position
from torture.bodies import events, lines
from torture.ledgers import ledger_in
from torture.medium import Medium
from torture.plan import Case, Row

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path
    from random import Random

    from tallybook.domain.events import Event
    from torture.plan import Plan

EVENTS: Final = 1_000
SMALL: Final = (4, 25)
"""Sets, and permutations of each."""
FULL: Final = (100, 100)


class Set:
    """One set, and what it comes to; worked out when the first permutation of it is asked for."""

    def __init__(self, base: Path, rng: Random) -> None:
        self.base = base
        self._rng = rng

    @cached_property
    def events(self) -> list[Event]:
        return events(self._rng, EVENTS)

    @cached_property
    def lines(self) -> list[bytes]:
        return lines(self.events)

    @cached_property
    def hash(self) -> str:
        return state_hash(fold(self.events))


def cases(plan: Plan) -> Iterator[Case]:
    """Each permutation of each set."""
    sets, permutations = FULL if plan.full else SMALL
    for number in range(sets):
        one = Set(plan.base, plan.rng("set", number))
        for order in range(permutations):
            rng = plan.rng("order", number, order)
            yield Case(f"set {number}, permutation {order}", partial(_permuted, one, rng))


def _permuted(one: Set, rng: Random) -> None:
    shuffled = rng.sample(one.events, EVENTS)
    assert state_hash(fold(shuffled)) == one.hash, "the order of events changes the state"
    fold(shuffled[: rng.randrange(EVENTS)])
    medium = Medium(one.base)
    ledger = ledger_in(one.base, medium)
    assert ledger.place.published is not None
    chosen = rng.sample(one.lines, EVENTS)
    twice = rng.sample(chosen, rng.randrange(EVENTS // 4))
    parts: dict[Path, list[bytes]] = {}
    for line in rng.sample([*chosen, *twice], len(chosen) + len(twice)):
        directory = rng.choice((ledger.place.home, ledger.place.published))
        parts.setdefault(directory / f"w-{rng.randrange(4):08x}.ndjson", []).append(line + b"\n")
    for path, part in parts.items():
        medium.put(path, b"".join(part))
    reading = ledger.read()
    assert not reading.problems, reading.problems[:3]
    assert len(reading.events) == EVENTS, f"{len(reading.events)} of {EVENTS} events"
    assert _applied(reading.events) == one.hash, "the order of lines and files changes the state"


def _applied(found: Sequence[Event]) -> str:
    """The hash of the state when events are applied just as they were read."""
    state = LedgerState()
    for event in found:
        apply(state, event)
    return state_hash(state)


def state_hash(state: LedgerState) -> str:
    """Of all that a checkpoint would keep of a state, with every figure worked out."""
    accounts(state).total()
    digest = sha256(summary_blob(Summary("", Position(), small_of(state))))
    for name, table in sorted(tables_of(state).items()):
        for text, value in sorted((key_text(key), value) for key, value in table.items()):
            digest.update(value_blob(name, text, value))
    return digest.hexdigest()


ROW: Final = Row(
    "orders",
    f"permutations of sets of {EVENTS:,} events, as events and as lines in several files, some of them twice",
    "one state hash",
    cases,
)
