"""The note of what a remote has: read back as it was written, and worth nothing where it can't be read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tallybook.ledger.file import OS_FILES
from tallybook.ledger.synced import NAME, Synced, load, save

if TYPE_CHECKING:
    from pathlib import Path


def test_it_comes_back(tmp_path: Path) -> None:
    """All of it; the last one holds."""
    for count in (1, 2):
        note = Synced("origin", "refs/x", "2026-11-22T02:25:14Z", {"w-00000001": count})
        save(OS_FILES, tmp_path, note)
        assert load(OS_FILES, tmp_path) == note


@pytest.mark.parametrize(
    "content", [None, b"", b"\0", b"[]", b'{"remote":"","ref":"","at":"","lines":{"w":true}}', b"[" * 100_000]
)
def test_what_can_not_be_read_is_nothing(tmp_path: Path, content: bytes | None) -> None:
    """Missing, empty, of another shape, or far too deep."""
    if content is not None:
        (tmp_path / NAME).write_bytes(content)
    assert load(OS_FILES, tmp_path) == Synced()
