"""The file systems that things lie on: their kind and what it means, and how much room is left.

Looks only; nothing is written, and a system without ``/proc`` is told nothing about kinds.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from tallybook.usecases.doctor.finding import note, ok, problem

if TYPE_CHECKING:
    from tallybook.usecases.doctor.finding import Finding

MOUNTS: Final = Path("/proc/self/mountinfo")
TIGHT: Final = 100 * 1024 * 1024
"""Bytes; less is worth a note."""
FULL: Final = 1024 * 1024
"""Bytes; less is a full disk."""
_POINT: Final = 4
"""Number of the field that holds the mount point."""
_FAR: Final = "a lock may exclude the processes of this machine only"
_PASSED: Final = "the host shares it with this machine, and a lock may not exclude the other side"
_MEANINGS: Final = {
    "nfs": _FAR,
    "nfs4": _FAR,
    "cifs": _FAR,
    "smb3": _FAR,
    "smbfs": _FAR,
    "afs": _FAR,
    "ceph": _FAR,
    "lustre": _FAR,
    "9p": _PASSED,
    "virtiofs": _PASSED,
    "vboxsf": _PASSED,
    "drvfs": _PASSED,
    "fuse": "a program serves it: what locks and syncs are worth depends on that program",
    "overlay": "the layer of a container: what is written here may go when the container goes",
    "tmpfs": "memory: all of it is gone with the next start of the machine",
    "ramfs": "memory: all of it is gone with the next start of the machine",
}
_ESCAPE: Final = re.compile(r"\\([0-7]{3})")


class Mount(NamedTuple):
    """Where a file system begins, and its kind as the kernel names it."""

    point: str
    kind: str


def standing(path: Path) -> Path:
    """The path, or what exists of it from the root on."""
    whole = path.absolute()
    return next((place for place in (whole, *whole.parents) if place.exists()), Path("/"))


def mount_of(path: Path, listing: str) -> Mount | None:
    """The file system that ``path`` (absolute, links resolved) is on, by the text of ``/proc/self/mountinfo``."""
    best: Mount | None = None
    for line in listing.splitlines():
        head, _, tail = line.partition(" - ")
        fields, kind = head.split(" "), tail.partition(" ")[0]
        if len(fields) <= _POINT or not kind:
            continue
        point = _ESCAPE.sub(lambda found: chr(int(found[1], 8)), fields[_POINT])
        if path.is_relative_to(point) and (best is None or len(point) >= len(best.point)):
            best = Mount(point, kind)
    return best


def kind_of(name: str, path: Path, hint: str) -> Finding:
    """The file system of ``path``; ``hint`` is what helps where it is an odd one."""
    place = standing(path).resolve()
    try:
        mount = mount_of(place, MOUNTS.read_text("utf-8", "surrogateescape"))
    except OSError:
        mount = None
    if mount is None:
        return ok(name, "its kind can't be told on this system", place)
    meaning = _MEANINGS.get(mount.kind) or _MEANINGS.get(mount.kind.partition(".")[0])
    if meaning is None:
        return ok(name, f"{mount.kind}, mounted at {mount.point}", place)
    return note(name, f"{mount.kind}, mounted at {mount.point}: {meaning}", hint, place)


def room(name: str, path: Path, elsewhere: str) -> Finding:
    """How much may still be written where ``path`` is; ``elsewhere`` says how to move away."""
    place = standing(path)
    status = os.statvfs(place)
    free = status.f_bavail * status.f_frsize
    shown = f"{readable(free)} free"
    if status.f_flag & os.ST_RDONLY:
        return problem(name, "the file system is read-only", f"mount it writable, or {elsewhere}", place)
    if status.f_files and not status.f_favail:
        return problem(
            name, f"{shown}, but no file can be added: its inodes are used up", f"remove files, or {elsewhere}", place
        )
    if free < FULL:
        return problem(name, f"{shown}: the disk is full", f"free some disk space, or {elsewhere}", place)
    if free < TIGHT:
        return note(name, shown, f"free some disk space, or {elsewhere}", place)
    return ok(name, shown, place)


def readable(size: int) -> str:
    """A number of bytes in the unit that suits it."""
    amount = float(size)
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if amount < 1024:  # noqa: PLR2004 - the units' own step
            return f"{amount:,.0f} {unit}" if unit == "bytes" else f"{amount:,.1f} {unit}"
        amount /= 1024
    return f"{amount:,.1f} TiB"
