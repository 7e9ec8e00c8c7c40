"""The writer that this clone appends as: taken up where its file ends, or minted anew where anything does not fit.

A writer's file is one unbroken chain of lines by one clone; a doubtful file is left as it is and never continued.
"""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING, Final, NamedTuple

from tallybook.ledger.errors import LedgerError
from tallybook.ledger.file import FileSystem, Opened, UnusableFileError, opened
from tallybook.ledger.hlc import LAST_USABLE
from tallybook.ledger.identity import SUFFIX as STATE_SUFFIX
from tallybook.ledger.identity import State, Writers, mark_of, save, survey
from tallybook.ledger.line import Fault, RawEvent, parse
from tallybook.ledger.scan import SUFFIX, Line, lines

if TYPE_CHECKING:
    from pathlib import Path

    from tallybook.clock import Ids

_TRIES: Final = 8


class Head(NamedTuple):
    """Where a writer goes on."""

    state: State
    """Brought up to its file."""
    hlc: str | None
    """Of the last line; None before the first."""
    settled: bool = False
    """Whether events of it were acknowledged before, so that its file's place in the directories is on the medium."""


def take_up(files: FileSystem, home: Path, identity: Path, ids: Ids) -> Head:
    """The head of this clone's writer; the caller holds the lock.

    Raises:
        OSError: a new writer's state could not be written, or its file could not be read.
        LedgerError: every random id was taken.
    """
    writers = survey(files, home, identity)
    head = resumed(files, home, writers)
    return Head(_mint(files, home, identity, ids, writers), None) if head is None else head


def renew(files: FileSystem, home: Path, identity: Path, ids: Ids) -> Head:
    """Mint a new writer for this clone; those that it had become former ones. The lock is held.

    Raises:
        OSError: the new writer's state could not be written.
        LedgerError: every random id was taken.
    """
    return Head(_mint(files, home, identity, ids, survey(files, home, identity)), None)


def resumed(files: FileSystem, home: Path, writers: Writers) -> Head | None:
    """The head of the current writer; None where the next append has to mint one.

    Raises:
        OSError: its file could not be read.
    """
    if writers.current is None:
        return None
    head = _follow(files, home, writers.current)
    if head is None or (head.hlc is not None and head.hlc >= LAST_USABLE):
        return None
    return head._replace(settled=writers.current.seq > 0)


def _follow(files: FileSystem, home: Path, state: State) -> Head | None:
    """Go from the last line that the state knows to the end of the file; None where they do not fit."""
    try:
        with opened(files, home / (state.writer + SUFFIX), os.O_RDONLY) as source:
            return _walk(files, source, state)
    except FileNotFoundError:
        return Head(state, None) if state.seq == 0 else None
    except UnusableFileError:
        return None


def _walk(files: FileSystem, source: Opened, state: State) -> Head | None:
    head, known = Head(state, None), state.seq == 0
    for line in lines(files, source, state.start):
        if not line.complete:
            break
        event = parse(line.raw)
        if isinstance(event, Fault) or event.envelope.writer != state.writer:
            return None
        if known and not _continues(head.state, event):
            return None
        if not known and (event.envelope.seq, event.digest) != (state.seq, state.hash):
            return None
        head, known = _after(head.state, line, event), True
    return head if known else None


def _continues(state: State, event: RawEvent) -> bool:
    return (event.envelope.seq, event.envelope.prev) == (state.seq + 1, state.hash)


def _after(state: State, line: Line, event: RawEvent) -> Head:
    return Head(
        state._replace(seq=event.envelope.seq, hash=event.digest, start=line.byte),
        event.envelope.hlc,
    )


def _mint(files: FileSystem, home: Path, identity: Path, ids: Ids, writers: Writers) -> State:
    taken = set(files.names(home))
    for _ in range(_TRIES):
        writer = f"w-{ids.bits(32):08x}"
        if taken.isdisjoint((writer + SUFFIX, writer + STATE_SUFFIX)):
            state = State(writer, mark_of(files, identity), formerly=tuple(sorted(writers.ids)))
            save(files, home, state, durable=True)
            return state
    message = "no new writer id could be found"
    raise LedgerError(message, home, "check the random source of the machine") from OSError(errno.EEXIST, message)
