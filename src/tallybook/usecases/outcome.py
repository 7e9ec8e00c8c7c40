"""Looks what became of the work of goals in git, and what an accepted goal costs."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Final

import msgspec

from tallybook.domain.backfill import microseconds
from tallybook.domain.goal import Goal, Status
from tallybook.domain.metrics import accounts, members_of
from tallybook.domain.money import Cost
from tallybook.domain.outcomes import Landing, Made, PerAccepted, Work, joined, landing_of, per_accepted, work_of
from tallybook.domain.problems import Problem, Refusal
from tallybook.repo.commits import is_revision, is_shallow, unaltered
from tallybook.repo.git import GitFault
from tallybook.repo.made_commits import made_commits
from tallybook.repo.main_line import main_line, merged_by
from tallybook.usecases.goal_cost import goal_cost
from tallybook.usecases.price_book import PriceBook
from tallybook.usecases.scoping import scope_of
from tallybook.usecases.workspace import problems_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from tallybook.domain.state import LedgerState
    from tallybook.repo.git import Git
    from tallybook.repo.made_commits import MadeCommit
    from tallybook.repo.main_line import MainLine
    from tallybook.usecases.workspace import Workspace

EVERYWHERE: Final = ("--branches", "--remotes", "--tags")
"""Where commits are looked for."""
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
    cost: Cost
    """Of all of them."""
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
    if workspace.repository is None:
        return Refusal("no-work-tree", "there is no repository whose commits could tell", "run it inside one")
    git = unaltered(workspace.repository.git)
    replica = workspace.replica()
    state, notes = replica.state, list(workspace.problems)
    made = works_in(git, state, request.main)
    if isinstance(made, Refusal):
        return made
    if is_shallow(git):
        hint = "git fetch --unshallow brings the older ones"
        notes.append(Problem("shallow", "the clone is shallow: older commits are not seen", hint=hint))
    line, works = made
    stale_at = int(workspace.clock.now().timestamp()) - request.stale_days * _DAY
    book = PriceBook(workspace)
    found = []
    for goal in sorted(filter(scope.has, state.goals.values()), key=_newest):
        work = joined(works.get(member.id, Work()) for member in members_of(state, goal.id))
        landing = landing_of(work, given_up=goal.status in _GIVEN_UP, stale_at=stale_at)
        tokens = accounts(state).goals[goal.id].measure.tokens
        cost = None if tokens is None else goal_cost(state, book, goal.id)
        found.append(GoalOutcome(goal, landing, work, None if tokens is None else tokens.total, cost))
    replica.save()
    book.keep()
    return Outcomes(
        main=line.name,
        goals=tuple(found),
        tokens=per_accepted((one.landing is Landing.MERGED, one.tokens) for one in found),
        nano_usd=per_accepted((one.landing is Landing.MERGED, one.nano_usd) for one in found),
        cost=sum((one.cost for one in found if one.cost is not None), Cost()),
        book=book.version,
        problems=(*notes, *book.problems(), *problems_of(replica, state)),
    )


def _newest(goal: Goal) -> tuple[int, str]:
    return -(microseconds(goal.started_at) or 0), goal.id


def works_in(git: Git, state: LedgerState, main: str | None) -> tuple[MainLine, Mapping[str, Work]] | Refusal:
    """The main line, and the commits of each goal by its id, of all branches, tags and remotes."""
    line = main_line(git, main)
    if isinstance(line, GitFault):
        return Refusal("bad-revision", line.message, "name a branch with --main, such as origin/main")
    commits = made_commits(git, *EVERYWHERE, *(["HEAD"] if line.commits else []), *([main] if main else []))
    if isinstance(commits, GitFault):
        return Refusal(commits.code, commits.message)
    linked: dict[str, set[str]] = defaultdict(set)
    for goal in state.goals.values():
        for link in goal.links:
            if link.kind == "commit":
                linked[link.target].add(goal.id)
    return line, work_of(list(_naming(git, line, commits, (state.goals.keys(), linked))))


def _naming(
    git: Git, line: MainLine, commits: Iterable[MadeCommit], known: tuple[Iterable[str], Mapping[str, set[str]]]
) -> Iterator[Made]:
    """Commits that name goals, or that take others back on the main line."""
    goals, linked = frozenset(known[0]), known[1]
    commits = list(commits)
    merges = {commit.id for commit in commits if len(commit.parents) > 1}
    for commit in commits:
        named = (goals.intersection((*commit.said.tasks, *commit.lines))) | linked.get(commit.id, set())
        older, on_main = commit.reverted, commit.id in line.commits
        back: frozenset[str] = frozenset()
        if older is not None and on_main and older in line.commits:
            back = merged_by(git, older) if older in merges else frozenset({older})
        if named or back:
            yield Made(commit.id, commit.at, frozenset(named), on_main, back)
