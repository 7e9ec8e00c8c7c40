"""What a directory stands in: a folder that a sync tool copies, another disk, names without capitals.

Looks only; a tool is known by the marks that it leaves, and by the names that its folders have.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Final

from tallybook.usecases.doctor.finding import note, ok
from tallybook.usecases.doctor.places import standing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tallybook.usecases.doctor.finding import Finding

_FILES: Final = {
    ".dropbox": "Dropbox",
    ".849C9593-D756-4E56-8D6E-42412F2A707B": "OneDrive",
    ".sync/ID": "Resilio Sync",
}
_DIRECTORIES: Final = {
    ".dropbox.cache": "Dropbox",
    ".stfolder": "Syncthing",
    ".tmp.drivedownload": "Google Drive",
    ".tmp.driveupload": "Google Drive",
}
_DATABASE: Final = re.compile(r"\._?sync_[0-9a-f]+\.db")
_NAMES: Final = re.compile(r"(Dropbox|OneDrive|iCloudDrive)(?: \(.+\)| - .+)?")
_APPLE: Final = ("Library", "Mobile Documents")
_CLOUD_STORAGE: Final = ("Library", "CloudStorage")
_DANGER: Final = (
    "it may put older bytes back or a second copy beside while a command writes, and on another machine no lock is seen"
)


def sync_folder(name: str, path: Path, hint: str) -> Finding:
    """Whether a tool keeps the directory in step with other machines; ``hint`` is what helps then."""
    place = standing(path).resolve()
    for folder in (place, *place.parents):
        tool = _by_mark(folder) or _by_name(folder)
        if tool is not None:
            return note(name, f"{tool} copies what is below {folder}: {_DANGER}", hint, place)
    return ok(name, "no mark of a sync tool is seen above it", place)


def _by_mark(folder: Path) -> str | None:
    for marks, is_there in ((_FILES, os.path.isfile), (_DIRECTORIES, os.path.isdir)):
        found = _first(marks, folder, is_there)
        if found is not None:
            return found
    return "Nextcloud or ownCloud" if any(map(_DATABASE.fullmatch, _listed(folder))) else None


def _first(marks: dict[str, str], folder: Path, is_there: Callable[[str], bool]) -> str | None:
    return next((tool for mark, tool in marks.items() if is_there(f"{folder}/{mark}")), None)


def _by_name(folder: Path) -> str | None:
    if folder.parts[-2:] == _APPLE:
        return "iCloud Drive"
    if folder.parts[-3:-1] == _CLOUD_STORAGE:
        return folder.name.partition("-")[0]
    found = _NAMES.fullmatch(folder.name)
    return None if found is None else f"{found[1]}, by the name of the folder,"


def other_device(name: str, path: Path, clone: Path) -> Finding:
    """Whether the directory is on another file system than the clone that it belongs to."""
    place = standing(path)
    if place.stat().st_dev == clone.stat().st_dev:
        return ok(name, "on the file system of the git directory", place)
    message = (
        f"on another file system than {clone}: a copy or backup of the clone lacks it, and a command that runs "
        "while it is not mounted begins another ledger below"
    )
    return note(name, message, "see that it is mounted before anything else runs, and keep a backup: tally sync", place)


def letter_case(name: str, path: Path) -> Finding:
    """Whether names that differ in capitals alone are one name there, by a name that stands there."""
    place = standing(path)
    names = set(_listed(place))
    tried = sorted(one for one in names if one.swapcase() not in names and one.swapcase().swapcase() == one)
    where, sample = (place, tried[0]) if tried else (place.parent, place.name)
    if sample.swapcase() == sample or not (where / sample).exists():
        return ok(name, "whether it tells capitals from small letters can't be told yet", place)
    if os.path.lexists(where / sample.swapcase()):
        message = "capitals and small letters are the same here: of two writers no files meet, as their names have none"
        return ok(name, message, place)
    return ok(name, "capitals are told from small letters", place)


def _listed(folder: Path) -> Iterator[str]:
    """The names in a directory; none where it can't be listed."""
    try:
        yield from os.listdir(folder)  # noqa: PTH208 - iterdir would make a Path of each
    except OSError:
        return
