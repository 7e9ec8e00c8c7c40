"""What names tell of sessions: a file is called by its session's birth and id, and an id may hold the birth too."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from typing import TYPE_CHECKING, Final, NamedTuple
from uuid import UUID

if TYPE_CHECKING:
    from pathlib import PurePath

_STEM: Final = re.compile(r"(\d{4}-\d\d-\d\d)T(\d\d)-(\d\d)-(\d\d)(?:-(\d{1,6}))?Z_(.+)", re.DOTALL | re.ASCII)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_ENDING: Final = ".jsonl"
_SORTABLE: Final = 7
"""The version of UUIDs that begin with their time."""
_LONGEST: Final = 200


class Named(NamedTuple):
    """A session as another one names it."""

    group: str
    """Of its head, which every file of that session has or is linked to."""
    session: str | None
    """Its id, where the name holds it."""
    born: int | None
    """Microseconds since the epoch, UTC, where the name holds it."""


def head(session: str) -> str:
    """The group of a session's head."""
    return f"s:{short(session)}"


def place(path: str) -> str:
    """The group of a file whose name does not hold its session's id."""
    return f"f:{blake2b(path.encode('utf-8', 'surrogatepass'), digest_size=16).hexdigest()}"


def named(text: str) -> Named:
    """The session that a path or an id names."""
    name = text.replace("\\", "/").rpartition("/")[2]
    if name == text and not name.endswith(_ENDING):
        return Named(head(text), text, _sorted(text))
    stem = name.removesuffix(_ENDING)
    session = session_of(stem)
    return Named(place(text) if session is None else head(session), session, _born(stem))


def session_of(stem: str) -> str | None:
    """The session that a file is called by; None where the name is another one."""
    found = _STEM.fullmatch(stem)
    return found[6] if found else None


def sender(path: PurePath) -> str | None:
    """The session whose directory of subagents holds the file, None for others; those within are its own too."""
    return next((session for one in path.parents if (session := session_of(one.name))), None)


def short(text: str) -> str:
    """The text itself, or a digest where it is too long for a name."""
    return text if len(text) <= _LONGEST else blake2b(text.encode("utf-8", "surrogatepass")).hexdigest()


def _born(stem: str) -> int | None:
    found = _STEM.fullmatch(stem)
    if found is None:
        return None
    day, hour, minute, second, fraction, session = found.groups()
    try:
        at = datetime.fromisoformat(f"{day}T{hour}:{minute}:{second}+00:00")
    except ValueError:
        return _sorted(session)
    return (at - _EPOCH) // timedelta(microseconds=1) + int((fraction or "").ljust(6, "0"))


def _sorted(session: str) -> int | None:
    """The time that an id begins with."""
    try:
        identity = UUID(session)
    except ValueError:
        return None
    return (identity.int >> 80) * 1000 if identity.version == _SORTABLE else None
