"""Sizes of single requests, cut wherever some vendor's price changes; as fine as prices of sums need them."""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

EDGES: Final = (100_000, 128_000, 200_000, 256_000, 272_000, 512_000)
"""Tokens of input, cached or not. A request of just so many belongs below the edge."""
_CONTEXT: Final = "r.input + r.cache_read + r.cache_write_5m + r.cache_write_1h + r.cache_write_unknown"
_CASES: Final = " ".join(f"WHEN {_CONTEXT} <= {edge} THEN {n}" for n, edge in enumerate(EDGES))
BAND: Final = f"CASE {_CASES} ELSE {len(EDGES)} END"
"""Of one response ``r``."""


def band(context: Sequence[int]) -> int:
    """The band of a request, from the parts of its input."""
    return bisect_left(EDGES, sum(context))
