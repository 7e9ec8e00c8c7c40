"""A ledger that ends anywhere, as after a crash: all complete records stay, and the next append is glued to nothing."""

from __future__ import annotations

from functools import partial
from random import Random
from typing import TYPE_CHECKING, Final, NamedTuple

from tallybook.ledger.course import TORN_TAIL
from torture.bodies import batch
from torture.checks import holds, mends, verdict_of
from torture.ledgers import append, ledger_in
from torture.medium import Medium
from torture.plan import Case, Row

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator
    from pathlib import Path

    from tallybook.domain.events import Event
    from tallybook.ledger.position import Position
    from torture.plan import Plan

RECORDS: Final = 200
CUTS: Final = 8_000
"""At the small size."""
MENDED: Final = (41, 11)
"""Each so manieth cut is mended and gone on from, at the small size and at full size."""


class Origin(NamedTuple):
    """A whole ledger of one file."""

    base: Path
    file: Path
    data: bytes
    status: os.stat_result
    """Of the file."""
    state: tuple[Path, bytes]
    events: tuple[Event, ...]
    position: Position


def origin(plan: Plan, records: int) -> Origin:
    """A ledger of so many records, written by commands."""
    rng = plan.rng("records", records)
    ledger = ledger_in(plan.base, Medium(plan.base))
    medium = ledger.files
    assert isinstance(medium, Medium)
    missing = records
    while missing:
        missing -= len(append(ledger, batch(rng, min(rng.randint(1, 6), missing))))
    home = ledger.place.home
    names = medium.names(home)
    (name,) = (name for name in names if name.endswith(".ndjson"))
    (beside,) = (name for name in names if name.endswith(".state.json"))
    reading = ledger.read()
    assert len(reading.events) == records
    assert reading.position is not None
    data = medium.get(home / name)
    status, state = medium.look(home / name), (home / beside, medium.get(home / beside))
    return Origin(plan.base, home / name, data, status, state, reading.events, reading.position)


def cases(plan: Plan) -> Iterator[Case]:
    """Each length that the file can have, with and without the state beside it."""
    whole = origin(plan, RECORDS)
    for number, length in enumerate(plan.some(range(len(whole.data)), CUTS)):
        mended = number % MENDED[plan.full] == 0
        yield Case(f"cut to {length} bytes", partial(_cut, whole, length, mended=mended))


def _cut(whole: Origin, length: int, *, mended: bool) -> None:
    medium = Medium(whole.base)
    data = whole.data[:length]
    medium.put(whole.file, data, whole.status)
    if length % 2:
        medium.put(*whole.state)
    ledger = ledger_in(whole.base, medium, seed=length)
    kept = data.count(b"\n")
    fragment = data[data.rfind(b"\n") + 1 :]
    reading = ledger.read()
    assert reading.events == whole.events[:kept], f"of {kept} complete records, {len(reading.events)} were read"
    assert [problem.code for problem in reading.problems] == ([TORN_TAIL] if fragment else [])
    assert ledger.read_on(whole.position) is None, "a reader went on from a place that is cut off"
    if mended:
        assert verdict_of(ledger, reading).exit_code == bool(fragment)
        _mend(medium, whole, kept, fragment)


def _mend(medium: Medium, whole: Origin, kept: int, fragment: bytes) -> None:
    ledger = ledger_in(whole.base, medium, seed=(kept, fragment))
    acknowledged = whole.events[:kept]
    if len(fragment) % 2:
        mends_alone(medium, whole, acknowledged)
    more = append(ledger, batch(Random(kept), 2))
    reading = holds(ledger, ())
    assert set(reading.events) == {*acknowledged, *more}, "something was lost or glued"
    quarantine = whole.file.with_suffix(".quarantine")
    own = more[0].writer == whole.file.stem
    if fragment and (own or len(fragment) % 2):
        assert medium.get(quarantine) == fragment + b"\n", "the fragment is not in the quarantine"
        assert not reading.problems
    path = whole.file if own else whole.file.with_stem(more[0].writer)
    medium.put(path, medium.get(path) + b"torn")
    append(ledger, batch(Random(kept), 1))
    assert medium.get(path.with_suffix(".quarantine")).endswith(b"torn\n")
    if own and fragment:
        assert medium.get(quarantine) == fragment + b"\ntorn\n", "the quarantine was overwritten"


def mends_alone(medium: Medium, whole: Origin, acknowledged: tuple[Event, ...]) -> None:
    """Repair by someone who has written nothing here."""
    ledger = ledger_in(whole.base, medium, seed="other")
    mends(ledger, ())
    assert ledger.read().events == acknowledged


ROW: Final = Row(
    "truncate",
    f"a ledger of {RECORDS} records cut at every byte",
    "all complete records kept",
    cases,
)
