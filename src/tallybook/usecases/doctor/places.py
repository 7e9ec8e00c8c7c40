"""The file systems that things lie on: their kind and what it means, and how much room is left.

Looks only; nothing is written, and a system without ``/proc`` is told nothing about kinds.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tallybook.usecases.doctor.finding import note, ok, problem
from tallybook.usecases.doctor.mounts import mount_of

if TYPE_CHECKING:
    from tallybook.usecases.doctor.finding import Finding

MOUNTS: Final = Path("/proc/self/mountinfo")
TIGHT: Final = 100 * 1024 * 1024
"""Bytes; less is worth a note."""
FEW: Final = 100
"""Files that can still be added; fewer are worth a note."""
FULL: Final = 1024 * 1024
"""Bytes; less is a full disk."""
_FAR: Final = "a lock may exclude the processes of this machine only"
_PASSED: Final = "the host shares it with this machine, and a lock may not exclude the other side"
_OPEN: Final = "it keeps no permissions: whoever may look at it may read the ledger and the history"
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
    "glusterfs": _FAR,
    "beegfs": _FAR,
    "gpfs": _FAR,
    "ncpfs": _FAR,
    "coda": _FAR,
    "vmhgfs": _PASSED,
    "prl_fs": _PASSED,
    "vfat": _OPEN,
    "msdos": _OPEN,
    "exfat": _OPEN,
    "overlay": "the layer of a container: what is written here may go when the container goes",
    "aufs": "the layer of a container: what is written here may go when the container goes",
    "tmpfs": "memory: all of it is gone with the next start of the machine",
    "ramfs": "memory: all of it is gone with the next start of the machine",
}
_LOOSE: Final = {
    "nobarrier": "the disk is not told to write: what was acknowledged may be lost with the power",
    "barrier=0": "the disk is not told to write: what was acknowledged may be lost with the power",
    "volatile": "syncs are not waited for: what was acknowledged may be lost with the power",
    "nolock": "locks stay on this machine, and exclude no other",
    "local_lock=all": "locks stay on this machine, and exclude no other",
    "local_lock=flock": "locks stay on this machine, and exclude no other",
    "nobrl": "locks stay on this machine, and exclude no other",
}
"""Options that take a promise back."""


def standing(path: Path) -> Path:
    """The path, or what exists of it from the root on."""
    whole = path.absolute()
    return next((place for place in (whole, *whole.parents) if place.exists()), Path("/"))


def kind_of(name: str, path: Path, hint: str) -> Finding:
    """The file system of ``path``; ``hint`` is what helps where it is an odd one."""
    place = standing(path).resolve()
    try:
        mount = mount_of(place, MOUNTS.read_bytes())
    except OSError:
        mount = None
    if mount is None:
        return ok(name, "its kind can't be told on this system", place)
    meaning = _MEANINGS.get(mount.kind) or _MEANINGS.get(mount.kind.partition(".")[0])
    loose = [f"{option}, so {what}" for option, what in _LOOSE.items() if option in mount.options]
    told = "; ".join(loose if meaning is None else [meaning, *loose])
    if not told:
        return ok(name, f"{mount.kind}, mounted at {mount.point}", place)
    return note(name, f"{mount.kind}, mounted at {mount.point}: {told}", hint, place)


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
    if status.f_files and status.f_favail < FEW:
        return note(
            name, f"{shown}, but only {status.f_favail:,} files can be added", f"remove files, or {elsewhere}", place
        )
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
