"""What stands in the files of a ledger, line by line, as the checks need it: places and links, no bodies."""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from tallybook.ledger.file import opened
from tallybook.ledger.line import Envelope, Fault, is_canonical, parse
from tallybook.ledger.scan import SUFFIX, ledger_files, settled_lines

if TYPE_CHECKING:
    from tallybook.ledger.file import FileSystem
    from tallybook.ledger.scan import Line


class Sighting(msgspec.Struct, frozen=True):
    """One whole line in one file."""

    line: int
    byte: int
    envelope: Envelope
    digest: str
    canonical: bool
    """Whether it has the very bytes that this version would write; a line of a newer format passes."""


class FileEvidence(msgspec.Struct, frozen=True):
    """One file of the ledger."""

    path: Path
    home: bool
    """Else it is a published copy."""
    mode: int
    sightings: tuple[Sighting, ...]
    """Whole lines only, as they lie in the file."""

    @property
    def writer(self) -> str:
        """The writer that the name of the file tells."""
        return self.path.name.removesuffix(SUFFIX)


class Evidence(msgspec.Struct, frozen=True):
    """All files of a ledger that can be read."""

    files: tuple[FileEvidence, ...]
    now: datetime


def examine(files: FileSystem, home: Path, published: Path | None, now: datetime) -> Evidence:
    """Look at every line; what can't be read is left to the reading, which reports it."""
    found = []
    for directory in (home,) if published is None else (home, published):
        try:
            paths = ledger_files(files, directory)
        except OSError:
            continue
        found += [_file(files, path, home=directory == home) for path in paths]
    return Evidence(tuple(file for file in found if file is not None), now)


def _file(files: FileSystem, path: Path, *, home: bool) -> FileEvidence | None:
    try:
        with opened(files, path, os.O_RDONLY) as source:
            lines = [_sighting(line) for line in settled_lines(files, source) if line.complete]
            whole = tuple(line for line in lines if line is not None)
            return FileEvidence(path, home, source.mode, whole)
    except OSError:
        return None


def _sighting(line: Line) -> Sighting | None:
    event = parse(line.raw)
    if isinstance(event, Fault):
        return None
    return Sighting(line.number, line.byte, event.envelope, event.digest, is_canonical(line.raw, event))
