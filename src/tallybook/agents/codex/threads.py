"""One log with its facts decoded: whose it is, whom it descends from, what it tells by counter and by record."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING

import msgspec

from tallybook.agents.codex.facts import AnyFact, Context, Counts, Meta, Record, Turn, decode
from tallybook.agents.codex.steps import Content, Step, steps_of
from tallybook.agents.port import Occurrence

if TYPE_CHECKING:
    from tallybook.agents.port import SourceRows


class Matching(msgspec.Struct, frozen=True):
    """Which steps are told by records, by the indices of their facts."""

    records: dict[int, int]
    """The record of each step that has one."""
    waiting: tuple[int, ...]
    """Records whose step may still come."""
    open: tuple[int, ...]
    """Steps of the present turn whose record may still come."""


class Thread(msgspec.Struct, frozen=True, eq=False):
    """One source of a unit."""

    key: str
    id: str
    rows: Sequence[Occurrence]
    facts: Sequence[AnyFact]
    meta: Meta | None
    """Its own head; None where that line is bad."""
    copied_heads: tuple[str, ...]
    """Ancestors whose heads were copied into the file, nearest first."""
    steps: Sequence[Step]
    matching: Matching
    contents: frozenset[Content]
    """Of its steps."""
    turns: frozenset[str]

    @property
    def covered(self) -> AbstractSet[int]:
        """Indices of the steps that a usage record tells better."""
        return self.matching.records.keys()

    @property
    def lineage(self) -> tuple[str, ...]:
        """Threads that rows can be copied from, nearest first."""
        named = (self.meta.forked_from,) if self.meta and self.meta.forked_from else ()
        return tuple(dict.fromkeys((*named, *self.copied_heads)))

    @property
    def relatives(self) -> tuple[str, ...]:
        """The lineage and the thread that spawned this one."""
        spawned = (self.meta.parent,) if self.meta and self.meta.parent else ()
        return tuple(dict.fromkeys((*self.lineage, *spawned)))


def thread_of(source: SourceRows) -> Thread:
    """Decode one source."""
    facts = [decode(row.data) for row in source.rows]
    own = source.rows[-1].group
    heads = [fact for fact in facts if type(fact) is Meta]
    steps = tuple(steps_of(facts))
    return Thread(
        key=source.key,
        id=own,
        rows=source.rows,
        facts=facts,
        meta=next((head for head in heads if head.thread == own), None),
        copied_heads=tuple(dict.fromkeys(head.thread for head in heads if head.thread != own)),
        steps=steps,
        matching=_matching(facts, steps),
        contents=frozenset([step.content for step in steps]),
        turns=frozenset([fact.turn for fact in facts if (type(fact) is Turn or type(fact) is Context) and fact.turn]),
    )


def _matching(facts: Sequence[AnyFact], steps: Sequence[Step]) -> Matching:
    """Steps whose usage a record tells: the next of that usage, else one before it in the same turn.

    The count comes right after its record, or after the output of the tool that the response called (0.154 and
    later). A record that has none is a remote compaction's.
    """
    at = {step.index: step for step in steps}
    waiting: dict[Counts, deque[int]] = {}
    earlier: dict[Counts, deque[int]] = {}
    found: dict[int, int] = {}
    for index, fact in enumerate(facts):
        if index in at:
            usage = at[index].usage
            if waiting.get(usage):
                found[index] = waiting[usage].popleft()
            else:
                earlier.setdefault(usage, deque()).append(index)
        elif type(fact) is Turn:
            earlier.clear()
        elif type(fact) is Record:
            if earlier.get(fact.usage):
                found[earlier[fact.usage].pop()] = index
            else:
                waiting.setdefault(fact.usage, deque()).append(index)
    return Matching(found, _in_order(waiting), _in_order(earlier))


def _in_order(indices: dict[Counts, deque[int]]) -> tuple[int, ...]:
    return tuple(sorted(index for same in indices.values() for index in same))
