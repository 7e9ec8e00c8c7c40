"""A block in a Markdown file between two marks of ours; what stands outside of it keeps every byte.

The block is put at the end, behind an empty line, and takes that line with it when it goes. It ends with a line end if
the file did, so that the file's own last byte can be told.
"""

from __future__ import annotations

import re
from typing import Final

from tallybook.domain.problems import Refusal

BEGIN: Final = "<!-- tallybook: begin; `tally agent install` writes this block, `tally agent uninstall` removes it -->"
END: Final = "<!-- tallybook: end -->"
_MARK: Final = re.compile(r"^<!-- tallybook: (begin|end)\b[^\n]*-->[ \t]*(?=\r?$)", re.MULTILINE)


def with_block(text: str | None, body: str) -> str | Refusal:
    """The text with the block, new or brought up to date; None is a file that is not there."""
    if text is None:
        return _block(body, "\n") + "\n"
    span = _span(text)
    if isinstance(span, Refusal):
        return span
    if span is not None:
        return text[: span[0]] + _block(body, _line_end(text[span[0] : span[1]])) + text[span[1] :]
    newline = _line_end(text)
    block = _block(body, newline)
    if not text:
        return block
    return f"{text}{newline}{block}{newline}" if text.endswith("\n") else f"{text}{newline}{newline}{block}"


def without_block(text: str) -> str | Refusal | None:
    """The text as it would be without the block; None if nothing is left of a file that we made."""
    span = _span(text)
    if span is None or isinstance(span, Refusal):
        return text if span is None else span
    before, after = text[: span[0]], text[span[1] :]
    newline = _line_end(text[span[0] : span[1]])
    if not after:
        return before.removesuffix(newline * 2)
    if not before and after == newline:
        return None
    if before.removesuffix(newline).endswith("\n"):
        before = before.removesuffix(newline)
    return before + after.removeprefix(newline)


def _line_end(text: str) -> str:
    return "\r\n" if "\r\n" in text else "\n"


def _block(body: str, newline: str) -> str:
    return newline.join([BEGIN, *body.strip("\n").split("\n"), END])


def _span(text: str) -> tuple[int, int] | Refusal | None:
    """From the first byte of the first mark to the last of the second."""
    marks = list(_MARK.finditer(text))
    if not marks:
        return None
    if [mark[1] for mark in marks] == ["begin", "end"]:
        return marks[0].start(), marks[1].end()
    lines = ", ".join(str(text.count("\n", 0, mark.start()) + 1) for mark in marks[:9])
    message = f"it has marks of tallybook that are no pair, in line {lines}"
    return Refusal("block-broken", message, "remove these lines by hand and run this again")
