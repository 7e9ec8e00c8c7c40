"""How much of each writer's file a remote has: what was last seen there, so that nothing is asked to tell it.

Standard library only. It is a note and no source of truth; one that can't be read says that nothing is there.
"""

from __future__ import annotations

import json
import os
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, NamedTuple

from tallybook.ledger.file import FileSystem, opened, replace_file

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

NAME: Final = "synced.json"
_LONGEST: Final = 16 * 1024 * 1024


class Synced(NamedTuple):
    """What a remote had when it was last asked."""

    remote: str = ""
    ref: str = ""
    at: str = ""
    """ISO 8601, UTC."""
    lines: Mapping[str, int] = MappingProxyType({})
    """By writer."""


def load(files: FileSystem, home: Path) -> Synced:
    """The note in the home."""
    try:
        with opened(files, home / NAME, os.O_RDONLY) as source:
            told = json.loads(files.read(source.descriptor, _LONGEST, 0))
        found = Synced(str(told["remote"]), str(told["ref"]), str(told["at"]), dict(told["lines"]))
        return found if all(type(count) is int for count in found.lines.values()) else Synced()
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return Synced()


def save(files: FileSystem, home: Path, synced: Synced) -> None:
    """Replace the note.

    Raises:
        OSError: the one before is still there.
    """
    data = (
        json.dumps({**synced._asdict(), "lines": dict(synced.lines)}, separators=(",", ":"), sort_keys=True).encode()
        + b"\n"
    )
    replace_file(files, home / NAME, data, durable=False)
