"""The band of a single request in SQL, and of the parts of its input: see ``domain.sizes``."""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING, Final

from tallybook.domain.sizes import EDGES

if TYPE_CHECKING:
    from collections.abc import Sequence

_CONTEXT: Final = "r.input + r.cache_read + r.cache_write_5m + r.cache_write_1h + r.cache_write_unknown"
_CASES: Final = " ".join(f"WHEN {_CONTEXT} <= {edge} THEN {n}" for n, edge in enumerate(EDGES))
BAND: Final = f"CASE {_CASES} ELSE {len(EDGES)} END"
"""Of one response ``r``: the place of its band in ``CONTEXT_BANDS``."""


def band(context: Sequence[int]) -> int:
    """The band of a request, from the parts of its input."""
    return bisect_left(EDGES, sum(context))
