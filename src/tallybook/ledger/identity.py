"""Which writers are this clone's own: one small state file beside each ledger file that it writes.

Standard library only. A state may be older than its file and is no source of truth; one that tells of another place
belongs to a copy, and its writer is never written to again.
"""

from __future__ import annotations

import json
import os
import re
from typing import TYPE_CHECKING, Final, NamedTuple

from tallybook.ledger.file import FileSystem, opened, replace_file
from tallybook.ledger.line import FIRST_PREV, FORMATS

if TYPE_CHECKING:
    from pathlib import Path

SUFFIX: Final = ".state.json"
_WRITER: Final = re.compile(FORMATS["writer"])
_HASH: Final = re.compile(FORMATS["prev"])
_LONGEST: Final = 1024 * 1024


class Mark(NamedTuple):
    """What tells one clone from another."""

    path: str
    """Where its git directory (or its ledger) stands, links resolved."""
    inode: int


class State(NamedTuple):
    """What this clone remembers of one of its writers."""

    writer: str
    mark: Mark
    seq: int = 0
    """Of the last line; 0 before the first."""
    hash: str = FIRST_PREV
    """SHA-256 of the last line."""
    start: int = 0
    """Offset at which the last line begins."""
    formerly: tuple[str, ...] = ()
    """Earlier writers of the same clone."""


class Writers(NamedTuple):
    """The writers of one clone."""

    current: State | None
    """None before the first append, and where a new writer has to be minted."""
    former: frozenset[str]

    @property
    def ids(self) -> frozenset[str]:
        """Current and former ids together."""
        return self.former if self.current is None else self.former | {self.current.writer}


def mark_of(files: FileSystem, identity: Path) -> Mark:
    """The mark of the directory that identifies a clone; inode 0 where it can't be looked at."""
    place = identity.resolve()
    try:
        return Mark(str(place), files.look(place).st_ino)
    except OSError:
        return Mark(str(place), 0)


def survey(files: FileSystem, home: Path, identity: Path) -> Writers:
    """Sort the states in ``home``: this clone's, an earlier one of it, or another clone's.

    Same place and same inode: this clone. Only one of both (moved, or restored from a backup), or a state that can't
    be read: this clone before something happened to it. Neither: a copy brought it along, and it counts for nothing.
    """
    mark = mark_of(files, identity)
    own: list[State] = []
    former: set[str] = set()
    for writer, state in states(files, home):
        if state is None:
            former.add(writer)
        elif state.mark == mark:
            own.append(state)
        elif state.mark.path == mark.path or state.mark.inode == mark.inode:
            former.update((writer, *state.formerly))
    replaced = {earlier for state in own for earlier in state.formerly}
    current = [state for state in own if state.writer not in replaced]
    ids = former | replaced | {state.writer for state in own}
    if len(current) != 1:
        return Writers(None, frozenset(ids))
    return Writers(current[0], frozenset(ids - {current[0].writer}))


def states(files: FileSystem, home: Path) -> list[tuple[str, State | None]]:
    """Every state in ``home`` by its writer, of whatever clone; None for one that can't be read."""
    try:
        names = files.names(home)
    except OSError:
        return []
    writers = [name.removesuffix(SUFFIX) for name in sorted(names) if name.endswith(SUFFIX)]
    return [(writer, _load(files, home / (writer + SUFFIX), writer)) for writer in writers if _WRITER.fullmatch(writer)]


def save(files: FileSystem, home: Path, state: State, *, durable: bool = False) -> None:
    """Replace the state file of a writer.

    Raises:
        OSError: the state before it is still there.
    """
    record = {**state._asdict(), "mark": state.mark._asdict()}
    data = json.dumps(record, separators=(",", ":")).encode() + b"\n"
    replace_file(files, home / (state.writer + SUFFIX), data, durable=durable)


def _load(files: FileSystem, path: Path, writer: str) -> State | None:
    try:
        with opened(files, path, os.O_RDONLY) as source:
            record = json.loads(files.read(source.descriptor, _LONGEST, 0))
        mark = Mark(record["mark"]["path"], record["mark"]["inode"])
        numbers = (mark.inode, record["seq"], record["start"])
        formerly = tuple(record["formerly"])
        state = State(record["writer"], mark, record["seq"], record["hash"], record["start"], formerly)
        sound = (
            state.writer == writer
            and type(mark.path) is str
            and all(type(number) is int and number >= 0 for number in numbers)
            and _HASH.fullmatch(state.hash)
            and all(_WRITER.fullmatch(earlier) for earlier in formerly)
        )
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None
    return state if sound else None
