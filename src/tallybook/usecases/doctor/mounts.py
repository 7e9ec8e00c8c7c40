"""Which file system a path is on, by the kernel's own listing of mounts; what stands there is not touched."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_FIELDS: Final = 6
"""At least so many stand before the dash: id, parent, device, root, point and options."""
_ESCAPE: Final = re.compile(rb"\\([0-3][0-7]{2})")


class Mount(NamedTuple):
    """Where a file system begins, its kind as the kernel names it, and the options that it has there."""

    point: str
    kind: str
    options: frozenset[str] = frozenset()


class _Entry(NamedTuple):
    id: bytes
    parent: bytes
    mount: Mount


def mount_of(path: Path, listing: bytes) -> Mount | None:
    """The file system that ``path`` (absolute, links resolved) is on, by the bytes of ``/proc/self/mountinfo``.

    Goes from mount to mount as the kernel does: what was mounted below a directory before something else was mounted
    on that directory can't be reached any more, however long its name is.
    """
    left = list(_entries(listing))
    ids = {entry.id for entry in left}
    best: _Entry | None = None
    while True:
        steps = [entry for entry in left if _is_next(entry, best, ids) and path.is_relative_to(entry.mount.point)]
        if not steps:
            return None if best is None else best.mount
        best = min(steps, key=lambda entry: len(entry.mount.point))
        left.remove(best)


def _is_next(entry: _Entry, last: _Entry | None, ids: set[bytes]) -> bool:
    """Whether a mount stands on the last one; the first stands on one that is out of sight, or on itself."""
    return entry.parent == last.id if last is not None else entry.parent not in ids or entry.parent == entry.id


def _entries(listing: bytes) -> Iterator[_Entry]:
    for line in listing.split(b"\n"):
        head, _, tail = line.partition(b" - ")
        fields, (kind, *source) = head.split(b" "), tail.split(b" ")
        if len(fields) < _FIELDS or not kind:
            continue
        options = b",".join((fields[5], *source[1:])).split(b",")
        mount = Mount(_text(fields[4]), _text(kind), frozenset(map(_text, options)))
        yield _Entry(fields[0], fields[1], mount)


def _text(field: bytes) -> str:
    return os.fsdecode(_ESCAPE.sub(lambda found: bytes((int(found[1], 8),)), field))
