"""Checksums that tie bytes of a checkpoint to the place that they stand in.

Standard library only, for the hooks.
"""

from __future__ import annotations

from json.encoder import encode_basestring
from typing import Final
from zlib import crc32

from tallybook import __version__

FORMAT: Final = 7
"""Goes up with every change of what a replay makes of the same events, or of how a state is saved."""
VERSION: Final = f"{FORMAT} {__version__}"
GOALS: Final = "goals"
"""The list of all goal ids."""
LOOKUP: Final = "lookup"
"""What the hooks look at besides."""
_SUM: Final = 4
"""Bytes of a checksum."""


class DamagedError(Exception):
    """Bytes are not those that were written here."""


def sealed(place: str, data: bytes) -> bytes:
    """``data`` with what ties it to ``place``."""
    return crc32(data, crc32(place.encode())).to_bytes(_SUM, "big") + data


def unsealed(place: str, blob: object) -> bytes:
    """The data in ``blob``.

    Raises:
        DamagedError: they were not sealed for this place.
    """
    if isinstance(blob, bytes):
        data = blob[_SUM:]
        if crc32(data, crc32(place.encode())).to_bytes(_SUM, "big") == blob[:_SUM]:
            return data
    raise DamagedError(place)


def one_line(text: str) -> str:
    """A JSON text on one line, as keys stand in a checkpoint."""
    return encode_basestring(text)
