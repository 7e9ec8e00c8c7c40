"""Halves of surrogate pairs: JavaScript writes half an emoji as an escape that no UTF-8 holds.

Of what logs hold only text has them, and no text is kept; so the usage beside it is saved by putting another character
there. Names of files have them for bytes that are no text.
"""

from __future__ import annotations

import re
from typing import Final

_LONE: Final = (
    rb"\\u[dD][89abAB][0-9a-fA-F]{2}(?!\\u[dD][c-fC-F])"
    rb"|(?<!\\u[dD][89abAB][0-9a-fA-F]{2})\\u[dD][c-fC-F][0-9a-fA-F]{2}"
)


def storable(name: str) -> str:
    """The name of a file as text that UTF-8 can hold; bytes of it that are no text are told by their numbers."""
    return name if name.isascii() else name.encode("utf-8", "backslashreplace").decode()


def mended(raw: bytes) -> bytes | None:
    """The JSON without halves of surrogate pairs; None where it has none."""
    text, found = re.subn(_LONE, rb"\\ufffd", raw)
    return text if found else None
