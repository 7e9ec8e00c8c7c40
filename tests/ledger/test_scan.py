from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallybook.ledger import scan
from tallybook.ledger.file import OS_FILES, opened
from tallybook.ledger.scan import Line, ledger_files, lines

if TYPE_CHECKING:
    from pathlib import Path


def scanned(path: Path, start: int = 0, number: int = 1) -> list[Line]:
    with opened(OS_FILES, path, os.O_RDONLY) as source:
        return list(lines(OS_FILES, source, start, number))


@given(st.lists(st.text("ab\n", max_size=9)).map("".join), st.integers(1, 5))
def test_lines_with_their_places(tmp_path: Path, text: str, chunk: int) -> None:
    (tmp_path / "f").write_text(text)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scan, "CHUNK", chunk)
        patch.setattr(scan, "LONGEST_LINE", 4)
        found = scanned(tmp_path / "f")
    *whole, rest = text.split("\n")
    assert [line.raw.decode() for line in found] == [line[:5] for line in ([*whole, rest] if rest else whole)]
    assert [line.complete for line in found] == [True] * len(whole) + [False] * bool(rest)
    assert [line.number for line in found] == list(range(1, len(found) + 1))
    assert all(text[line.byte : line.byte + line.size].startswith(line.raw.decode()) for line in found)
    assert all(text[line.byte + line.size :][:1] == ("\n" if line.complete else "") for line in found)


def test_from_a_given_line_on(tmp_path: Path) -> None:
    (tmp_path / "f").write_text("one\ntwo\nthree")
    assert scanned(tmp_path / "f", 4, 2) == [
        Line(2, 4, b"two", 3, complete=True),
        Line(3, 8, b"three", 5, complete=False),
    ]


def test_ledger_files_are_sorted_and_nothing_else_counts(tmp_path: Path) -> None:
    for name in ("w-2.ndjson", "w-1.ndjson", ".w-1.ndjson", ".w-1.ndjson.new", "w-1.quarantine", "ledger.lock"):
        (tmp_path / name).touch()
    assert [path.name for path in ledger_files(OS_FILES, tmp_path)] == ["w-1.ndjson", "w-2.ndjson"]
    assert ledger_files(OS_FILES, tmp_path / "none") == []
