"""Files of early builds that lie beside a message's own and are no logs themselves: its parts, what it answers."""

from __future__ import annotations

import os
import re
import stat
from bisect import bisect_left
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tallybook.agents.opencode import records
from tallybook.agents.opencode.doings import Surroundings, ends_turn
from tallybook.agents.opencode.parts import part_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tallybook.agents.opencode.parts import Part
    from tallybook.agents.port import LogFile

_DOCUMENT: Final = ".json"
_MESSAGES: Final = "message"
_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,100}")
_LONGEST: Final = 64 * 1024 * 1024
_FAR: Final = 512
"""Messages among which the user's message before is looked for."""
_QUIET: Final = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)


def around(log: LogFile, identity: str, session: str, record: records.Record) -> Surroundings:
    """What is known of a message beside itself; nothing where it does not lie where OpenCode keeps messages."""
    home = Path(log.place).parent
    storage = home.parent.parent
    if home.parent.name != _MESSAGES or not all(map(_NAME.fullmatch, (identity, session))):
        return Surroundings()
    parts = tuple(_parts(storage / "part" / identity))
    if record.role == "user":
        return Surroundings(
            parts=parts or None, sent=_is_sent(storage / "session", session), earlier=_earlier(home, identity)
        )
    parent = record.parent or ""
    asked, requested = None, False
    if _NAME.fullmatch(parent) and ends_turn(record):
        asked = _record(home / f"{parent}{_DOCUMENT}")
    elif _NAME.fullmatch(parent) and record.summary is True:
        requested = any(part.kind == "compaction" for part in _parts(storage / "part" / parent))
    return Surroundings(parts=parts or None, asked=asked, requested=requested)


def _parts(directory: Path) -> Iterator[Part]:
    for name in _names(directory):
        raw = _content(directory / name)
        part = None if raw is None else part_of(raw)
        if part is not None:
            yield part


def _is_sent(directory: Path, session: str) -> bool:
    """Whether the file of a session, in whatever project it is, names a parent."""
    try:
        projects = sorted(os.listdir(directory))  # noqa: PTH208 - names are all that is needed
    except OSError:
        return False
    found = (_record(directory / project / f"{session}{_DOCUMENT}") for project in projects)
    return any(record is not None and record.parent is not None for record in found)


def _earlier(home: Path, identity: str) -> records.Record | None:
    """The user's message before: names are in the order of time."""
    names = _names(home)
    place = bisect_left(names, f"{identity}{_DOCUMENT}")
    for name in reversed(names[max(place - _FAR, 0) : place]):
        record = _record(home / name)
        if record is not None and record.role == "user":
            return record
    return None


def _record(path: Path) -> records.Record | None:
    raw = _content(path)
    return None if raw is None else records.whole(raw)


def _names(directory: Path) -> list[str]:
    try:
        return sorted(name for name in os.listdir(directory) if name.endswith(_DOCUMENT))  # noqa: PTH208 - as above
    except (OSError, ValueError):  # absent, or no directory: nothing is kept here
        return []


def _content(path: Path) -> bytes | None:
    """A file that is neither huge nor anything but a file."""
    try:
        handle = os.open(path, _QUIET)
    except (OSError, ValueError):
        return None
    try:
        told = os.fstat(handle)
        if not stat.S_ISREG(told.st_mode) or told.st_size > _LONGEST:
            return None
        with open(handle, "rb", closefd=False) as file:
            return file.read()
    except OSError:
        return None
    finally:
        os.close(handle)
