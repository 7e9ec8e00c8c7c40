"""Which logs have changed: one ``stat`` each; a log whose stamp is the stored one is never opened."""

from __future__ import annotations

import os
import stat
import sys
from typing import TYPE_CHECKING, Any, Final

import msgspec

from tallybook.agents.port import LogFile
from tallybook.domain.problems import Problem, Where
from tallybook.history.contents import SIGNED, Mark, Stamp, database_stamp
from tallybook.history.names import stored_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tallybook.agents.port import LogReader
    from tallybook.history.store import Store

_ENCODING: Final = sys.getfilesystemencoding()
_ERRORS: Final = sys.getfilesystemencodeerrors()
_AT_ONCE: Final = 1000
_PATH: Final = 7
_GONE: Final = 8


class Task(msgspec.Struct, frozen=True):
    """A log that must be opened."""

    log: LogFile
    size: int
    """Bytes on disk, for progress."""


class Survey(msgspec.Struct, frozen=True):
    """What discovery and ``stat`` told of one agent's logs."""

    seen: int
    tasks: tuple[Task, ...]
    moved: tuple[tuple[bytes, str], ...]
    """New path and stored key of logs that only moved, or came back."""
    vanished: tuple[str, ...]
    """Stored keys of logs that are there no longer."""
    problems: tuple[Problem, ...]


def survey(store: Store, reader: LogReader, environ: Mapping[str, str]) -> Survey:
    """Compare the logs of one agent with what the store knows of them.

    Of logs that are as they were there may be tens of thousands, so the loop makes nothing for them but a tuple.
    """
    rest = _known(store, reader)
    seen = 0
    tasks: list[Task] = []
    moved: list[tuple[bytes, str]] = []
    problems: list[Problem] = []
    closed: list[bytes] = []
    for log in reader.discover(environ):
        if log.is_closed:
            closed.append(log.place.encode(_ENCODING, _ERRORS))
            problems += _closed(log)
            continue
        key = stored_text(log.key)
        try:
            status = os.stat(log.place)  # noqa: PTH116
        except FileNotFoundError:
            continue
        except OSError as error:
            seen += 1
            rest.pop(key, None)
            problems.append(unreadable(log, error.strerror or str(error)))
            continue
        seen += 1
        row = rest.pop(key, None)
        stamp = (status.st_dev & SIGNED, status.st_ino & SIGNED, status.st_size, status.st_mtime_ns)
        if log.journal is not None:
            stamp = database_stamp(status, log.journal)
        path = log.place.encode(_ENCODING, _ERRORS)
        if row == (key, *stamp, log.compressed, 1, path, 0):
            continue
        if row is None or row[1:_PATH] != (*stamp, log.compressed, 1):
            if stat.S_ISREG(status.st_mode):
                tasks.append(Task(log, stamp[2]))
            else:
                problems.append(unreadable(log, "not a regular file"))
        else:
            moved.append((path, key))
    vanished = tuple(key for key, row in rest.items() if not row[_GONE] and not row[_PATH].startswith(tuple(closed)))
    return Survey(seen, tuple(tasks), tuple(moved), vanished, tuple(problems))


def record_moves(store: Store, agent: str, result: Survey) -> None:
    """Store new places, and which logs have vanished; their facts stay."""
    if not result.moved and not result.vanished:
        return
    one = "WHERE agent = (SELECT id FROM agent WHERE name = ?) AND key = ?"
    with store.transaction() as connection:
        connection.executemany(
            f"UPDATE source SET path = ?, gone = 0, revision = revision + 1 {one}",  # noqa: S608
            ((path, agent, key) for path, key in result.moved),
        )
        connection.executemany(
            f"UPDATE source SET gone = 1, revision = revision + 1 {one}",  # noqa: S608
            ((agent, key) for key in result.vanished),
        )


def marks(store: Store, agent: str, keys: Sequence[str]) -> dict[str, Mark]:
    """How far these logs were read, by key; logs never read are left out."""
    found: dict[str, Mark] = {}
    for start in range(0, len(keys), _AT_ONCE):
        part = keys[start : start + _AT_ONCE]
        those = ", ".join("?" * len(part))
        rows = store.rows(
            f"""SELECT key, dev, ino, size, mtime_ns, compressed, reader, revision, cursor, head_size, head, tail, state
            FROM source WHERE agent = (SELECT id FROM agent WHERE name = ?) AND key IN ({those})""",  # noqa: S608
            (agent, *part),
        )
        found.update((row[0], Mark(Stamp(*row[1:5]), bool(row[5]), *row[6:])) for row in rows)
    return found


def _closed(log: LogFile) -> list[Problem]:
    """A directory of which nothing was read; none where not even that one is there can be known."""
    if not os.path.isdir(log.place):  # noqa: PTH112
        return []
    message = "no log in this directory was read: Permission denied"
    return [Problem("unreadable-log", message, Where(file=stored_text(log.place)), "make it readable for your user")]


def unreadable(log: LogFile, why: str) -> Problem:
    """A log that was passed over; what is known of it stays."""
    return Problem("unreadable-log", f"the log was not read: {why}", Where(file=stored_text(log.place)))


def _known(store: Store, reader: LogReader) -> dict[str, tuple[Any, ...]]:
    """By key: key, the four numbers of the stamp, compressed, read by this version, path, gone."""
    rows = store.rows(
        """SELECT key, dev, ino, size, mtime_ns, compressed, reader = ?, path, gone
        FROM source WHERE agent = (SELECT id FROM agent WHERE name = ?)""",
        (reader.version, reader.agent),
    )
    return {row[0]: row for row in rows}
