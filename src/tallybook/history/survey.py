"""Which logs have changed: one ``stat`` each; a log whose stamp is the stored one is never opened."""

from __future__ import annotations

import os
import stat
import sys
from typing import TYPE_CHECKING, Any, Final

import msgspec

from tallybook.agents.port import LogFile, WalkingReader
from tallybook.domain.problems import Problem, Where
from tallybook.history.contents import SIGNED, Mark, Stamp, database_stamp
from tallybook.history.names import stored_text
from tallybook.history.sighting import UNLIKE, Awaited, Sight, last_change, recall

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from tallybook.agents.port import LogReader
    from tallybook.history.store import Store

_ENCODING: Final = sys.getfilesystemencoding()
_ERRORS: Final = sys.getfilesystemencodeerrors()
_AT_ONCE: Final = 1000
_SOURCES: Final = "agent = (SELECT id FROM agent WHERE name = ?)"
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
    sight: Sight | None
    """What may be remembered of it; None where there is nothing new."""


def survey(store: Store, reader: LogReader, environ: Mapping[str, str], awaited: Awaited | None = None) -> Survey:
    """Compare the logs of one agent with what the store knows of them, when the one that is awaited is written."""
    recalled = recall(store, reader, environ, awaited)
    if recalled is None:
        if awaited is not None:
            awaited.wait()
        return full_survey(store, reader, environ)
    keys = [stored_text(log.key) for log in recalled.logs]
    those = f"{_SOURCES} AND key IN ({', '.join('?' * len(keys))})"
    compared = _Compared({row[0]: row for row in _rows(store, reader, those, keys)} if keys else {})
    compared.take(recalled.logs, None)
    return compared.result(recalled.others, None)


def full_survey(store: Store, reader: LogReader, environ: Mapping[str, str]) -> Survey:
    """The same, with all directories listed and all logs compared, whatever is remembered of them."""
    if not isinstance(reader, WalkingReader):
        compared = _Compared({row[0]: row for row in _rows(store, reader, _SOURCES)})
        compared.take(reader.discover(environ), None)
        return compared.result(0, None)
    with store.as_of_now():
        sight = Sight(last_change(store, reader.agent))
        compared = _Compared({row[0]: row for row in _rows(store, reader, _SOURCES)})
    compared.take(reader.walk(environ, sight.walked), sight)
    return compared.result(0, sight)


class _Compared:
    """What a comparison has come to; ``rest`` are the store's rows of logs that were not met yet, by key."""

    def __init__(self, rest: dict[str, tuple[Any, ...]]) -> None:
        self._rest = rest
        self._seen = 0
        self._tasks: list[Task] = []
        self._moved: list[tuple[bytes, str]] = []
        self._problems: list[Problem] = []
        self._closed: list[bytes] = []

    def take(self, logs: Iterable[LogFile], sight: Sight | None) -> None:
        """Compare logs; ``sight`` is told of them.

        Of logs that are as they were there may be tens of thousands, so the loop makes nothing for them but a tuple.
        """
        rest = self._rest
        for log in logs:
            if log.is_closed:
                self._closed.append(log.place.encode(_ENCODING, _ERRORS))
                self._problems += _closed(log)
                continue
            key = stored_text(log.key)
            try:
                status = os.stat(log.place)  # noqa: PTH116
            except OSError as error:
                self._without_status(log, key, error)
                if sight is not None:
                    sight.walked.is_all = False
                continue
            self._seen += 1
            row = rest.pop(key, None)
            stamp = (status.st_dev & SIGNED, status.st_ino & SIGNED, status.st_size, status.st_mtime_ns)
            if log.journal is not None:
                stamp = database_stamp(status, log.journal)
            path = log.place.encode(_ENCODING, _ERRORS)
            is_same = row == (key, *stamp, log.compressed, 1, path, 0)
            if sight is not None:
                sight.add(log, stamp if is_same else UNLIKE)
            if not is_same:
                self._differs(log, row, status, stamp)

    def result(self, others: int, sight: Sight | None) -> Survey:
        """All of it, with as many other logs that are as they were."""
        closed = tuple(self._closed)
        vanished = (key for key, row in self._rest.items() if not row[_GONE] and not row[_PATH].startswith(closed))
        parts = (tuple(self._tasks), tuple(self._moved), tuple(vanished), tuple(self._problems))
        return Survey(self._seen + others, *parts, sight)

    def _without_status(self, log: LogFile, key: str, error: OSError) -> None:
        if not isinstance(error, FileNotFoundError):
            self._seen += 1
            self._rest.pop(key, None)
            self._problems.append(unreadable(log, error.strerror or str(error)))

    def _differs(
        self, log: LogFile, row: tuple[Any, ...] | None, status: os.stat_result, stamp: tuple[int, ...]
    ) -> None:
        if row is not None and row[1:_PATH] == (*stamp, log.compressed, 1):
            self._moved.append((log.place.encode(_ENCODING, _ERRORS), row[0]))
        elif stat.S_ISREG(status.st_mode):
            self._tasks.append(Task(log, stamp[2]))
        else:
            self._problems.append(unreadable(log, "not a regular file"))


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


def _rows(store: Store, reader: LogReader, which: str, values: Sequence[str] = ()) -> list[tuple[Any, ...]]:
    """Key, the four numbers of the stamp, compressed, read by this version, path, gone."""
    return store.rows(
        f"SELECT key, dev, ino, size, mtime_ns, compressed, reader = ?, path, gone FROM source WHERE {which}",  # noqa: S608
        (reader.version, reader.agent, *values),
    )
