"""Halves of surrogate pairs: JavaScript writes half an emoji as an escape that no UTF-8 holds.

Only text has them, and no text is kept; so the usage beside it is saved by putting another character there.
"""

from __future__ import annotations

import re
from typing import Final

_LONE: Final = re.compile(
    rb"\\u[dD][89abAB][0-9a-fA-F]{2}(?!\\u[dD][c-fC-F])"
    rb"|(?<!\\u[dD][89abAB][0-9a-fA-F]{2})\\u[dD][c-fC-F][0-9a-fA-F]{2}"
)


def mended(raw: bytes) -> bytes | None:
    """The JSON without halves of surrogate pairs; None where it has none."""
    text, found = _LONE.subn(rb"\\ufffd", raw)
    return text if found else None
