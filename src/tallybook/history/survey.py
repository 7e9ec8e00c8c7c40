"""Which logs have changed: one ``stat`` each; a log whose stamp is the stored one is never opened."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING, NamedTuple

import attrs

from tallybook.agents.port import LogFile
from tallybook.domain.problems import Problem, Where
from tallybook.history.contents import Mark, Stamp, stamp_of
from tallybook.history.names import stored_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tallybook.agents.port import LogReader
    from tallybook.history.store import Store


class _Known(NamedTuple):
    key: str
    source: int
    path: bytes
    reader: str
    compressed: int
    gone: int
    stamp: tuple[int, int, int, int]


@attrs.frozen
class Task:
    """A log that must be opened."""

    log: LogFile
    size: int
    """Bytes on disk, for progress."""


@attrs.frozen
class Survey:
    """What discovery and ``stat`` told of one agent's logs."""

    seen: int
    tasks: tuple[Task, ...]
    moved: tuple[tuple[bytes, int], ...]
    """New path and source of logs that only moved, or came back."""
    vanished: tuple[int, ...]
    """Sources whose logs are there no longer."""
    problems: tuple[Problem, ...]


def survey(store: Store, reader: LogReader, environ: Mapping[str, str]) -> Survey:
    """Compare the logs of one agent with what the store knows of them."""
    known = {row.key: row for row in _known(store, reader.agent)}
    tasks: list[Task] = []
    moved: list[tuple[bytes, int]] = []
    problems: list[Problem] = []
    found: set[str] = set()
    for log in reader.discover(environ):
        try:
            status = os.stat(log.path)  # noqa: PTH116
        except FileNotFoundError:
            continue
        except OSError as error:
            found.add(stored_text(log.key))
            problems.append(unreadable(log, error.strerror or str(error)))
            continue
        key = stored_text(log.key)
        found.add(key)
        row = known.get(key)
        stamp = stamp_of(status)
        if row is None or row.stamp != stamp or row[3:5] != (reader.version, log.compressed):
            if stat.S_ISREG(status.st_mode):
                tasks.append(Task(log, stamp.size))
            else:
                problems.append(unreadable(log, "not a regular file"))
        elif row.gone or row.path != os.fsencode(log.path):
            moved.append((os.fsencode(log.path), row.source))
    vanished = tuple(row.source for row in known.values() if not row.gone and row.key not in found)
    return Survey(len(found), tuple(tasks), tuple(moved), vanished, tuple(problems))


def record_moves(store: Store, result: Survey) -> None:
    """Store new places, and which logs have vanished; their facts stay."""
    if not result.moved and not result.vanished:
        return
    with store.transaction() as connection:
        connection.executemany(
            "UPDATE source SET path = ?, gone = 0, revision = revision + 1 WHERE id = ?", result.moved
        )
        connection.executemany(
            "UPDATE source SET gone = 1, revision = revision + 1 WHERE id = ?", ((one,) for one in result.vanished)
        )


def marks(store: Store, agent: str, keys: Sequence[str]) -> dict[str, Mark]:
    """How far these logs were read, by key; logs never read are left out."""
    rows = store.rows(
        f"""SELECT key, dev, ino, size, mtime_ns, compressed, reader, revision, cursor, head_size, head, tail, state
        FROM source WHERE agent = (SELECT id FROM agent WHERE name = ?) AND key IN ({", ".join("?" * len(keys))})""",  # noqa: S608
        (agent, *keys),
    )
    return {row[0]: Mark(Stamp(*row[1:5]), bool(row[5]), *row[6:]) for row in rows}


def unreadable(log: LogFile, why: str) -> Problem:
    """A log that was passed over; what is known of it stays."""
    return Problem("unreadable-log", f"the log was not read: {why}", Where(file=stored_text(str(log.path))))


def _known(store: Store, agent: str) -> list[_Known]:
    rows = store.rows(
        """SELECT key, source.id, path, reader, compressed, gone, dev, ino, size, mtime_ns
        FROM source JOIN agent ON agent.id = source.agent WHERE agent.name = ?""",
        (agent,),
    )
    return [_Known._make((*row[:6], row[6:])) for row in rows]
