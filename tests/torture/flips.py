"""Damage of one bit anywhere, and edits whose checksums are right: each is found, and what is whole is read."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from ledger.ledgers import tampered
from tallybook.ledger.stream import stream
from torture.checks import verdict_of
from torture.ledgers import ledger_in
from torture.medium import Medium
from torture.plan import Case, Row
from torture.truncation import origin

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tallybook.domain.events import Event
    from tallybook.ledger.position import Position
    from tallybook.ledger.store import Ledger
    from torture.plan import Plan
    from torture.truncation import Origin

RECORDS: Final = 50
FLIPS: Final = 10_000
"""At the small size."""
COMPARED: Final = 9
"""Each so manieth is read in the other ways too."""


def cases(plan: Plan) -> Iterator[Case]:
    """Each bit flipped, and each line but the last edited in each way."""
    whole = origin(plan, RECORDS)
    lines = whole.data.splitlines(keepends=True)
    for number in range(RECORDS - 1):
        for name, edit in EDITS.items():
            yield Case(f"line {number + 1} {name}", partial(_edited, whole, edit(lines, number)))
    for bit in plan.some(range(8 * len(whole.data)), FLIPS):
        compared = bit % COMPARED == 0
        yield Case(f"bit {bit}", partial(_flipped, whole, bit, compared=compared))


def _removed(lines: list[bytes], number: int) -> list[bytes]:
    return lines[:number] + lines[number + 1 :]


def _doubled(lines: list[bytes], number: int) -> list[bytes]:
    return lines[: number + 1] + lines[number:]


def _swapped(lines: list[bytes], number: int) -> list[bytes]:
    return [*lines[:number], lines[number + 1], lines[number], *lines[number + 2 :]]


def _changed(lines: list[bytes], number: int) -> list[bytes]:
    line = lines[number].rstrip(b"\n")
    return [*lines[:number], tampered(line, {b'"at":"2026': b'"at":"2025'}) + b"\n", *lines[number + 1 :]]


EDITS: Final[dict[str, Callable[[list[bytes], int], list[bytes]]]] = {
    "removed": _removed,
    "doubled": _doubled,
    "swapped with the next": _swapped,
    "changed, with a right checksum": _changed,
}


def _edited(whole: Origin, lines: list[bytes]) -> None:
    ledger = _with(whole, b"".join(lines))
    assert verdict_of(ledger, ledger.read()).exit_code, "verify has found nothing"


def _flipped(whole: Origin, bit: int, *, compared: bool) -> None:
    data = bytearray(whole.data)
    data[bit // 8] ^= 1 << bit % 8
    ledger = _with(whole, bytes(data))
    reading = ledger.read()
    assert reading.problems, "the reader has found nothing"
    assert verdict_of(ledger, reading).exit_code, "verify has found nothing"
    hurt = whole.data.count(b"\n", 0, bit // 8)
    there = set(whole.events[:hurt] + whole.events[hurt + 2 :])
    assert there <= set(reading.events) <= set(whole.events), "a whole line was not read, or a damaged one was"
    if compared:
        _compare(ledger, reading.events, whole.position)


def _compare(ledger: Ledger, events: tuple[Event, ...], before: Position) -> None:
    """Readers that take another way find the same."""
    streamed: list[Event] = []
    position = stream(ledger.files, ledger.place.directories, streamed.append)
    if position is not None:
        assert tuple(streamed) == events
        assert position.problems, "the stream has found nothing"
    assert ledger.read_on(before) is None, "a reader went on as if nothing were damaged"


def _with(whole: Origin, data: bytes) -> Ledger:
    medium = Medium(whole.base)
    medium.put(whole.file, data, whole.status)
    medium.put(*whole.state)
    return ledger_in(whole.base, medium)


ROW: Final = Row(
    "flip",
    f"every bit of a ledger of {RECORDS} records flipped; every line but the last removed, doubled, swapped, rewritten",
    "100 % found, 0 crashes",
    cases,
)
