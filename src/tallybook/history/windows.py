"""Which sessions were at work within stretches of time, in one question for all of them."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from heapq import heappop, heappush
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from tallybook.domain.usage import SessionKey
    from tallybook.history.kin import Kin
    from tallybook.history.store import Store

Stretch = tuple[int, int]
"""From a moment on and before another one, in microseconds since the epoch, UTC."""
_AT_ONCE: Final = 200
"""Sessions whose moments are in memory together."""


def at_work(store: Store, kin: Kin, stretches: Collection[Stretch]) -> Mapping[Stretch, frozenset[SessionKey]]:
    """The sessions with a dated response in each of the stretches."""
    found: dict[Stretch, list[int]] = {stretch: [] for stretch in stretches}
    doubtful: dict[int, list[Stretch]] = defaultdict(list)
    for stretch, (number, first, last) in _around(store, sorted(found)):
        since, until = stretch
        if since <= first < until or since <= last < until:
            found[stretch].append(number)
        else:
            doubtful[number].append(stretch)
    for number, moments in _moments(store, sorted(doubtful)):
        for since, until in doubtful[number]:
            place = bisect_left(moments, since)
            if place < len(moments) and moments[place] < until:
                found[since, until].append(number)
    return {stretch: frozenset(map(kin.key, numbers)) for stretch, numbers in found.items()}


def _moments(store: Store, sessions: Sequence[int]) -> Iterator[tuple[int, list[int]]]:
    """The moments of all dated responses of each of these sessions, in order."""
    for start in range(0, len(sessions), _AT_ONCE):
        part = sessions[start : start + _AT_ONCE]
        rows = store.rows(
            f"""SELECT r.session, r.at FROM response r WHERE r.session IN ({", ".join(map(str, part))})
            AND r.at IS NOT NULL ORDER BY 1, 2"""  # noqa: S608 - numbers
        )
        for number, some in groupby(rows, key=itemgetter(0)):
            yield number, [at for _, at in some]


def _around(store: Store, stretches: list[Stretch]) -> Iterator[tuple[Stretch, tuple[int, int, int]]]:
    """Each of the stretches, in the order of time, with every session whose first and last response lie so about it."""
    spans = store.rows(
        """SELECT session, min(first) AS since, max(latest) FROM response_context WHERE unit > 0
        GROUP BY session ORDER BY since, session"""
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
