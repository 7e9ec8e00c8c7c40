"""Looks what became of the work of goals in git, and what an accepted goal costs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from tallybook.domain.backfill import microseconds
from tallybook.domain.goal import Goal, Status
from tallybook.domain.metrics import accounts, members_of
from tallybook.domain.money import Cost
from tallybook.domain.outcomes import Landing, PerAccepted, Work, joined, landing_of, per_accepted
from tallybook.domain.problems import Problem, Refusal
from tallybook.repo.commits import is_revision
from tallybook.usecases.commit_history import commit_history, git_of, shallow
from tallybook.usecases.goal_cost import goal_cost
from tallybook.usecases.price_book import PriceBook
from tallybook.usecases.scoping import scope_of
from tallybook.usecases.workspace import problems_of

if TYPE_CHECKING:
    from tallybook.usecases.workspace import Workspace

_DAY: Final = 86_400
_GIVEN_UP: Final = frozenset({Status.FAIL, Status.SUPERSEDED})


class Request(msgspec.Struct, frozen=True):
    """Which goals to look at, and beside what."""

    since: str | None = None
    """A date or time: goals that were open then or later."""
    until: str | None = None
    """Goals that began by the end of this date, or before this time."""
    kinds: tuple[str, ...] = ()
    main: str | None = None
    """The branch that work is merged into."""
    stale_days: int = 30
    """After so many days without a commit, what is not merged is abandoned."""


class GoalOutcome(msgspec.Struct, frozen=True):
    """One goal and what became of it."""

    goal: Goal
    landing: Landing
    work: Work
    tokens: int | None
    cost: Cost | None
    """None where nothing was measured."""

    @property
    def nano_usd(self) -> int | None:
        """Of what has a price; None where nothing has."""
        return None if self.cost is None else self.cost.nano_usd


class Outcomes(msgspec.Struct, frozen=True):
    """All goals that were looked at, the newest first."""

    main: str
    goals: tuple[GoalOutcome, ...]
    tokens: PerAccepted
    nano_usd: PerAccepted
    book: str | None
    problems: tuple[Problem, ...]

    def count(self, landing: Landing) -> int:
        """How many goals have come to this."""
        return sum(one.landing is landing for one in self.goals)


def outcomes(workspace: Workspace, request: Request) -> Outcomes | Refusal:
    """Look at all goals that are asked for, and at all commits of branches, tags and remotes."""
    scope = scope_of(request.since, request.until, request.kinds)
    if isinstance(scope, Refusal):
        return scope
    if request.main is not None and not is_revision(request.main):
        return Refusal("bad-revision", f"{request.main!r} is no branch", "name one, such as origin/main", usage=True)
    git = git_of(workspace)
    history = git if isinstance(git, Refusal) else commit_history(git, request.main)
    if isinstance(history, Refusal):
        return history
    replica = workspace.replica()
    state = replica.state
    works = history.works(state)
    stale_at = int(workspace.clock.now().timestamp()) - request.stale_days * _DAY
    book = PriceBook(workspace)
    found = []
    for goal in sorted(filter(scope.has, state.goals.values()), key=_newest):
        work = joined(works.get(member.id, Work()) for member in members_of(state, goal.id))
        landing = landing_of(work, given_up=goal.status in _GIVEN_UP, stale_at=stale_at)
        tokens = accounts(state).measures[goal.id].tokens
        cost = None if tokens is None else goal_cost(state, book, goal.id)
        found.append(GoalOutcome(goal, landing, work, None if tokens is None else tokens.total, cost))
    replica.save()
    book.keep()
    return Outcomes(
        main=history.line.name,
        goals=tuple(found),
        tokens=per_accepted((one.landing is Landing.MERGED, one.tokens) for one in found),
        nano_usd=per_accepted((one.landing is Landing.MERGED, one.nano_usd) for one in found),
        book=book.version,
        problems=(*workspace.problems, *shallow(history.git), *book.problems(), *problems_of(replica, state)),
    )


def _newest(goal: Goal) -> tuple[int, str]:
    return -(microseconds(goal.started_at) or 0), goal.id
