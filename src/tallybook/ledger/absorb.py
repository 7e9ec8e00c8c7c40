"""Takes lines from elsewhere into the home of a ledger, under its lock; nothing that stands there is lost.

The own file is never rewritten: where others have lines of it that are not in it, this clone goes on as a new writer,
and the old file becomes one among those of others.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Final, NamedTuple

from tallybook.ledger.append import QUARANTINE
from tallybook.ledger.errors import LedgerError
from tallybook.ledger.file import FileSystem, make_directories, opened, replace_file, write_all
from tallybook.ledger.identity import survey
from tallybook.ledger.line import FORMATS
from tallybook.ledger.merging import BadLine, sift, union
from tallybook.ledger.scan import SUFFIX
from tallybook.ledger.writer import renew

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tallybook.ledger.store import Ledger

MOST_BAD: Final = 20
"""Bad lines of others that are told of for one writer."""
_NAME: Final = re.compile(FORMATS["writer"] + re.escape(SUFFIX))


class Absorbed(NamedTuple):
    """What came in."""

    received: int
    """Lines that were not here before."""
    bad: dict[str, tuple[BadLine, ...]]
    """Lines that were not taken, by writer."""
    files: dict[str, bytes]
    """The files as they stand now, by writer, up to the last newline: nothing in them can be taken back any more."""
    minted: str | None = None
    """The new writer, where others have lines of this clone's that it has not."""


def is_writer_file(name: str) -> bool:
    """Whether a file of this name holds the lines of one writer."""
    return _NAME.fullmatch(name) is not None


def writer_files(files: FileSystem, home: Path) -> dict[str, bytes]:
    """The bytes of each writer's file in the home, by writer, up to the last newline.

    Raises:
        LedgerError: one can't be read.
    """
    try:
        names = sorted(name for name in files.names(home) if is_writer_file(name))
    except FileNotFoundError:
        return {}
    except OSError as error:
        deed = "the ledger can't be listed"
        raise LedgerError.wrap(deed, home, error) from error
    return {name.removesuffix(SUFFIX): _whole(files, home / name) for name in names}


def absorb(ledger: Ledger, theirs: Mapping[str, bytes], *, dry_run: bool = False) -> Absorbed:
    """Take what others have of each writer.

    Raises:
        LockTimeoutError: another process kept the lock.
        LedgerError: the home can't be read or written; what was taken before stays.
    """
    from tallybook.ledger.lock import held  # noqa: PLC0415 - see Ledger.transact

    files, home = ledger.files, ledger.place.home
    try:
        make_directories(files, home)
    except OSError as error:
        deed = "the ledger directory can't be made"
        raise LedgerError.wrap(deed, home, error) from error
    with held(home, ledger.lock_timeout):
        return _absorb(ledger, theirs, dry_run=dry_run)


def _absorb(ledger: Ledger, theirs: Mapping[str, bytes], *, dry_run: bool) -> Absorbed:
    files, home = ledger.files, ledger.place.home
    here = writer_files(files, home)
    current = survey(files, home, ledger.place.identity).current
    received, minted = 0, None
    bad: dict[str, tuple[BadLine, ...]] = {}
    for writer, data in sorted(theirs.items()):
        mine = here.get(writer, b"")
        if mine.startswith(data) and data.endswith(b"\n"):
            continue
        came = sift(data, writer, mine if data.startswith(mine) else b"", most=MOST_BAD)
        if came.bad:
            bad[writer] = came.bad
        known = sift(mine, writer)
        new = {raw: seq for raw, seq in came.good.items() if raw not in known.good}
        received += len(new)
        if not new or dry_run:
            continue
        try:
            if current is not None and writer == current.writer:
                minted = renew(files, home, ledger.place.identity, ledger.ids).state.writer
            whole = union((known.good, new))
            _put(files, home / (writer + SUFFIX), known.bad, whole)
            here[writer] = whole
        except OSError as error:
            deed = "what others have can't be written into the ledger"
            raise LedgerError.wrap(deed, home / (writer + SUFFIX), error) from error
    return Absorbed(received, bad, here, minted)


def _put(files: FileSystem, path: Path, damaged: tuple[BadLine, ...], data: bytes) -> None:
    """Replace a file; lines of it that can't be read, and a torn end, stay in its quarantine."""
    kept = b"".join(line.raw + b"\n" for line in damaged) + _torn_end(files, path)
    if kept:
        with opened(files, path.with_suffix(QUARANTINE), os.O_WRONLY | os.O_APPEND | os.O_CREAT) as target:
            write_all(files, target.descriptor, kept)
            files.sync(target.descriptor)
    replace_file(files, path, data, durable=True)
    files.sync_directory(path.parent)


def _torn_end(files: FileSystem, path: Path) -> bytes:
    """What stands behind the last newline, and a newline."""
    try:
        found = _all(files, path)
    except FileNotFoundError:
        return b""
    rest = found[found.rfind(b"\n") + 1 :]
    return rest + b"\n" if rest else b""


def _whole(files: FileSystem, path: Path) -> bytes:
    try:
        data = _all(files, path)
    except OSError as error:
        deed = "a file of the ledger can't be read"
        raise LedgerError.wrap(deed, path, error) from error
    return data[: data.rfind(b"\n") + 1]


def _all(files: FileSystem, path: Path) -> bytes:
    with opened(files, path, os.O_RDONLY) as source:
        parts: list[bytes] = []
        byte = 0
        while byte < source.size and (chunk := files.read(source.descriptor, source.size - byte, byte)):
            parts.append(chunk)
            byte += len(chunk)
    return b"".join(parts)
