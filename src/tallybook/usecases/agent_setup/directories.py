"""Takes away the directories that an installation made, and leaves those that stood there empty before it.

The latter are noted in the data directory, as that is nothing which the directory itself could tell.
"""

from __future__ import annotations

import json
from contextlib import suppress
from itertools import takewhile
from typing import TYPE_CHECKING, Final

from tallybook.usecases.write_file import write_if_changed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

NOTES: Final = "agent-directories.json"


def make_for(path: Path, limit: Path, data: Path) -> None:
    """Make the directories of ``path``, all below ``limit``; note each that is there and holds nothing.

    Raises:
        OSError: a place can't be written.

    """
    empty = {str(one) for one in _above(path, limit) if one.is_dir() and not any(one.iterdir())}
    kept = _noted(data)
    if empty - kept:
        _note(data, kept | empty)
    path.parent.mkdir(parents=True, exist_ok=True)


def remove_for(paths: Iterable[Path], limit: Path, data: Path) -> None:
    """Remove the empty directories of ``paths`` below ``limit``, the noted ones apart, and forget the notes of those.

    Raises:
        OSError: the data directory can't be written.

    """
    kept = _noted(data)
    met: set[str] = set()
    for path in paths:
        for one in _above(path, limit):
            if str(one) in kept:
                met.add(str(one))
                break
            with suppress(OSError):  # it is a link, or it is not empty
                one.rmdir()
    if met:
        _note(data, kept - met)


def _above(path: Path, limit: Path) -> Iterator[Path]:
    """The directories of ``path``, innermost first, up to ``limit``, which is not among them."""
    return takewhile(limit.__ne__, path.parents)


def _noted(data: Path) -> set[str]:
    try:
        found = json.loads((data / NOTES).read_bytes())
    except (OSError, ValueError, RecursionError):
        return set()
    return {one for one in found if isinstance(one, str)} if isinstance(found, list) else set()


def _note(data: Path, kept: set[str]) -> None:
    if not kept:
        (data / NOTES).unlink(missing_ok=True)
        return
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_if_changed(data / NOTES, json.dumps(sorted(kept)) + "\n")
