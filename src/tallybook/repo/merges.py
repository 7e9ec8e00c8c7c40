"""What merges have brought, found among commits that were read already: no call of git for each of them.

Standard library only.
"""

from __future__ import annotations

from heapq import heappop, heappush
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tallybook.repo.made_commits import MadeCommit


class Merges:
    """The commits of a history, each before its parents, and what of them a merge has brought."""

    def __init__(self, commits: Sequence[MadeCommit]) -> None:
        self._commits = commits
        self._places = {commit.id: place for place, commit in enumerate(commits)}

    def brought(self, merge: MadeCommit) -> frozenset[str]:
        """What it has that its first parent lacks, itself among it; older commits are not looked at."""
        waiting: list[int] = []
        old: dict[int, bool] = {}
        fresh = self._await(waiting, old, merge.parents[1:], is_old=False)
        fresh -= self._await(waiting, old, merge.parents[:1], is_old=True)
        found = {merge.id}
        while fresh > 0:
            place = heappop(waiting)
            commit, is_old = self._commits[place], old.pop(place)
            if not is_old:
                fresh -= 1
                found.add(commit.id)
            change = self._await(waiting, old, commit.parents, is_old=is_old)
            fresh += -change if is_old else change
        return frozenset(found)

    def _await(self, waiting: list[int], old: dict[int, bool], names: Sequence[str], *, is_old: bool) -> int:
        """Put commits on the heap; how many of those that seemed new are so no longer, or else how many are new."""
        changed = 0
        for name in names:
            place = self._places.get(name)
            if place is None:
                continue
            if place not in old:
                heappush(waiting, place)
                old[place] = is_old
                changed += not is_old
            elif is_old and not old[place]:
                old[place] = True
                changed += 1
        return changed
