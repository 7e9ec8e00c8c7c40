"""Whose a line is, as far as the lines up to it tell: what a fork has copied is its ancestor's.

What counts tokens asks the whole family afterwards (``prefix``). Items have keys that every copy keeps, so it is
enough here to name the owner; and of limits and counters nothing is taken before a line is proved to be own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from tallybook.agents.codex.moments import uuid_milliseconds

if TYPE_CHECKING:
    from tallybook.agents.codex.facts import Meta

_BURST: Final = 1_000_000
_SECOND: Final = 1_000_000


class Owner(msgspec.Struct, array_like=True):
    """What is known at one place of a file; a later run of lines goes on from it."""

    thread: str = ""
    """The file's own."""
    born: int | None = None
    """Microseconds since the epoch, UTC."""
    first_own: int | None = None
    """The ordinal of the first own line, where the head names it."""
    ancestor: str | None = None
    """Whose lines are copied."""
    copying: bool = False
    dated: bool = False
    """A turn's id has told when it began, so that no moment of a line need to be asked."""

    @property
    def session(self) -> str:
        """The thread that the line belongs to."""
        return self.thread if not self.copying or self.ancestor is None else self.ancestor

    def head(self, meta: Meta, thread: str) -> None:
        """A ``session_meta``: the file's own comes first, an ancestor's was copied."""
        if meta.thread == thread:
            copies = meta.first_own is not None and not meta.based
            self.thread, self.born, self.first_own = thread, meta.born, meta.first_own if copies else None
            self.ancestor = meta.forked_from or meta.parent
            self.copying = copies or (meta.forked_from is not None and not meta.based)
        else:
            self.ancestor = self.ancestor or meta.thread
            self.copying = True

    def line(self, ordinal: int, at: int | None) -> None:
        """Any line whose ordinal and moment are known."""
        if not self.copying:
            return
        if self.first_own is not None and ordinal >= 0:
            self.copying = ordinal < self.first_own
        elif not self.dated and at is not None and self.born is not None and at > self.born + _BURST:
            self.copying = False  # no turn tells its time: only the moment of the fork is left

    def turn(self, turn: str | None, started: int | None) -> None:
        """A turn begins or goes on; ``started`` in seconds since the epoch."""
        if not self.copying:
            return
        made, born = uuid_milliseconds(turn), uuid_milliseconds(self.thread)
        if made is not None and born is not None:
            self.dated = True
            self.copying = made < born  # a migrated log (0.155) can name an ordinal behind its end
        elif (
            self.first_own is None and started is not None and self.born is not None and started != self.born // _SECOND
        ):
            self.copying = started < self.born // _SECOND

    def named(self, thread: str | None) -> None:
        """A line names the thread that it was written for."""
        if thread is not None and thread == self.thread:
            self.copying = False
