"""Which pull requests goals and work without a goal belong to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from tallybook.domain.backfill import microseconds
from tallybook.domain.cost_rows import Confidence, Spent
from tallybook.repo.pull_requests import Pulls, pull_number, referred_pulls

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from tallybook.domain.goal import Goal
    from tallybook.usecases.inferred import Alone

_SECOND: Final = 1_000_000
Keys = tuple[tuple[str, Confidence], ...]


def declared_numbers(goal: Goal) -> frozenset[str]:
    """The pull requests that somebody said to be those of the goal."""
    linked = (pull_number(link.target) for link in goal.links if link.kind == "pr")
    return frozenset({*(number for number in linked if number is not None), *referred_pulls(goal.refs)})


class PullHistory(msgspec.Struct, frozen=True):
    """The pull requests of a repository, and the branch that they are merged into."""

    pulls: Pulls = Pulls({}, {}, {}, {})
    main: str = ""

    def of_goal(self, members: Sequence[Goal], commits: Sequence[str]) -> Keys:
        """As ``#12``: what is declared (that has no number stands as it is), and what the commits came with.

        A goal that has neither commits nor a link belongs to the pull request that merged its branch.
        """
        found = {f"#{number}": Confidence.TRAILER for number in self._numbers(commits)}
        for one in members:
            named = (link.target for link in one.links if link.kind == "pr" and pull_number(link.target) is None)
            found |= dict.fromkeys(named, Confidence.DECLARED)
            found |= {f"#{number}": Confidence.DECLARED for number in declared_numbers(one)}
        if not found and not commits:
            for one in members:
                number = self._of_branch(one.branch, microseconds(one.started_at))
                found |= {} if number is None else {f"#{number}": Confidence.INFERRED}
        return tuple(sorted(found.items()))

    def of_work(self, told: Iterable[tuple[Alone, tuple[str, ...]]]) -> Iterator[Spent]:
        """Work without a goal: to what its commits came with, else to what merged its branch; the rest is left out."""
        for one, commits in told:
            found = self._numbers(commits)
            if not found and not commits:
                number = self._of_branch(one.branch, one.begun)
                found = frozenset() if number is None else frozenset({number})
            if found:
                keys = tuple((f"#{number}", Confidence.INFERRED) for number in sorted(found))
                yield Spent(None, one.measure, one.cost, keys)

    def _numbers(self, commits: Iterable[str]) -> frozenset[str]:
        return frozenset(number for commit in commits for number in self.pulls.nearest.get(commit, ()))

    def _of_branch(self, branch: str | None, begun: int | None) -> str | None:
        """The first pull request that merged the branch after that; the main line itself is nobody's branch."""
        if branch is None or begun is None or branch == self.main:
            return None
        later = (merge for merge in self.pulls.of_branch.get(branch, ()) if begun <= merge.at * _SECOND)
        return next((merge.number for merge in later), None)
