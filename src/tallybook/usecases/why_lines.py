"""One log explained line by line: what its lines are, joined with what became of the facts that they told."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

from tallybook.agents.port import LogReader
from tallybook.agents.verdicts import What
from tallybook.domain.problems import Problem, Where
from tallybook.history.contents import UnreadableLog
from tallybook.history.rereading import SeenLine, lines_in, numbers_in

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tallybook.history.explanation import Counted, Told, ToldLog

_DOCUMENT: Final = "document"
_ILLEGIBLE: Final = "parts of the document can't be understood"


class Spot(NamedTuple):
    """Where a response is counted."""

    path: str
    byte: int | None
    """None in a document."""


class WhyLine(NamedTuple):
    """One line, or of a document one fact, and what became of it."""

    number: int | None
    byte: int | None
    """None in a document, which is rewritten as a whole."""
    at: int | None
    """The moment for which it counts, or else that which it tells: microseconds since the epoch, UTC."""
    kind: str
    what: What
    why: str
    session: str | None = None
    response: str | None = None
    counted: tuple[Counted, ...] = ()
    """What of the session it counts as."""
    goals: tuple[str | None, ...] = ()
    """Whose each of these is, as far as the ledger tells."""
    counted_at: Spot | None = None
    """Where the response is counted that it only repeats."""


class WhySum(NamedTuple):
    """Lines of one kind that need no row each."""

    kind: str
    what: What
    why: str
    session: str | None
    lines: int


class WhyLog(msgspec.Struct, frozen=True):
    """One log."""

    path: str
    readable: bool
    """Else only what was kept of it is explained."""
    whole: bool
    """Else only what it shares with the session is explained."""
    lines: tuple[WhyLine, ...]
    sums: tuple[WhySum, ...]
    fault: Problem | None = None
    """Why it could not be read again."""


class View(msgspec.Struct, frozen=True):
    """From where logs are looked at."""

    reader: LogReader
    session: str
    spots: Mapping[str, Spot]
    """Where responses are counted, by key."""
    goals: Mapping[str, str | None]
    """Whose responses are, by key."""
    every: bool
    """No lines are summed up."""


def explained(view: View, log: ToldLog) -> WhyLog:
    """One log, line by line; of one that can't be read again, what was kept of it."""
    fault = None
    try:
        rows = list(_rows(view, log))
    except UnreadableLog as error:
        message = f"only what was kept of the log is explained: {error}"
        fault = Problem("unreadable-log", message, Where(file=log.log.place))
        rows = _kept(log.told, log)
    lines = [line for row in rows for line in _lines(view, row)]
    shown = [line for line in lines if view.every or _matters(line, view.session)]
    rest = Counter(
        (line.kind, line.what, line.why, line.session)
        for line in lines
        if not (view.every or _matters(line, view.session))
    )
    if log.bad:
        rest[_DOCUMENT, What.BAD, _ILLEGIBLE, None] = log.bad
    sums = sorted((WhySum(*what, count) for what, count in rest.items()), key=_order)
    return WhyLog(log.log.place, log.readable and fault is None, log.whole, tuple(shown), tuple(sums), fault)


class _Row(NamedTuple):
    """One line, and what it told."""

    number: int | None
    byte: int | None
    kind: str
    told: list[Told]
    seen: SeenLine | None = None


def _rows(view: View, log: ToldLog) -> Iterator[_Row]:
    if log.log.whole or not log.readable:
        yield from _kept(log.told, log)
        return
    waiting: dict[int, list[Told]] = defaultdict(list)
    for one in log.told:
        waiting[one.offset].append(one)
    if log.whole:
        for seen in lines_in(view.reader, log.log, log.cursor):
            yield _Row(seen.number, seen.offset, seen.kind, waiting.pop(seen.offset, []), seen)
    else:
        numbers = numbers_in(log.log, set(waiting))
        for offset in sorted(numbers):
            yield _Row(numbers[offset], offset, "", waiting.pop(offset))
    for offset in sorted(waiting):
        yield _Row(None, offset, "", waiting[offset])


def _kept(told: Iterable[Told], log: ToldLog) -> list[_Row]:
    """Facts without their lines; bytes of a document move, so that they tell nothing."""
    if log.log.whole:
        return [_Row(None, None, _DOCUMENT, [one]) for one in told]
    return [_Row(None, one.offset, "", [one]) for one in told]


def _lines(view: View, row: _Row) -> Iterator[WhyLine]:
    """What is said of one line: each fact that matters, or else the first; and what was wrong with it."""
    place = (row.number, row.byte)
    weighty = [one for one in row.told if one.verdict.what is not What.NO_USAGE]
    for one in weighty or row.told[:1]:
        yield _line(view, row, one)
    if row.seen is not None and (not row.told or row.seen.what is What.BAD):
        yield WhyLine(*place, None, row.kind, row.seen.what, row.seen.why)


def _line(view: View, row: _Row, told: Told) -> WhyLine:
    _, _, what, why, session, responses = told.verdict
    key = responses[0] if responses else None
    return WhyLine(
        row.number,
        row.byte,
        next((one.at for one in told.counted if one.at is not None), told.at),
        row.kind,
        what,
        why,
        view.session if told.counted else session,
        told.counted[0].key if told.counted else key,
        told.counted,
        tuple(view.goals.get(one.key) for one in told.counted),
        None if what is What.COUNTED or key is None else view.spots.get(key),
    )


def _matters(line: WhyLine, session: str) -> bool:
    return line.what is not What.NO_USAGE and line.session in {None, session}


def _order(one: WhySum) -> tuple[str, str, str, str]:
    return one.kind, one.what, one.why, one.session or ""
