"""The same answers as ``goal_index`` gives, from a checkpoint and what came since, for hooks on a large ledger.

Standard library only. Where anything does not fit there is no answer, and the whole ledger has to be folded.
"""

from __future__ import annotations

import json
import os
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, NamedTuple

from tallybook.ledger.file import opened
from tallybook.ledger.goal_index import GoalEntry, GoalIndex, apply, concerns, order_of
from tallybook.ledger.line import Fault, RawEvent, parse
from tallybook.ledger.proof import Mark, begins_alike, has_grown, is_untouched
from tallybook.ledger.scan import ledger_files, lines
from tallybook.ledger.seal import GOALS, LOOKUP, VERSION, DamagedError, unsealed

if TYPE_CHECKING:
    from pathlib import Path

    from tallybook.ledger.file import FileSystem, Opened


class Saved(NamedTuple):
    """What a checkpoint keeps for the hooks."""

    marks: dict[str, Mark]
    """By path of the file."""
    last: tuple[str, str, int, str]
    """(hlc, writer, seq, id) of the last event in order."""
    highest: str
    """The greatest id of an event."""
    open: tuple[GoalEntry, ...]


def encoded(saved: Saved) -> bytes:
    """As it stands in a checkpoint."""
    return json.dumps([VERSION, *saved]).encode()


def look_up(database: Path, directories: tuple[Path, ...], files: FileSystem) -> GoalIndex | None:
    """The goals of the ledger in these directories, the home first; None where the checkpoint is of no use."""
    try:
        with closing(sqlite3.connect(f"{database.absolute().as_uri()}?mode=ro", timeout=0.1, uri=True)) as connection:
            rows = dict(connection.execute("SELECT name, value FROM listed WHERE name IN (?, ?)", (LOOKUP, GOALS)))
        listed = unsealed(f"keys {GOALS}", rows.get(GOALS)).decode()
        saved = _decoded(unsealed(f"keys {LOOKUP}", rows.get(LOOKUP)))
        events = _tail(files, directories, saved)
    except (DamagedError, OSError, ValueError, TypeError, sqlite3.Error):
        return None
    index = GoalIndex({entry.id: entry for entry in saved.open}, listed)
    for event in sorted(events.values(), key=lambda event: (order_of(event), event.envelope.id)):
        apply(index, event)
    return index


def _decoded(data: bytes) -> Saved:
    version, marks, last, highest, entries = json.loads(data)
    if version != VERSION:
        raise DamagedError(version)
    return Saved(
        {path: Mark(tuple(mark[0]), *mark[1:]) for path, mark in marks.items()},
        tuple(last),
        highest,
        tuple(
            GoalEntry(goal, title, kind, worktree, writer, tuple(activated))
            for goal, title, kind, worktree, writer, activated, *_ in entries
        ),
    )


def _tail(files: FileSystem, directories: tuple[Path, ...], saved: Saved) -> dict[str, RawEvent]:
    """The events that came since, by id.

    Raises:
        DamagedError: they can't be told from those before, or change more than the open goals.
        OSError: a file can't be read.
    """
    found: dict[str, RawEvent] = {}
    here: set[str] = set()
    for number, directory in enumerate(directories):
        for path in ledger_files(files, directory):
            here.add(str(path))
            with opened(files, path, os.O_RDONLY) as source:
                for event in _file_tail(files, source, directories[0] if number else None, saved):
                    found.setdefault(event.envelope.id, event)
    fits = all((*order_of(it), it.envelope.id) > saved.last and key > saved.highest for key, it in found.items())
    if not fits or not here >= saved.marks.keys() or any(it.envelope.type == "goals_merged" for it in found.values()):
        message = "everything has to be read"
        raise DamagedError(message)
    return found


def _file_tail(files: FileSystem, source: Opened, home: Path | None, saved: Saved) -> list[RawEvent]:
    """The events behind the mark of one file; ``home`` is given for a published one."""
    mark = saved.marks.get(str(source.path))
    start = 0
    if home is None and mark is not None:
        start = mark.end
        if not has_grown(files, source, mark):
            raise DamagedError(str(source.path))
    elif home is not None and mark is not None and is_untouched(files, source, mark):
        return []
    elif home is not None:
        if _is_copy(files, source, home / source.path.name, saved):
            return []
        if mark is not None:
            raise DamagedError(str(source.path))
    events = [parse(line.raw) for line in lines(files, source, start) if line.complete]
    return [event for event in events if not isinstance(event, Fault) and concerns(event)]


def _is_copy(files: FileSystem, source: Opened, path: Path, saved: Saved) -> bool:
    """Whether a published file is the beginning of the home's file of its name, all of whose lines are good."""
    mark = saved.marks.get(str(path))
    if mark is None or mark.fresh != mark.lines:
        return False
    with opened(files, path, os.O_RDONLY) as original:
        return begins_alike(files, source, original)
