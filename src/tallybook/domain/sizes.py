"""How large single requests are, in bands that are cut wherever some vendor's price changes.

The name of a band tells its ends, so that bands which are cut otherwise by another version are understood.
"""

from __future__ import annotations

from bisect import bisect_left
from functools import lru_cache
from typing import Final, NamedTuple

EDGES: Final = (100_000, 128_000, 200_000, 256_000, 272_000, 512_000)
"""Tokens of input, cached or not. A request of just so many belongs below the edge."""
CONTEXT_BANDS: Final = ("≤100k", "100k-128k", "128k-200k", "200k-256k", "256k-272k", "272k-512k", ">512k")
_THOUSAND: Final = 1000


class Size(NamedTuple):
    """How large requests are: more than ``above`` tokens of input (cached or not), and at most ``most``."""

    above: int
    most: int | None
    """None where there is no limit."""


_EARLY: Final = {"≤272k": Size(200_000, 272_000)}
"""Of three bands that early versions had, the one whose name tells one end alone."""


def context_band(tokens: int) -> str:
    """The band of one request's whole input (cached or not), in tokens."""
    return CONTEXT_BANDS[bisect_left(EDGES, tokens)]


@lru_cache(maxsize=256)
def size_of(context: str) -> Size:
    """The sizes of a band.

    Raises:
        ValueError: it is no name of one.
    """
    above, dash, most = context.partition("-")
    if context in _EARLY:
        return _EARLY[context]
    if not dash and context.startswith("≤"):
        return Size(-1, _tokens(context[1:]))
    if not dash and context.startswith(">"):
        return Size(_tokens(context[1:]), None)
    size = Size(_tokens(above), _tokens(most))
    if size.most is None or size.above >= size.most:
        raise _no_band(context)
    return size


def _tokens(text: str) -> int:
    """Of ``200k``, as it is written and no otherwise."""
    digits = text.removesuffix("k")
    if digits == text or not (digits.isascii() and digits.isdigit()) or digits[0] == "0" or len(digits) > 6:  # noqa: PLR2004
        raise _no_band(text)
    return int(digits) * _THOUSAND


def _no_band(text: str) -> ValueError:
    return ValueError(f"{text!r} is no band of contexts")
