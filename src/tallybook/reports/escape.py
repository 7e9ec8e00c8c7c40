"""One escaper per medium: titles, notes and model names are hostile input."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

_HIDDEN: Final = {"Cc", "Cs", "Co", "Cn", "Zl", "Zp"}
# Bidirectional and other format characters that can make text read as something else.
_FORMAT: Final = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff")
# Marks everywhere; what begins a list at the head of a text alone; underscores, colons and dots only where they could
# emphasise or make a link, so that ids, times and file names stay readable in the source.
_MARKDOWN: Final = r"(?i)([\\`*{}\[\]<>#|~&@$^=]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])|:(?![0-9\s]|$)|(?<=www)\.)"
"""Made into an expression when the first text is escaped: that takes longer than most commands have."""
# Forges look for people and numbers in the text that is left when the marks are gone, so a backslash does not keep them
# from it: a character without width does.
_REFERENCE: Final = r"@(?=.)|[#!](?=[0-9])"
_LISTED: Final = r"^(\s*(?:[0-9]+(?=[.)]))?)([-+.)])"


def terminal(text: str) -> str:
    """``text`` as one line without anything that a terminal would obey."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(_visible(char) for char in text)


def _visible(char: str) -> str:
    if char in _FORMAT or unicodedata.category(char) in _HIDDEN:
        return f"\\u{{{ord(char):x}}}"
    return char


def markdown(text: str) -> str:
    """``text`` as literal text within one Markdown line or table cell, that mentions nobody and refers to nothing."""
    literal = re.sub(_LISTED, r"\1\\\2", re.sub(_MARKDOWN, r"\\\1", terminal(text)))
    return re.sub(_REFERENCE, r"\g<0>&#8203;", literal)
