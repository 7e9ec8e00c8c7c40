"""Rows of numbers as SQL has them: so that one statement asks of many."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

AT_ONCE: Final = 50_000
"""Rows in one statement, so that memory stays small."""


def portions(rows: Iterable[tuple[int, ...]]) -> Iterator[str]:
    """All rows for ``VALUES``, in portions; nothing where there are none."""
    rest = iter(rows)
    while some := list(islice(rest, AT_ONCE)):
        yield ", ".join(f"({', '.join(map(str, row))})" for row in some)
