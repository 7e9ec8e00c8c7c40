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


def sift(data: bytes, writer: str, before: bytes = b"") -> Sifted:
    """The lines of a writer's file behind ``before``, which is whole lines known to be good; a torn end is bad."""
    good: dict[bytes, int] = {}
    bad: list[BadLine] = []
    byte, number = len(before), before.count(b"\n")
    *lines, rest = data[len(before) :].split(b"\n")
    for raw in lines:
        number += 1
        found = _seq(raw, writer)
        if isinstance(found, int):
            good[raw] = found
        else:
            bad.append(BadLine(number, byte, raw, found))
        byte += len(raw) + 1
    if rest:
        bad.append(BadLine(number + 1, byte, rest, Fault("torn", "the last line is not whole")))
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
