"""The lines of one writer from two places become one file: by sequence number, each line once.

A line goes on or comes in only with a right checksum and under the name of its writer; all else is told of.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from tallybook.ledger.line import Fault, framed, parse

if TYPE_CHECKING:
    from collections.abc import Iterable

_WRITER, _SEQ = 1, 2
"""Places in a framed line."""
_STRANGER: Final = "another-writer"
_TORN: Final = Fault("torn", "the last line is not whole")


class BadLine(NamedTuple):
    """One line that is not taken."""

    number: int
    """From 1."""
    byte: int
    raw: bytes
    fault: Fault


class Sifted(NamedTuple):
    """The lines of one file."""

    good: dict[bytes, int]
    """Each whole line without its newline, with its sequence number, in the order of the file."""
    bad: tuple[BadLine, ...]


def sift(data: bytes, writer: str, before: bytes = b"", *, most: int | None = None) -> Sifted:
    """The lines of a writer's file behind ``before``, which is whole lines known to be good; a torn end is bad.

    With ``most`` no more bad lines than that are kept, the first ones.
    """
    good: dict[bytes, int] = {}
    bad: list[BadLine] = []
    byte, number = len(before), before.count(b"\n")
    while byte < len(data):
        number += 1
        end = data.find(b"\n", byte)
        raw = data[byte:end] if end >= 0 else data[byte:]
        found = _seq(raw, writer) if end >= 0 else _TORN
        if isinstance(found, int):
            good[raw] = found
        elif most is None or len(bad) < most:
            bad.append(BadLine(number, byte, raw, found))
        byte += len(raw) + 1
    return Sifted(good, tuple(bad))


def _seq(raw: bytes, writer: str) -> int | Fault:
    frame = framed(raw)
    if frame is not None:
        own, seq = frame[_WRITER].decode(), int(frame[_SEQ])
    else:
        event = parse(raw)
        if isinstance(event, Fault):
            return event
        own, seq = event.envelope.writer, event.envelope.seq
    return seq if own == writer else Fault(_STRANGER, f"the line is of {own}")


def union(parts: Iterable[dict[bytes, int]]) -> bytes:
    """One file of all lines, by sequence number; of two with one number the bytes decide."""
    every: dict[bytes, int] = {}
    for part in parts:
        every.update(part)
    return b"".join(raw + b"\n" for raw in sorted(every, key=lambda raw: (every[raw], raw)))
