"""In which line of a text in TOML a table or a key of it stands: its parser tells that only of what is no TOML."""

from __future__ import annotations

import re
from typing import Final

_TOLD: Final = re.compile(r"at line ([0-9]+), column [0-9]+")
_TABLE: Final = re.compile(r"[ \t]*\[\[?[ \t]*(['\"]?)([^\]'\"]*?)\1[ \t]*\]")
_KEY: Final = re.compile(r"[ \t]*(['\"]?)([^='\"]*?)\1[ \t]*=")


def told_line(message: str) -> int | None:
    """The line that a message of the parser names."""
    found = _TOLD.search(message)
    return None if found is None else int(found[1])


def line_of(text: str, kind: str, number: int = 0, key: str | None = None) -> int | None:
    """The line of a key in the ``[[kind]]`` of that number, else of that table; with no number, of ``kind`` itself.

    None where it can't be found, as in a table within a line.
    """
    met, start = 0, None
    for at, line in enumerate(text.split("\n"), 1):
        table = _TABLE.match(line)
        if table is not None and start is not None:
            break
        if table is not None and table[2].strip() == kind:
            met += 1
            start = at if met == max(number, 1) else None
        named = None if table is not None else _KEY.match(line)
        if named is not None and (start is not None or number == 0) and named[2] == (kind if number == 0 else key):
            return at
    return start
