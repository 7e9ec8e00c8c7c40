"""Items of many logs joined as the store does it: in one log later adds to earlier, of several the earliest holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tallybook.agents.port import Item
from tallybook.domain.activity import KINDS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from tallybook.agents.port import Batch


def of_log(batches: Iterable[Batch]) -> list[Item]:
    """The items of one log, each once, in the order in which they were told first."""
    found: dict[tuple[str, str], Item] = {}
    for item in (Item._make(row) for batch in batches for row in batch.items):
        assert item.kind in KINDS
        assert item.amount is None or KINDS[item.kind] is not None
        first = found.setdefault((item.kind, item.key), item)
        origin = item if item.at is not None and (first.at is None or item.at < first.at) else first
        found[item.kind, item.key] = origin._replace(
            name=item.name,
            amount=first.amount if item.amount is None else item.amount,
            secret=first.secret if item.secret is None else item.secret,
        )
    return list(found.values())


def joined(batches: Mapping[str, Sequence[Batch]]) -> list[Item]:
    """The items of many logs, each once."""
    best: dict[tuple[str, str], tuple[tuple[bool, int, str], Item]] = {}
    for key, read in batches.items():
        for item in of_log(read):
            rank = (item.at is None, item.at or 0, key)
            identity = (item.kind, item.key)
            if identity not in best or rank < best[identity][0]:
                best[identity] = (rank, item)
    return [item for _, item in best.values()]
