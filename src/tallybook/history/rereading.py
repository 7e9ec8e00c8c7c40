"""Reads a log once more, line by line, by the reader that counts: what each line told, and of what kind it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from tallybook.agents.kinds import UNREADABLE, fault_of, kind_of
from tallybook.agents.lines import LONGEST_LINE, Block, lines_of
from tallybook.agents.port import SourceRows
from tallybook.agents.verdicts import What
from tallybook.history.contents import opened

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tallybook.agents.port import Batch, Line, LogFile, LogReader

_TELLS_NOTHING: Final = "it tells of no usage"
_UNKNOWN: Final = "the reader doesn't know this kind of record"
_SAID: Final = "it says again what was said before"
_TORN: Final = (What.UNFINISHED, "its end is not written yet")
_OVERLONG: Final = (What.BAD, f"it is longer than {LONGEST_LINE:,} bytes")
_EMPTY: Final = "it is empty"


class SeenLine(NamedTuple):
    """One line of a log."""

    number: int
    """From 1."""
    offset: int
    kind: str
    told: int
    """How many facts the reader has taken from it."""
    what: What
    """What became of it, where it told none; of one that told some, ``BAD`` where a part could not be read."""
    why: str


def lines_in(reader: LogReader, log: LogFile, cursor: int) -> Iterator[SeenLine]:
    """Every line up to where the log was read, and the begun one behind it; a document has none.

    Raises:
        UnreadableLog: it can't be opened or decompressed.

    """
    state = b""
    for number, offset, raw in _raw_lines(log, cursor):
        if not raw.endswith(b"\n"):
            yield SeenLine(number, offset, UNREADABLE, 0, *(_OVERLONG if len(raw) > LONGEST_LINE else _TORN))
            continue
        line = next(lines_of(Block(offset, bytearray(raw), len(raw))), None)
        if line is None:
            yield SeenLine(number, offset, "", 0, What.NO_USAGE, _EMPTY)
            continue
        batch = reader.read(log, (line,), state)
        state = batch.state
        yield SeenLine(number, offset, kind_of(line.raw), len(batch.occurrences), *_verdict(reader, log, line, batch))


def numbers_in(log: LogFile, offsets: set[int]) -> dict[int, int]:
    """The numbers of the lines that begin at these offsets.

    Raises:
        UnreadableLog: it can't be opened or decompressed.

    """
    last = max(offsets, default=-1)
    return {offset: number for number, offset, _ in _raw_lines(log, last + 1) if offset in offsets}


def _verdict(reader: LogReader, log: LogFile, line: Line, batch: Batch) -> tuple[What, str]:
    if batch.bad_lines:
        return What.BAD, fault_of(line.raw)
    if batch.unknown_records:
        return What.UNKNOWN, _UNKNOWN
    if not batch.occurrences and _tells(reader, log, line):
        return What.REPEATED, _SAID
    return What.NO_USAGE, _TELLS_NOTHING


def _tells(reader: LogReader, log: LogFile, line: Line) -> bool:
    """Whether a line would tell of usage if nothing stood before it."""
    told = reader.read(log, (line,), b"").occurrences
    unit = (SourceRows(log.key, told),) if told else ()
    return any(verdict.what is not What.NO_USAGE for verdict in reader.explain(unit))


def _raw_lines(log: LogFile, cursor: int) -> Iterator[tuple[int, int, bytes]]:
    """Number, offset and bytes of each line that begins before ``cursor`` or right there; of one too long a part."""
    with opened(log) as stream:
        number, offset = 1, 0
        while offset <= cursor:
            raw = stream.readline(LONGEST_LINE + 1)
            if not raw or (offset == cursor and raw.endswith(b"\n")):
                return
            size = len(raw)
            while len(raw) > LONGEST_LINE and not raw.endswith(b"\n") and (rest := stream.readline(LONGEST_LINE)):
                size += len(rest)
                if rest.endswith(b"\n"):
                    break
            yield number, offset, raw
            number, offset = number + 1, offset + size
