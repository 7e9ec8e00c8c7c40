"""What the fold keeps beside the truth so that a question touches only the goals and sessions that it is about.

Each entry follows from the events alone; ``LedgerState`` brings it up to date with every change.
"""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import TYPE_CHECKING, TypeVar

import msgspec

from tallybook.domain.usage import SessionKey

if TYPE_CHECKING:
    from collections.abc import Iterable

K = TypeVar("K")
V = TypeVar("V")


class Index(msgspec.Struct):
    """Ways from one thing to the others that belong to it."""

    open: set[str] = msgspec.field(default_factory=set)
    """Ids of the open goals."""
    finished: dict[tuple[str, str | None], str] = msgspec.field(default_factory=dict)
    """By writer and worktree, the goal that has the latest end."""
    passes: MutableMapping[str, tuple[str, ...]] = msgspec.field(default_factory=dict)
    """By source id, the goals that have it, in the order in which they were started."""
    dropped: MutableMapping[str, tuple[str, ...]] = msgspec.field(default_factory=dict)
    """By goal id, the goals that were merged into it and not into one of those."""
    owned: MutableMapping[str, tuple[SessionKey, ...]] = msgspec.field(default_factory=dict)
    """By goal id, the sessions of which it owns a part."""
    visitors: MutableMapping[SessionKey, tuple[str, ...]] = msgspec.field(default_factory=dict)
    """By session, the goals that have joined it."""
    working: MutableMapping[SessionKey, tuple[str, ...]] = msgspec.field(default_factory=dict)
    """The same without the goals that are closed."""

    def opened(self, goal: str) -> None:
        """The goal is open."""
        self.open.add(goal)

    def closed(self, goal: str, joined: Iterable[SessionKey]) -> None:
        """The goal, which had joined these sessions, is closed."""
        self.open.discard(goal)
        for key in joined:
            rest = tuple(other for other in self.working.get(key, ()) if other != goal)
            if rest:
                self.working[key] = rest
            else:
                self.working.pop(key, None)

    def joined(self, goal: str, key: SessionKey, *, works: bool) -> None:
        """The goal has joined the session; ``works`` if it is not closed."""
        add(self.visitors, key, goal)
        if works:
            add(self.working, key, goal)


def add(table: MutableMapping[K, tuple[V, ...]], key: K, value: V) -> None:
    """Put ``value`` at the end of the row, once."""
    row = table.get(key, ())
    if value not in row:
        table[key] = (*row, value)
