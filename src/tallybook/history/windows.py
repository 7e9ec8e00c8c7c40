"""Which sessions were at work within stretches of time, in one question for all of them."""

from __future__ import annotations

from bisect import bisect_left
from heapq import heappop, heappush
from typing import TYPE_CHECKING

from tallybook.history.portions import portions

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from tallybook.domain.usage import SessionKey
    from tallybook.history.kin import Kin
    from tallybook.history.store import Store

Stretch = tuple[int, int]
"""From a moment on and before another one, in microseconds since the epoch, UTC."""


def at_work(store: Store, kin: Kin, stretches: Collection[Stretch]) -> Mapping[Stretch, frozenset[SessionKey]]:
    """The sessions with a dated response in each of the stretches."""
    found: dict[Stretch, list[int]] = {stretch: [] for stretch in stretches}
    doubtful = []
    for stretch, (number, first, last) in _around(store, sorted(found)):
        since, until = stretch
        if since <= first < until or since <= last < until:
            found[stretch].append(number)
        else:
            doubtful.append((number, since, until))
    for values in portions(doubtful):
        rows = store.rows(
            f"""WITH asked (session, since, until) AS (VALUES {values})
            SELECT a.session, a.since, a.until FROM asked a WHERE EXISTS
            (SELECT 1 FROM response r WHERE r.session = a.session AND r.at >= a.since AND r.at < a.until)"""  # noqa: S608
        )
        for number, since, until in rows:
            found[since, until].append(number)
    return {stretch: frozenset(map(kin.key, numbers)) for stretch, numbers in found.items()}


def _around(store: Store, stretches: list[Stretch]) -> Iterator[tuple[Stretch, tuple[int, int, int]]]:
    """Each of the stretches, in the order of time, with every session whose first and last response lie so about it."""
    spans = store.rows(
        """SELECT id, since, until FROM (SELECT s.id,
            (SELECT min(at) FROM response WHERE session = s.id) AS since,
            (SELECT max(at) FROM response WHERE session = s.id) AS until FROM session s)
        WHERE since IS NOT NULL ORDER BY since, id"""
    )
    firsts = [first for _, first, _ in spans]
    going: list[tuple[int, int, int]] = []
    """Sessions that have begun, the one that ends first in front."""
    begun = 0
    for since, until in stretches:
        reached = bisect_left(firsts, since, begun)
        for number, first, last in spans[begun:reached]:
            heappush(going, (last, first, number))
        begun = reached
        while going and going[0][0] < since:
            heappop(going)
        for last, first, number in going:
            yield (since, until), (number, first, last)
        for span in spans[begun : bisect_left(firsts, until, begun)]:
            yield (since, until), span
