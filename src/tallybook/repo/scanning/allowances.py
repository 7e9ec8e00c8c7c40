"""Comments that allow a finding: ``tally:allow RULE reason`` on its line or the one above, or for a whole file.

Standard library only. The reason is a part of it; without one nothing is allowed.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

MARK: Final = b"tally:allow"
HEAD_LINES: Final = 10
"""A comment for the whole file stands in one of its first lines."""
_COMMENT: Final = re.compile(rb"tally:allow(-file)?[ \t]{1,20}([a-z0-9][a-z0-9._-]{0,79})([^\r\n]{0,1000})")
_CLOSERS: Final = " \t-*/#>}%);\"'"
_WORD: Final = re.compile(r"[^\W_]")


class Comment(NamedTuple):
    """One allowance in a file."""

    rule: str
    line: int
    """Where it stands, counted from 1."""
    whole_file: bool
    reason: str
    """Empty where none is given."""


class Comments(NamedTuple):
    """The allowances of a file, by rule and line; line 0 for the whole file."""

    by_place: dict[tuple[str, int], Comment]

    def covering(self, rule: str, line: int | None) -> list[Comment]:
        """Those that are for a finding of that rule in that line; None for one of the path."""
        lines = (0,) if line is None else (line, line - 1, 0) if line > 1 else (line, 0)
        return [self.by_place[rule, one] for one in lines if (rule, one) in self.by_place]


def comments_in(data: bytes) -> Comments:
    """All that a text has, in order; of several in one place the first with a reason."""
    kept: dict[tuple[str, int], Comment] = {}
    for comment in _found(data) if MARK in data else ():
        key = comment.rule, 0 if comment.whole_file else comment.line
        if key not in kept or (comment.reason and not kept[key].reason):
            kept[key] = comment
    return Comments(kept)


def _found(data: bytes) -> Iterator[Comment]:
    line, seen = 1, 0
    for match in _COMMENT.finditer(data):
        line += data.count(b"\n", seen, match.start())
        seen = match.start()
        whole_file = match[1] is not None
        if whole_file and line > HEAD_LINES:
            continue
        reason = match[3].decode("utf-8", "replace").strip(_CLOSERS)
        yield Comment(match[2].decode(), line, whole_file, reason if _WORD.search(reason) else "")
