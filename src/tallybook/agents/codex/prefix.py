"""Where a thread's own rows begin: what stands before was copied by a fork, and timestamps prove nothing.

The evidence, strongest first: the ordinal that the head names; ids of threads and turns in the rows; rows that also
stand in the parent's log; rows that siblings of an absent parent share; a burst of rows at the moment of the fork.
The last one proves nothing, so the rows in question are marked.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from tallybook.agents.codex.facts import Context, Meta, Record, Settings, Turn
from tallybook.agents.codex.moments import uuid_milliseconds

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tallybook.agents.codex.steps import Step
    from tallybook.agents.codex.threads import Thread

_BURST: Final = 1_000_000
_SECOND: Final = 1_000_000


class Boundary(msgspec.Struct, frozen=True):
    """The index of the first own fact, and the facts of which it is not proved whose they are."""

    start: int
    doubt: range = range(0)


class Family:
    """All sources of one unit, by thread."""

    def __init__(self, threads: Iterable[Thread]) -> None:
        self.threads: Sequence[Thread] = tuple(threads)
        self._by_id: dict[str, list[Thread]] = {}
        for thread in self.threads:
            self._by_id.setdefault(thread.id, []).append(thread)

    def sources(self, thread_id: str) -> Sequence[Thread]:
        """The logs of one thread: none, one, or several copies."""
        return self._by_id.get(thread_id, ())

    def ancestors(self, thread: Thread) -> Sequence[Thread]:
        """The logs of every thread that this one descends from, as far as heads tell."""
        seen = {thread.id}
        waiting = list(thread.relatives)
        found: list[Thread] = []
        for relative in waiting:
            if relative not in seen:
                seen.add(relative)
                for source in self.sources(relative):
                    found.append(source)
                    waiting.extend(source.relatives)
        return found

    def siblings(self, thread: Thread) -> Sequence[Thread]:
        """Logs of other threads that descend from the same absent thread and not from this one."""
        absent = {ancestor for ancestor in thread.lineage if not self.sources(ancestor)}
        return [
            other
            for other in self.threads
            if other.id != thread.id and thread.id not in other.relatives and absent.intersection(other.lineage)
        ]


def boundary_of(thread: Thread, family: Family) -> Boundary:
    """Find where the own rows of ``thread`` begin."""
    meta = thread.meta
    if meta is not None and meta.based:
        return Boundary(0)
    named = _named_start(thread)
    if named is not None:
        return Boundary(named)
    low, high = _told_by_ids(thread, family)
    if not thread.lineage:
        return Boundary(low)
    open_steps = [step for step in thread.steps if low <= step.index < high]
    if not open_steps:
        return Boundary(low)
    return _told_by_rows(thread, family, open_steps)


def _named_start(thread: Thread) -> int | None:
    """The first row that the head's ordinal makes an own one.

    A migrated log (0.155) can name an ordinal behind its end: that says nothing.
    """
    first = thread.meta.first_own if thread.meta else None
    if first is None:
        return None
    return next((index for index, fact in enumerate(thread.facts) if fact.ordinal >= first), None)


def _told_by_ids(thread: Thread, family: Family) -> tuple[int, int]:
    """The index behind the last row that is surely copied, and that of the first that is surely own."""
    if not thread.relatives:
        return 0, 0
    turns: set[str] = set()
    for relative in thread.relatives:
        for source in family.sources(relative):
            turns |= source.turns
    low, inside_copy, told = 0, False, False
    for index, fact in enumerate(thread.facts):
        own = _is_own(fact, thread, turns)
        if own is True:
            # A Codex that names the thread in copied settings (0.152) told the child's own right behind the copy.
            return (index, index) if told and isinstance(fact, Settings) else (low, index)
        if isinstance(fact, Turn | Context):
            inside_copy = own is False  # what follows is that turn's: an own turn would begin with an own id
        if own is False or inside_copy:
            low = index + 1
            told = told or (isinstance(fact, Settings) and own is False)
    return low, len(thread.facts)


def _is_own(fact: object, thread: Thread, turns: set[str]) -> bool | None:
    match fact:
        case Meta(thread=other) if other != thread.id:
            return False
        case Settings(thread=str(other)) | Record(thread=other):
            return other == thread.id
        case Turn(turn=turn, started=started):
            return _is_own_turn(turn, started, thread, turns)
        case Context(turn=turn):
            return _is_own_turn(turn, None, thread, turns)
        case _:
            return None


def _is_own_turn(turn: str | None, started: int | None, thread: Thread, turns: set[str]) -> bool | None:
    """A turn is own when it began after its thread; turn ids tell the time since February 2026."""
    made, born = uuid_milliseconds(turn), uuid_milliseconds(thread.id)
    if made is not None and born is not None:
        return made >= born
    if turn in turns:
        return False
    created = thread.meta.born // _SECOND if thread.meta and thread.meta.born else None
    if started is None or created is None or started == created:
        return None
    return started > created


def _told_by_rows(thread: Thread, family: Family, open_steps: Sequence[Step]) -> Boundary:
    """Compare the rows with those of the nearest ancestor that is here, or of siblings."""
    low, high = open_steps[0].index, open_steps[-1].index + 1
    parent = thread.lineage[0]
    ancestors = family.ancestors(thread)
    shared = max((shared_run(thread.steps, other.steps) for other in ancestors), default=0)
    proved = bool(family.sources(parent))
    if not proved:
        for sibling in family.siblings(thread):
            run = shared_run(thread.steps, sibling.steps)
            proved = proved or (run > 0 and parent in sibling.lineage)
            shared = max(shared, run)
    behind = thread.steps[shared - 1].index + 1 if shared else 0
    start = min(max(behind, low), high)
    if proved and (shared or starts_anew(open_steps[0], ancestors)):
        if not family.sources(parent) and thread.copied_heads:
            # Siblings share what was there when the first of them was forked: a later one has copied more.
            further = min(max(start, _behind_burst(thread, open_steps)), high)
            return Boundary(further, range(start, further))
        return Boundary(start)
    if not thread.copied_heads and not shared and starts_anew(open_steps[0], ancestors):
        return Boundary(start)
    if thread.copied_heads:
        start = max(start, _behind_burst(thread, open_steps))
    return Boundary(start, range(max(behind, low), high))


def shared_run(mine: Sequence[Step], theirs: Sequence[Step]) -> int:
    """How many of my first steps stand, in one run, in the other log too."""
    best = 0
    for begin, step in enumerate(theirs):
        if mine and step.content == mine[0].content:
            length = 0
            for left, right in zip(mine, theirs[begin:], strict=False):
                if left.content != right.content:
                    break
                length += 1
            best = max(best, length)
    return best


def starts_anew(step: Step, ancestors: Iterable[Thread]) -> bool:
    """Whether a thread's first step proves its own usage: from nothing, or from a total that an ancestor had."""
    if step.content[1] is None:
        return False
    if step.content[0] == step.usage:
        return True
    return any(step.base == other.content[0] for source in ancestors for other in source.steps)


def _behind_burst(thread: Thread, open_steps: Sequence[Step]) -> int:
    """The index behind the steps written (or kept) within a second of the head."""
    moment = thread.rows[0].at
    start = open_steps[0].index
    for step in open_steps:
        at = thread.rows[step.index].at
        if moment is None or at is None or at > moment + _BURST:
            break
        start = step.index + 1
    return start
