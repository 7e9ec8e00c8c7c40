"""A thread that grows: its next rows are counted from the few rows before them that still matter.

Those are counted together with the new ones, by the same rules as whole logs are. They are kept only where they lead
to where all rows lead, and used only where no new row says anything of an earlier response; else all is counted anew.
"""

from __future__ import annotations

from hashlib import blake2b
from itertools import pairwise
from typing import TYPE_CHECKING, Final

import msgspec
from msgspec.structs import replace

from tallybook.agents.codex.counting import derive
from tallybook.agents.codex.facts import (
    Call,
    Compacted,
    Context,
    Count,
    Meta,
    Record,
    Review,
    Search,
    Settings,
    Stop,
    Turn,
    Window,
)
from tallybook.agents.codex.marks import Standing, walk_along
from tallybook.agents.codex.threads import Matching, Thread, thread_of
from tallybook.agents.port import Grown, Occurrence, SourceRows

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tallybook.agents.codex.facts import AnyFact

MOST_ROWS: Final = 200
MOST_TURNS: Final = 5000


class Kept(msgspec.Struct, array_like=True):
    """What is kept of a thread."""

    rows: list[tuple[int, int | None, bytes]]
    """Offset, moment and fact."""
    turns: frozenset[int]
    """Fingerprints of all turns that the rows have named."""


_encode: Final = msgspec.msgpack.Encoder().encode
_decode: Final = msgspec.msgpack.Decoder(Kept).decode


def kept(source: SourceRows) -> bytes | None:
    """What further rows of this log can be counted from; None where all rows are needed."""
    return _kept(thread_of(source), frozenset())


def grow(before: bytes, source: SourceRows) -> Grown | None:
    """The responses in rows that follow those which left ``before``; None where earlier ones may change by them."""
    known = _decode(before)
    group, begin = source.rows[0].group, source.rows[0].offset
    rows = tuple(Occurrence(group, *row) for row in known.rows)
    joined = SourceRows(source.key, rows + source.rows)
    whole = thread_of(joined)
    if not _goes_on(thread_of(SourceRows(source.key, rows)), whole, known.turns):
        return None
    responses = tuple(response for response in derive([joined]) if response.offset >= begin)
    return Grown(responses, _kept(whole, known.turns))


def _goes_on(before: Thread, after: Thread, turns: frozenset[int]) -> bool:
    """Whether what was added to ``before`` leaves all its responses as they are."""
    standing = walk_along(before).standing
    count = len(before.facts)
    late = any(step < count <= record for step, record in after.matching.records.items())
    return not late and all(_adds(fact, standing, turns) for fact in after.facts[count:]) and _is_plain(after)


def _adds(fact: AnyFact, standing: Standing, turns: frozenset[int]) -> bool:
    """Whether a fact says something of responses behind it alone."""
    match fact:
        case Meta():
            return False
        case Compacted():
            return standing.recorded
        case Context(turn=str(turn)) if turn == standing.context.turn:
            return not fact.model or replace(fact, ordinal=standing.context.ordinal) == standing.context
        case Record(turn=turn):
            return standing.recorded and _is_new(turn, standing, turns)
        case Turn(turn=turn) | Context(turn=turn):
            return _is_new(turn, standing, turns)
        case _:
            return True


def _is_new(turn: str | None, standing: Standing, turns: frozenset[int]) -> bool:
    return turn is None or turn == standing.context.turn or _fingerprint(turn) not in turns


def _is_plain(thread: Thread) -> bool:
    """Whether the thread stands alone, and the identity of none of its steps depends on rows long before it.

    A step that records tell of leaves no key by which the store would know its copy, so the total must rise there.
    """
    counts = [fact for fact in thread.facts if isinstance(fact, Count)]
    return (
        not thread.relatives
        and (thread.meta is None or thread.meta.first_own is None)
        and all(count.last is not None for count in counts)
        and not any(isinstance(fact, Review) for fact in thread.facts)
        and (not _is_recorded(thread) or all(_rises(one, other) for one, other in pairwise(counts)))
    )


def _is_recorded(thread: Thread) -> bool:
    return any(isinstance(fact, Record) for fact in thread.facts)


def _rises(before: Count, after: Count) -> bool:
    return after.total == before.total or after.total[0] + after.total[3] > before.total[0] + before.total[3]


def _kept(thread: Thread, turns: frozenset[int]) -> bytes | None:
    if not _is_plain(thread):
        return None
    standing = walk_along(thread).standing
    turns |= {_fingerprint(turn) for turn in _turns(thread.facts)}
    picked = _picked(thread, standing)
    if not standing.first.model or standing.turn not in {None, standing.context.turn}:
        return None
    if len(picked) > MOST_ROWS or len(turns) > MOST_TURNS:
        return None
    rows = tuple(thread.rows[index] for index in picked)
    if not _leads_there(thread_of(SourceRows(thread.key, rows)), thread, picked):
        return None
    return _encode(Kept([(row.offset, row.at, row.data) for row in rows], turns))


def _leads_there(reduced: Thread, thread: Thread, picked: Sequence[int]) -> bool:
    """Whether the rows that were picked lead to where all rows of the thread lead."""
    steps = {step.index for step in thread.steps}
    place = {index: number for number, index in enumerate(picked)}
    matching = Matching(
        {place[step]: place[record] for step, record in thread.matching.records.items() if step in place},
        tuple(place[index] for index in thread.matching.waiting),
        tuple(place[index] for index in thread.matching.open if index in place),
    )
    return (
        walk_along(reduced).standing == walk_along(thread).standing
        and [step.index for step in reduced.steps] == [place[index] for index in picked if index in steps]
        and reduced.matching == matching
    )


def _picked(thread: Thread, standing: Standing) -> list[int]:
    """The rows that still matter, by index: the first and last of their kind, and what waits for rows to come."""
    found: dict[object, int] = {}
    for index, fact in enumerate(thread.facts):
        match fact:
            case Meta():
                found.setdefault(Meta, index)
            case Context(turn=turn, model=model):
                if model:
                    found.setdefault("first model", index)
                    found["model"] = index
                if turn:
                    found["turn"] = index
            case Settings(model=model):
                found[Settings, bool(model)] = index
            case Turn() | Stop() | Window() | Count() | Record():
                found[type(fact)] = index
            case _:
                pass
    picked = {*found.values(), *thread.matching.waiting}
    for kind, count in ((Call, len(standing.calls)), (Search, standing.searches)):
        told = [index for index, fact in enumerate(thread.facts) if isinstance(fact, kind)]
        picked.update(told[len(told) - count :])
    picked.update(step.index for step in thread.steps[-1:])
    if standing.recorded:
        picked.update(thread.matching.open)
    # A step and its record go together.
    pairs = thread.matching.records.items()
    return sorted(picked.union(*(pair for pair in pairs if not picked.isdisjoint(pair))))


def _turns(facts: Sequence[AnyFact]) -> Iterator[str]:
    return (fact.turn for fact in facts if isinstance(fact, Turn | Context | Record) and fact.turn is not None)


def _fingerprint(turn: str) -> int:
    return int.from_bytes(blake2b(turn.encode(), digest_size=8).digest())
