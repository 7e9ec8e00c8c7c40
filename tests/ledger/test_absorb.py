"""What others have comes into the home under the lock; a fault leaves what was there, and says so."""

from __future__ import annotations

import errno
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from ledger.ledgers import CrashError, FaultyFiles, append, ledger_at, marked, own_file, started
from ledger.test_stream import numbered
from tallybook.ledger.absorb import absorb, is_writer_file, writer_files
from tallybook.ledger.errors import LedgerError
from tallybook.ledger.file import OsFiles

if TYPE_CHECKING:
    from pathlib import Path

OTHER = "w-00000001"
LINES = [numbered(number, OTHER) for number in (1, 2, 3)]


def file_of(lines: list[bytes]) -> bytes:
    """As it lies on disk."""
    return b"".join(line + b"\n" for line in lines)


def test_new_lines_come_in_once(tmp_path: Path) -> None:
    """Grown files, files that have less, files that are the same."""
    ledger = ledger_at(tmp_path)
    assert writer_files(ledger.files, ledger.place.home) == {}
    assert absorb(ledger, {OTHER: file_of(LINES[:2])}).received == 2
    assert absorb(ledger, {OTHER: file_of(LINES[:1])}).received == 0
    assert absorb(ledger, {OTHER: file_of(LINES[1:])}).received == 1
    assert absorb(ledger, {OTHER: file_of(LINES)}).received == 0
    assert writer_files(ledger.files, ledger.place.home) == {OTHER: file_of(LINES)}
    assert len(ledger.read().events) == 3


def test_bad_lines_alone_change_nothing(tmp_path: Path) -> None:
    """They are told of, and no file is made for them."""
    ledger = ledger_at(tmp_path)
    found = absorb(ledger, {OTHER: b"junk\n"})
    assert (found.received, [line.fault.code for line in found.bad[OTHER]]) == (0, ["no-sum"])
    assert writer_files(ledger.files, ledger.place.home) == {}


def test_only_names_of_writers_are_looked_at() -> None:
    """No path, no other ending, no other letters."""
    assert is_writer_file(f"{OTHER}.ndjson")
    for name in ("w-1.ndjson", f"../{OTHER}.ndjson", f"{OTHER}.ndjson.new", "W-00000001.ndjson", "w-0000000g.ndjson"):
        assert not is_writer_file(name)


def test_what_is_being_written_is_not_taken_for_whole(tmp_path: Path) -> None:
    """Up to the last newline; a file of one torn line is empty."""
    ledger = ledger_at(tmp_path)
    append(ledger, started(), marked())
    path = own_file(ledger)
    whole = path.read_bytes()
    path.write_bytes(whole + b'{"v":1')
    assert writer_files(ledger.files, ledger.place.home) == {path.stem: whole}
    path.write_bytes(b"")
    assert writer_files(ledger.files, ledger.place.home) == {path.stem: b""}


class Shrinking(OsFiles):
    """A file that is cut while it is read."""

    def read(self, descriptor: int, count: int, offset: int) -> bytes:
        return super().read(descriptor, min(count, 3), offset) if offset < 6 else b""


def test_a_file_that_shrinks_while_it_is_read(tmp_path: Path) -> None:
    """What could be read counts, as far as it is whole."""
    ledger = ledger_at(tmp_path)
    append(ledger, started())
    assert writer_files(Shrinking(), ledger.place.home) == {own_file(ledger).stem: b""}


@pytest.mark.parametrize("how", [errno.EIO, errno.ENOSPC, "crash", "short:0", "short:half", "crash-short:most"])
def test_whatever_call_fails_nothing_is_lost(tmp_path: Path, how: int | str) -> None:
    """Every system call once: the file is the old one or the new one, and the next try completes it."""
    at = 0
    while True:
        base = tmp_path / str(at)
        ledger = ledger_at(base)
        append(ledger, started())
        absorb(ledger, {OTHER: file_of(LINES[:1])})
        path = ledger.place.home / f"{OTHER}.ndjson"
        path.write_bytes(path.read_bytes() + b"junk\n")
        files = FaultyFiles(at, how)
        with suppress(LedgerError, CrashError):
            absorb(ledger_at(base, files=files), {OTHER: file_of(LINES)})
        assert path.read_bytes() in {file_of(LINES[:1]) + b"junk\n", file_of(LINES)}
        absorb(ledger, {OTHER: file_of(LINES)})
        assert path.read_bytes() == file_of(LINES)
        assert b"junk" in path.with_suffix(".quarantine").read_bytes()
        assert len(ledger.read().events) == 4
        if len(files.calls) <= at:
            break
        at += 1
    assert at > 15


def test_a_fault_names_its_place(tmp_path: Path) -> None:
    """The home, or the file."""
    ledger = ledger_at(tmp_path)
    append(ledger, started())
    places = set()
    for at in range(12):
        try:
            absorb(ledger_at(tmp_path, files=FaultyFiles(at)), {OTHER: file_of(LINES)})
        except LedgerError as error:
            places.add(error.cause.partition(" (")[0])
    assert {"the ledger can't be listed", "a file of the ledger can't be read"} <= places


def test_a_home_that_can_not_be_made(tmp_path: Path) -> None:
    """A file stands where its parent should be."""
    ledger = ledger_at(tmp_path)
    (tmp_path / "git" / "tallybook").write_text("")
    with pytest.raises(LedgerError, match="can't be made"):
        absorb(ledger, {OTHER: file_of(LINES)})


def test_the_own_file_is_never_rewritten(tmp_path: Path) -> None:
    """Others have a line of it that is not here: a new writer is minted, and the old file gets the line."""
    ledger = ledger_at(tmp_path)
    append(ledger, started(), marked())
    path = own_file(ledger)
    whole = path.read_bytes()
    path.write_bytes(whole.splitlines(keepends=True)[0])
    found = absorb(ledger, {path.stem: whole})
    assert (found.received, path.read_bytes()) == (1, whole)
    append(ledger, marked("build"))
    assert path.read_bytes() == whole
    writers = ledger.writers()
    assert writers.current is not None
    assert writers.current.writer == found.minted
    assert writers.former == frozenset({path.stem})
