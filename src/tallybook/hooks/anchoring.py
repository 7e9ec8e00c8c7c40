"""Anchors in commit messages: the head of this clone's own file, and those that squashed commits had.

Standard library only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tallybook.ledger.anchor import TRAILER, Anchor, head_anchor, parsed
from tallybook.ledger.file import OS_FILES
from tallybook.repo.trailers import encoded, squashed

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from tallybook.hooks.surroundings import Surroundings


def anchors(around: Surroundings, text: str, quoted: str) -> list[str]:
    """The trailers for a commit with this text; ``quoted`` is what git has written of the commits that it squashes.

    None takes the place of a later one of its writer: a ledger that was set back shows by it.

    Raises:
        OSError: the ledger can't be read.
    """
    named = [parsed(value) for value in squashed(quoted, TRAILER.lower())]
    found: dict[str, Anchor] = {}
    for anchor in (*named, head_anchor(OS_FILES, around.ledger, around.repository.common_dir)):
        if anchor is not None and anchor.seq >= found.get(anchor.writer, anchor).seq:
            found[anchor.writer] = anchor
    there = [anchor for anchor in map(_named, text.splitlines()) if anchor is not None]
    return [
        f"{TRAILER}: {anchor}"
        for anchor in found.values()
        if not any(other.writer == anchor.writer and other.seq > anchor.seq for other in there)
    ]


def _named(line: str) -> Anchor | None:
    key, _, value = line.partition(":")
    return parsed(value) if key.strip().lower() == TRAILER.lower() else None


def without_older(path: Path, text: str, lines: Iterable[str]) -> str:
    """The text without anchors of the writers of ``lines``, in the file too: an amended commit keeps one of each."""
    heads = tuple(line.rpartition(":")[0].rpartition(":")[0] + ":" for line in lines if line.startswith(f"{TRAILER}: "))
    kept = "".join(line for line in text.splitlines(keepends=True) if not heads or not line.startswith(heads))
    if kept != text:
        path.write_bytes(encoded(kept))
    return kept
