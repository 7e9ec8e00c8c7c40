"""Which goal each single response belongs to, as far as the boundaries of its session tell."""

from __future__ import annotations

from collections import defaultdict, deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tallybook.domain.attribution import Segment
    from tallybook.domain.usage import PriceClass


def goals_of(segments: Iterable[Segment], responses: Iterable[PriceClass]) -> Iterator[str | None]:
    """The goal of each response of one session, given by its price class and in the order of time.

    None for one that belongs to no goal or that no snapshot has counted yet. Snapshots count by price class, and what
    is counted first was served first.
    """
    owners: dict[PriceClass, deque[tuple[int, str | None]]] = defaultdict(deque)
    for segment in segments:
        for usage in segment.classes:
            if usage.responses:
                goal = segment.owner.goal if segment.owner else None
                owners[usage.price_class].append((usage.responses, goal))
    for price_class in responses:
        waiting = owners[price_class]
        if not waiting:
            yield None
            continue
        left, goal = waiting.popleft()
        if left > 1:
            waiting.appendleft((left - 1, goal))
        yield goal
