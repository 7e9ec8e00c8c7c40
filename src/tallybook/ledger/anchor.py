"""The head of a writer's file in a few words, for a commit message: what stood before it can't change unseen.

Standard library only, for the hooks.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

from tallybook.ledger.identity import survey
from tallybook.ledger.line import FORMATS
from tallybook.ledger.writer import resumed

if TYPE_CHECKING:
    from pathlib import Path

    from tallybook.ledger.file import FileSystem

TRAILER: Final = "Ledger-Head"
_SHOWN: Final = 32
"""Hexadecimal digits of the hash: 128 bits."""
_FORM: Final = re.compile(f"({FORMATS['writer']}):({FORMATS['seq']}):([0-9a-f]{{{_SHOWN},64}})")


class Anchor(NamedTuple):
    """One line of one writer."""

    writer: str
    seq: int
    digest: str
    """The first digits, at least 32, of the SHA-256 of the line."""

    def __str__(self) -> str:
        return f"{self.writer}:{self.seq}:{self.digest}"

    def is_of(self, digest: str) -> bool:
        """Whether a line with this hash is meant."""
        return digest.startswith(self.digest)


def parsed(text: str) -> Anchor | None:
    """The anchor that a trailer names; None where it is none."""
    found = _FORM.fullmatch(text.strip())
    return None if found is None else Anchor(found[1], int(found[2]), found[3])


def head_anchor(files: FileSystem, home: Path, identity: Path) -> Anchor | None:
    """The last line that this clone has written as its present writer; None before the first.

    Raises:
        OSError: its file can't be read.
    """
    head = resumed(files, home, survey(files, home, identity))
    if head is None or not head.state.seq:
        return None
    return Anchor(head.state.writer, head.state.seq, head.state.hash[:_SHOWN])
