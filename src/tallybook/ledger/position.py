"""How far a ledger has been read, file by file, and what was wrong on the way."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from tallybook.domain.problems import Problem
from tallybook.ledger.proof import Mark

if TYPE_CHECKING:
    from collections.abc import Mapping


class FileHead(msgspec.Struct, frozen=True):
    """How far one file was read, and what came of it."""

    path: str
    home: bool
    """Else it is a published copy."""
    mark: Mark
    problems: tuple[Problem, ...] = ()
    torn: Problem | None = None
    """What stands behind the last newline."""


class Position(msgspec.Struct, frozen=True):
    """How far a ledger was read."""

    heads: tuple[FileHead, ...] = ()
    last: tuple[str, str, int, str] = ("", "", 0, "")
    """(hlc, writer, seq, id) of the event that comes last in order."""
    highest: str = ""
    """The greatest id of an event."""
    newer: int = 0
    """Events that a newer version of the format has written."""

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Faults of the bytes, file by file."""
        return tuple(found for head in self.heads for found in (*head.problems, head.torn) if found is not None)

    @property
    def published(self) -> int:
        """How many events stand in published copies."""
        return sum(head.mark.fresh for head in self.heads if not head.home)

    def elsewhere(self, synced: Mapping[str, int]) -> int:
        """How many events stand in published copies or among the first ``synced`` lines of their writer; never more."""
        copied = {Path(head.path).stem: head.mark.fresh for head in self.heads if not head.home}
        own = ((Path(head.path).stem, head.mark.fresh) for head in self.heads if head.home)
        more = (min(synced.get(writer, 0), count) - copied.get(writer, 0) for writer, count in own)
        return self.published + sum(max(count, 0) for count in more)

    @property
    def is_sound(self) -> bool:
        """Whether ``published`` is right, and no fault leads from one file to another."""
        exclusive = all(head.home or head.mark.fresh == head.mark.lines for head in self.heads)
        return exclusive and all(problem.code != "id-conflict" for problem in self.problems)

    def of_file(self, path: str) -> FileHead | None:
        """The head of one file."""
        return next((head for head in self.heads if head.path == path), None)
