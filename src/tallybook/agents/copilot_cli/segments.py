"""One file cut into segments, one for each process that worked on the session, in the order of the lines.

The counters of a process begin at nothing, or where those of the last process that ended had stood; builds differ in
that. What a process used itself is told by the marks of its build, and by what its own lines prove where those fail.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import msgspec
from msgspec.structs import replace

from tallybook.agents.copilot_cli.facts import (
    Answer,
    Begin,
    Compaction,
    Counts,
    Fact,
    Receipt,
    Snapshot,
    Span,
    Sum,
    decode,
)
from tallybook.agents.copilot_cli.metrics import beyond, minus

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tallybook.agents.port import SourceRows

Key = tuple[str | None, str]
"""A subagent, or None for the session with all of them; and a model."""
Sums = dict[Key, Counts]


class Held(NamedTuple):
    """One fact where it stands."""

    source: str
    offset: int
    at: int | None
    fact: Fact
    group: str = ""


class Segment(msgspec.Struct):
    """What one process did, or the part of it that a fork has copied."""

    name: str
    """The id of the event that it begins with; every copy has the same."""
    session: str
    at: int | None
    """When it began, in microseconds since the epoch."""
    until: int | None = None
    """When the next one began."""
    copied: bool | None = None
    """Served in another session; None while nothing is known."""
    home: str | None = None
    """The session that it was served in, where copies tell."""
    before: str | None = None
    """That of what was copied before it, which may be the same."""
    joint: bool = False
    """Another process was at work at the same time."""
    receipted: bool = False
    """There are receipts of what was served at that time."""
    continues: bool = False
    bases: tuple[Sums, ...] = ()
    """What the counters may have begun at, the likeliest first."""
    carried: tuple[Receipt, ...] = ()
    """Receipts of processes that were killed since."""
    closed: bool = False
    last: Held | None = None
    """The last counters."""
    rows: list[Held] = msgspec.field(default_factory=list)
    """Answers, receipts and compactions."""

    @property
    def served(self) -> str:
        """The session that it was served in, as far as anything tells."""
        return (self.home or self.before or self.session) if self.copied else self.session

    @property
    def calls(self) -> set[str]:
        """The ids of its responses."""
        return {held.fact.call for held in self.rows if isinstance(held.fact, (Answer, Receipt)) and held.fact.call}

    @property
    def used(self) -> tuple[Sum, ...]:
        """What the process used itself, as its last counters tell."""
        snapshot = self.last.fact if self.last else None
        if not isinstance(snapshot, Snapshot):
            return ()
        sums = _by_key(snapshot.sums)
        found = sums if (base := self._base(sums)) is None else base
        if snapshot.receipted:
            found = _without(found, self.carried)
        return tuple(Sum(agent, model, counts) for (agent, model), counts in found.items())

    def _base(self, sums: Sums) -> Sums | None:
        """What is left of the counters without what they began at; None where they began at nothing."""
        least, calls = self._proved()
        rests = [rest for base in self.bases if (rest := _since(sums, base)) is not None and _output(rest) >= least]
        marked = self.continues or (self.last is not None and _is_receipted(self.last.fact))
        proved = [rest for rest in rests if _fits(rest, least, calls)]
        if proved and (marked or not _fits(sums, least, calls)):
            return proved[0]
        return rests[0] if rests and marked and not _fits(sums, least, calls) else None

    def _proved(self) -> tuple[int, int]:
        """Output that its own lines before the counters tell, and how many responses."""
        outputs: dict[str, int] = {}
        for held in self.rows:
            fact = held.fact
            if isinstance(fact, (Answer, Receipt)) and self.last is not None and held.offset < self.last.offset:
                output = fact.output if isinstance(fact, Answer) else fact.counts.output
                call = fact.call or fact.id
                outputs[call] = max(outputs.get(call, 0), output or 0)
        return sum(outputs.values()), len(outputs)


def segments_of(source: SourceRows) -> list[Segment]:
    """The segments of one file; telemetry has none."""
    walk = _Walk()
    for row in source.rows:
        fact = decode(row.data)
        if not isinstance(fact, Span):
            walk.take(Held(source.key, row.offset, row.at, fact))
    return walk.found


class _Walk:
    def __init__(self) -> None:
        self.found: list[Segment] = []
        self._session = ""
        self._born: int | None = None
        self._home: str | None = None
        self._last: Sums = {}
        self._check: Sums | None = None
        self._since: list[Receipt] = []
        """Receipts since the last counters."""

    def take(self, held: Held) -> None:
        fact = held.fact
        if isinstance(fact, Begin):
            self._begin(held, fact)
        elif isinstance(fact, Snapshot):
            self._snapshot(held, fact)
        elif isinstance(fact, (Answer, Receipt, Compaction)):
            segment = self._segment(held, fact.id)
            segment.rows.append(held)
            if isinstance(fact, Receipt):
                segment.receipted = True
                self._since.append(fact)
                self._place(segment, fact)

    def _begin(self, held: Held, fact: Begin) -> None:
        self._session = fact.session
        if fact.born is not None:
            self._born = fact.born
        elif fact.joined and self.found and not self.found[-1].closed:
            self.found[-1].joint = True
            return
        segment = self._open(fact.id, held.at, joint=fact.joined)
        segment.continues = fact.continues
        if fact.born is None:
            segment.copied = self._is_copied(held.at)

    def _snapshot(self, held: Held, fact: Snapshot) -> None:
        segment = self._segment(held, fact.id)
        segment.last, segment.closed = held, fact.closing
        if fact.closing:
            self._last, self._check = _by_key(fact.sums), None
        else:
            self._check = _by_key(fact.sums)
        self._since = []

    def _segment(self, held: Held, name: str) -> Segment:
        """The segment of a fact: the last one, unless that has ended or was copied and this was not."""
        copied = self._is_copied(held.at)
        last = self.found[-1] if self.found else None
        if last is None or last.closed or last.copied not in {None, copied}:
            receipted = last is not None and last.receipted
            last = self._open(name, held.at, joint=last is not None and last.joint)
            last.receipted = last.joint and receipted
        if copied and last.copied is None:
            last.at = held.at  # a fork has a new time at its head
        last.copied = copied
        return last

    def _open(self, name: str, at: int | None, *, joint: bool) -> Segment:
        bases = (self._last,) if self._check is None else (self._check, self._last)
        segment = Segment(name, self._session, at, joint=joint, before=self._home)
        if self.found:
            self.found[-1].until = at
        segment.bases = tuple(base for base in bases if base)
        segment.carried = tuple(self._since)
        self.found.append(segment)
        return segment

    def _place(self, segment: Segment, receipt: Receipt) -> None:
        """A receipt of the main conversation names the session that was served."""
        if segment.copied and receipt.agent is None and receipt.origin is not None:
            self._home = receipt.origin
            segment.home = receipt.origin

    def _is_copied(self, at: int | None) -> bool:
        return at is not None and self._born is not None and at < self._born


def _by_key(sums: tuple[Sum, ...]) -> Sums:
    return {(one.agent, one.model): one.counts for one in sums}


def _is_receipted(fact: Fact) -> bool:
    return isinstance(fact, Snapshot) and fact.receipted


def _since(sums: Sums, base: Sums) -> Sums | None:
    """What was added since ``base``; None where anything fell, or a model is there no longer."""
    if not {key for key in base if key[0] is None} <= sums.keys():
        return None
    found = {key: minus(counts, base[key]) if key in base else counts for key, counts in sums.items()}
    return None if None in found.values() else {key: counts for key, counts in found.items() if counts is not None}


def _without(sums: Sums, receipts: tuple[Receipt, ...]) -> Sums:
    """Sums without receipts, never less than nothing."""
    found = dict(sums)
    for receipt in receipts:
        for key in {(None, receipt.model), (receipt.agent, receipt.model)} & found.keys():
            found[key] = beyond(found[key], replace(receipt.counts, requests=1))
    return found


def _whole(sums: Sums) -> Iterator[Counts]:
    return (counts for (agent, _), counts in sums.items() if agent is None)


def _output(sums: Sums) -> int:
    return sum(counts.output or 0 for counts in _whole(sums))


def _fits(sums: Sums, least: int, calls: int) -> bool:
    """Whether sums are just what the lines tell: the same output, or where none is told as many responses."""
    if least:
        return _output(sums) == least
    return bool(calls) and sum(counts.requests or 0 for counts in _whole(sums)) == calls
