"""Repair of torn tails: a last line without a newline moves to the quarantine, under the lock, and nothing else moves.

No acknowledged record is ever cut, damage before the tail is only reported, and a second repair finds nothing to do.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from tallybook.domain.problems import Problem
from tallybook.ledger.append import QUARANTINE, cut_tail
from tallybook.ledger.course import TORN_TAIL
from tallybook.ledger.errors import LedgerError
from tallybook.ledger.file import opened
from tallybook.ledger.lock import held
from tallybook.ledger.reading import read

if TYPE_CHECKING:
    from tallybook.ledger.file import FileSystem
    from tallybook.ledger.store import Ledger


class CutTail(msgspec.Struct, frozen=True):
    """One tail that was moved."""

    file: Path
    byte: int
    """Offset at which it began: the file's length now."""
    size: int
    """Bytes moved."""
    quarantine: Path


class Repair(msgspec.Struct, frozen=True):
    """What was done, and what was left."""

    cut: tuple[CutTail, ...]
    problems: tuple[Problem, ...]
    """Faults that repair leaves alone, with their offsets."""


def repair(ledger: Ledger) -> Repair:
    """Move the torn tails of all files in the ledger's home; a published copy is never touched.

    Raises:
        LockTimeoutError: another process kept the lock.
        LedgerError: a file could not be mended; it is as it was.
    """
    home, cut = ledger.place.home, list[CutTail]()
    if _torn(ledger):
        with held(home, ledger.lock_timeout):
            cut = [_mend(ledger.files, path) for path in _torn(ledger)]
    return Repair(tuple(cut), ledger.read().problems)


def _torn(ledger: Ledger) -> list[Path]:
    problems = read(ledger.files, (ledger.place.home,)).problems
    names = (problem.where.file for problem in problems if problem.code == TORN_TAIL)
    return [ledger.place.home / Path(name).name for name in names if name is not None]


def _mend(files: FileSystem, path: Path) -> CutTail:
    try:
        with opened(files, path, os.O_RDWR) as target:
            end = cut_tail(files, target)
            files.sync(target.descriptor)
            return CutTail(path, end, target.size - end, path.with_suffix(QUARANTINE))
    except OSError as error:
        deed = "the torn tail could not be moved"
        raise LedgerError.wrap(deed, path, error) from error
