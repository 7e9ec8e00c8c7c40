"""Whose an answer is that stands in several sessions: the one that it was served in, of which others are forks.

A fork copies entries as they are. So an entry that is older than its file was copied, and one that is not was served
there. Where no file of that session is there, the names of its forks' parents tell which it was, and when it was born.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from tallybook.agents.pi.facts import Answer, Head

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


class Copy(msgspec.Struct, frozen=True, gc=False):
    """An answer where it stands."""

    source: str
    group: str
    offset: int
    at: int | None
    fact: Answer
    index: int
    """Among the rows of its log."""

    @property
    def place(self) -> tuple[str, int]:
        """Its log, and its number there."""
        return self.source, self.index

    @property
    def inherited(self) -> bool:
        """Whether its time proves that it was copied."""
        fact = self.fact
        return fact.forked and self.at is not None and fact.born is not None and self.at < fact.born


class Owner(msgspec.Struct, frozen=True):
    """The session that an answer counts for."""

    session: str
    proved: bool = True


class Lineage:
    """The heads of one unit."""

    def __init__(self, heads: Iterable[Head]) -> None:
        self._heads: dict[str, Head] = {}
        self._named: dict[str, str] = {}
        for head in sorted(heads, key=_rank):
            self._heads.setdefault(head.session, head)
            self._named.setdefault(head.group, head.session)

    def owner(self, copies: Sequence[Copy]) -> Owner:
        """The owner of one answer; neither the order of copies nor that of files decides."""
        served = {copy.fact.session for copy in copies if not copy.inherited}
        first = self._first(served or {copy.fact.session for copy in copies})
        if served:
            return Owner(first[0], len(first) == 1)
        at = min(copy.at for copy in copies if copy.at is not None)
        return min((self._served(session, at) for session in first), key=lambda one: (not one.proved, one.session))

    def _first(self, sessions: set[str]) -> list[str]:
        """Those that come from none of the others, the one born first in front."""
        roots = [session for session in sessions if not sessions & self._ancestors(session)] or list(sessions)
        return sorted(roots, key=lambda session: (*self._birth(session), session))

    def _birth(self, session: str) -> tuple[bool, int]:
        head = self._heads.get(session)
        born = head.born if head else None
        return born is None, born or 0

    def _ancestors(self, session: str) -> set[str]:
        """All sessions that this one comes from, as far as files tell; not itself, even in a circle."""
        found: set[str] = set()
        here: str | None = self._parent(session)
        while here is not None and here != session and here not in found:
            found.add(here)
            here = self._parent(here)
        return found

    def _parent(self, session: str) -> str | None:
        head = self._heads.get(session)
        if head is None or head.parent is None:
            return None
        return self._named.get(head.parent, head.parent_session)

    def _served(self, session: str, at: int) -> Owner:
        """Where an answer was served that only forks hold, of which this one is the first."""
        head = self._heads.get(session)
        parent = self._parent(session)
        if head is None or parent is None:
            return Owner(session, proved=False)
        if parent in self._heads:  # whose file does not have it: the clock was set back
            return Owner(session)
        return Owner(parent, head.parent_born is not None and head.parent_born <= at)


def _rank(head: Head) -> tuple[bool, str, int, str]:
    """Of several heads of one session, one that names a parent comes first."""
    return head.parent is None, head.parent or "", head.born or 0, head.group
