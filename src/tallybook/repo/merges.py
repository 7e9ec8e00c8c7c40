"""What merges have brought, found among commits that were read already: no call of git for each of them.

Standard library only.
"""

from __future__ import annotations

from functools import cached_property
from heapq import heappop, heappush
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from tallybook.repo.made_commits import MadeCommit


class Merges:
    """The commits of a history, each before its parents, and what of them a merge has brought."""

    def __init__(self, commits: Sequence[MadeCommit]) -> None:
        self._commits = commits
        self._places = {commit.id: place for place, commit in enumerate(commits)}

    def brought(self, merge: MadeCommit) -> frozenset[str]:
        """What it has that its first parent lacks, itself among it; older commits are not looked at."""
        return self._on_main.get(merge.id) or self._aside(merge)

    @cached_property
    def _on_main(self) -> Mapping[str, frozenset[str]]:
        """For all merges of the longest line of first parents at once: each commit came with the first that has it."""
        seen: set[int] = set()
        found = {}
        for place in self._main_line():
            fresh, waiting = [], [place]
            while waiting:
                one = waiting.pop()
                if one not in seen:
                    seen.add(one)
                    fresh.append(self._commits[one].id)
                    waiting += [self._places[name] for name in self._commits[one].parents if name in self._places]
            if self._commits[place].is_merge:
                found[self._commits[place].id] = frozenset(fresh)
        return found

    def _main_line(self) -> Iterator[int]:
        """From its oldest commit on."""
        lengths: dict[str, int] = {}
        for commit in reversed(self._commits):
            lengths[commit.id] = 1 + max((lengths.get(name, 0) for name in commit.parents[:1]), default=0)
        line = []
        name = max(lengths, key=lambda name: lengths[name], default="")
        while name in self._places:
            line.append(self._places[name])
            name = next(iter(self._commits[line[-1]].parents), "")
        return reversed(line)

    def _aside(self, merge: MadeCommit) -> frozenset[str]:
        """Commits in the order of their places, until none is left that its first parent lacks."""
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
