"""A ledger that was set back: its published copy has events of this clone that its own file has lost.

Where file and state came back from one backup they fit each other, and nothing beside the copy tells.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Final

from tallybook.ledger.file import FileSystem, opened
from tallybook.ledger.line import FORMATS, LONGEST_LINE, Fault, parse
from tallybook.ledger.scan import SUFFIX

if TYPE_CHECKING:
    from pathlib import Path

    from tallybook.ledger.identity import State

_SEQ: Final = re.compile(rf'"seq":({FORMATS["seq"]}),'.encode())
WINDOWS: Final = (64 * 1024, 2 * (LONGEST_LINE + 1))
"""Bytes at the end of the copy that are looked at; more of them where the last line is longer."""


def is_set_back(files: FileSystem, published: Path | None, state: State) -> bool:
    """Whether the end of the published copy holds a whole line of this writer that lies behind its last one."""
    if published is None:
        return False
    return any(_lies_behind(raw, state) for raw in _last_lines(files, published / (state.writer + SUFFIX)))


def _last_lines(files: FileSystem, path: Path) -> list[bytes]:
    try:
        with opened(files, path, os.O_RDONLY) as source:
            for window in WINDOWS:
                start = max(source.size - window, 0)
                found = files.read(source.descriptor, window, start).split(b"\n")[start > 0 : -1]
                if found or start == 0:
                    return found
    except OSError:
        pass  # a copy that can't be read tells nothing; commands report it
    return []


def _lies_behind(raw: bytes, state: State) -> bool:
    """The number alone is looked at first: nearly no line is parsed."""
    found = _SEQ.search(raw)
    if found is None or int(found[1]) <= state.seq:
        return False
    event = parse(raw)
    return not isinstance(event, Fault) and event.envelope.writer == state.writer and event.envelope.seq > state.seq
