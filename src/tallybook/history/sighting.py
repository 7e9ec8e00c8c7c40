"""Remembers which logs an agent had, in which directories, and how they were: then little is listed or compared.

A sighting is of one agent, in its row. It is taken back by what it says itself (see ``agents.walked`` for directories,
the stamps of logs for their content), and by whoever writes a source of the agent: triggers note the keys, in whatever
process or version of the program. The first survey of many logs arms those, the next keeps what it has seen.
"""

from __future__ import annotations

import os
from array import array
from itertools import chain
from operator import attrgetter
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

from tallybook.agents.port import LogFile
from tallybook.agents.walked import Walked, stamp_of
from tallybook.history.names import stored_text
from tallybook.history.store import Store, StoreDamaged, StoreUnavailable

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from tallybook.agents.port import LogReader

LEAST: Final = 200
"""Logs; fewer are looked at in no time."""
MOST_CHANGED: Final = 100
"""Logs that are compared singly; for more of them a new sighting pays."""
MOST_OF_ONE: Final = 1000
"""Logs of one session that are compared beside them."""
_FORM: Final = 2
_BLOCK: Final = 64
_STAMP: Final = 4
_WIDTH: Final = 8 * _STAMP
"""Bytes of the stamp of a log."""
UNLIKE: Final = (-1, -1, -1, -1)
"""The stamp of no log."""
_END: Final = b"\0"
"""Stands before and behind every name: no path has it."""
_numbers: Final = attrgetter("st_dev", "st_ino", "st_size", "st_mtime_ns")
_PARTS: Final = ("sighting", "sighting_change", "sighting_insert", "sighting_update", "sighting_delete")
_ARMS: Final = (
    "CREATE TABLE IF NOT EXISTS sighting (agent INTEGER PRIMARY KEY REFERENCES agent, data BLOB) STRICT",
    """CREATE TABLE IF NOT EXISTS sighting_change (id INTEGER PRIMARY KEY AUTOINCREMENT, agent INTEGER NOT NULL,
    key TEXT NOT NULL, UNIQUE (agent, key)) STRICT""",
    *(
        f"""CREATE TRIGGER IF NOT EXISTS sighting_{act} AFTER {act} ON source
        WHEN EXISTS (SELECT 1 FROM sighting WHERE agent = {row}.agent)
        BEGIN
            DELETE FROM sighting_change WHERE agent = {row}.agent AND key = {row}.key;
            INSERT INTO sighting_change (agent, key) VALUES ({row}.agent, {row}.key);
        END"""  # noqa: S608
        for act, row in (("insert", "NEW"), ("update", "NEW"), ("delete", "OLD"))
    ),
)
"""The number of a change is greater than that of every earlier one, also of those that are gone."""
_AGENT: Final = "(SELECT id FROM agent WHERE name = ?)"


class _Kept(msgspec.Struct, array_like=True, frozen=True):
    form: int
    user: int
    """Whose rights the directories were looked into with."""
    version: str
    """Of the reader."""
    roots: list[bytes]
    through: int
    """The last change of a source that it knows of."""
    directories: bytes
    directory_stamps: bytes
    absent: bytes
    keys: bytes
    """Empty where all of them are the places."""
    places: bytes
    compressed: bytes
    """A byte for each log."""
    stamps: bytes


_encode: Final = msgspec.msgpack.Encoder().encode
_decode: Final = msgspec.msgpack.Decoder(_Kept).decode


class Recalled(msgspec.Struct, frozen=True):
    """What a sighting leaves to do."""

    logs: tuple[LogFile, ...]
    """Those that must be compared: they, or what the store knows of them, have changed."""
    others: int
    """How many are as they were."""


class Sight:
    """A sighting in the making: every log that is looked at, in order."""

    def __init__(self, change: int | None) -> None:
        self.walked = Walked()
        self.change = change
        """The last change of a source before the sources were read; None where changes are not noted yet."""
        self.logs: list[LogFile] = []
        self.stamps: list[int] = []

    def add(self, log: LogFile, stamp: Sequence[int]) -> None:
        """A log, and its stamp where the store has it as it is."""
        self.logs.append(log)
        self.stamps += stamp

    @property
    def can_be_kept(self) -> bool:
        """Whether nothing but what it holds can change what the next survey finds."""
        return len(self.logs) >= LEAST and self.walked.is_all


class Awaited(NamedTuple):
    """A session whose log is about to be written; all that can be is done before the wait for it."""

    agent: str
    session: str
    wait: Callable[[], None]
    """Returns when it is written, or will not be; at once where it is called again."""

    def among(self, places: Sequence[bytes]) -> Iterator[int]:
        """Which of these paths may be logs of the session: those that name it."""
        name = os.fsencode(self.session)
        return (at for at, place in enumerate(places) if name in place)


def last_change(store: Store, agent: str) -> int | None:
    """The number of the last change that is noted; None where changes of the agent's sources are not noted."""
    if not _is_armed(store) or not store.rows(f"SELECT 1 FROM sighting WHERE agent = {_AGENT}", (agent,)):  # noqa: S608
        return None
    return int(store.rows("SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'sighting_change'")[0][0])


def recall(
    store: Store, reader: LogReader, environ: Mapping[str, str], awaited: Awaited | None = None
) -> Recalled | None:
    """What is left to do of a survey; None where all of it is, since there is no sighting or it holds no more.

    The logs of a session that is ``awaited`` are left to do, and nothing of them was looked at before the wait.
    """
    with store.as_of_now():
        kept, noted = _last(store, reader.agent)
    if kept is None or (kept.user, kept.version, kept.roots) != (os.geteuid(), reader.version, _roots(reader, environ)):
        return None
    places = _names(kept.places)
    found = _found(kept, places)
    if found is None:
        return None
    live = [] if awaited is None else list(awaited.among(places))
    differing = {*_differences(found, kept.stamps), *live}
    keys = _names(kept.keys) if kept.keys and (differing or noted) else places
    written = {key.encode() for key in noted}.difference(keys[at] for at in differing)
    alike = [at for at, key in enumerate(keys) if key in written] if written else []
    changed = sorted([*differing, *alike])
    if len(alike) < len(written) or len(changed) > MOST_CHANGED + min(len(live), MOST_OF_ONE):
        return None
    logs = tuple(
        LogFile(reader.agent, keys[at].decode(), os.fsdecode(places[at]), bool(kept.compressed[at])) for at in changed
    )
    if awaited is not None:
        awaited.wait()
        if not _are_as_seen(kept):
            return None
    return Recalled(logs, len(places) - len(changed))


def _last(store: Store, agent: str) -> tuple[_Kept | None, list[str]]:
    """The sighting, and the keys of sources that were written since."""
    if not _is_armed(store):
        return None, []
    rows = store.rows(f"SELECT agent, data FROM sighting WHERE data IS NOT NULL AND agent = {_AGENT}", (agent,))  # noqa: S608
    kept = _understood(rows[0][1]) if rows else None
    if kept is None:
        return None, []
    query = "SELECT key FROM sighting_change WHERE agent = ? AND id > ?"
    return kept, [key for (key,) in store.rows(query, (rows[0][0], kept.through))]


def remember(store: Store, reader: LogReader, environ: Mapping[str, str], sight: Sight) -> None:
    """Keep a sighting, if changes were noted when it was made; else have them noted from now on.

    Where it can't be written, the next survey looks at everything, as this one did.
    """
    if not sight.can_be_kept:
        return
    kept = None if sight.change is None else _packed(reader, environ, sight)
    store.commit()  # what was written before must not be undone with it
    try:
        with store.transaction() as connection:
            if sight.change is None:
                _arm(connection, reader.agent)
            elif kept is not None:
                _keep(connection, reader.agent, kept)
        store.commit()
    except StoreDamaged:
        raise
    except StoreUnavailable:
        return


def _arm(connection: sqlite3.Connection, agent: str) -> None:
    for statement in _ARMS:
        connection.execute(statement)
    connection.execute("INSERT OR IGNORE INTO sighting SELECT id, NULL FROM agent WHERE name = ?", (agent,))


def _keep(connection: sqlite3.Connection, agent: str, kept: _Kept) -> None:
    connection.execute(f"UPDATE sighting SET data = ? WHERE agent = {_AGENT}", (_encode(kept), agent))  # noqa: S608
    connection.execute(
        f"DELETE FROM sighting_change WHERE agent = {_AGENT} AND id <= ?",  # noqa: S608
        (agent, kept.through),
    )


def _is_armed(store: Store) -> bool:
    """Whether all is there that notes changes."""
    marks = ", ".join("?" * len(_PARTS))
    query = f"SELECT count(*) FROM sqlite_master WHERE name IN ({marks})"  # noqa: S608
    return bool(store.rows(query, _PARTS)[0][0] == len(_PARTS))


def _understood(data: bytes) -> _Kept | None:
    try:
        kept = _decode(data)
    except msgspec.MsgspecError:  # of another version of the program
        return None
    return kept if kept.form == _FORM else None


def _found(kept: _Kept, places: Sequence[bytes]) -> bytes | None:
    """The stamps of all logs; None where their names may differ from what was seen."""
    try:
        return _stamps(map(_numbers, map(os.stat, places))) if _are_as_seen(kept) else None
    except (OSError, OverflowError):  # a log has gone, or closed
        return None


def _are_as_seen(kept: _Kept) -> bool:
    """Whether all directories are, so that there is no new log."""
    try:
        directories = _stamps(map(stamp_of, map(os.stat, _names(kept.directories))))
        return directories == kept.directory_stamps and not any(map(_is_there, _names(kept.absent)))
    except (OSError, OverflowError):
        return False


def _differences(found: bytes, kept: bytes) -> Iterator[int]:
    step = _WIDTH * _BLOCK
    for start in range(0, len(found), step):
        if found[start : start + step] != kept[start : start + step]:
            for at in range(start, min(start + step, len(found)), _WIDTH):
                if found[at : at + _WIDTH] != kept[at : at + _WIDTH]:
                    yield at // _WIDTH


def _packed(reader: LogReader, environ: Mapping[str, str], sight: Sight) -> _Kept | None:
    """None for what has no place in it: names that are no text, numbers of more than 63 bits."""
    if any(stored_text(log.key) != log.key for log in sight.logs):
        return None
    walked = sight.walked
    keys = _joined(log.key.encode() for log in sight.logs)
    places = _joined(os.fsencode(log.place) for log in sight.logs)
    try:
        return _Kept(
            form=_FORM,
            user=os.geteuid(),
            version=reader.version,
            roots=_roots(reader, environ),
            through=sight.change or 0,
            directories=_joined(map(os.fsencode, walked.directories)),
            directory_stamps=array("q", walked.stamps).tobytes(),
            absent=_joined(map(os.fsencode, walked.absent)),
            keys=b"" if keys == places else keys,
            places=places,
            compressed=bytes(log.compressed for log in sight.logs),
            stamps=array("q", sight.stamps).tobytes(),
        )
    except OverflowError:
        return None


def _roots(reader: LogReader, environ: Mapping[str, str]) -> list[bytes]:
    return [os.fsencode(root) for root in reader.roots(environ)]


def _stamps(numbers: Iterable[tuple[int, ...]]) -> bytes:
    return array("q", chain.from_iterable(numbers)).tobytes()


def _joined(names: Iterable[bytes]) -> bytes:
    return b"".join((_END, *(name + _END for name in names)))


def _names(joined: bytes) -> list[bytes]:
    return joined.split(_END)[1:-1]


def _is_there(place: bytes) -> bool:
    try:
        os.stat(place)  # noqa: PTH116 - it is bytes
    except (FileNotFoundError, NotADirectoryError):
        return False
    return True
