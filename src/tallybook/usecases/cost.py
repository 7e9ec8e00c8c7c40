"""Hands what was used on to goals, commits, branches or references, so that the rows add up to all of it."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import TYPE_CHECKING

import msgspec

from tallybook.domain.commit_links import Candidate
from tallybook.domain.cost_rows import Confidence, CostRow, Kind, Spent, rows_of, summed, summed_cost
from tallybook.domain.figures import Measure
from tallybook.domain.goal_costs import remainder_cost, total_of_goal
from tallybook.domain.metrics import members_of
from tallybook.domain.money import Cost, Unpriced
from tallybook.domain.outcomes import Work, joined
from tallybook.domain.problems import Problem, Refusal
from tallybook.domain.quality import Quality
from tallybook.repo.branch_reach import BranchReach
from tallybook.repo.patches import user_email
from tallybook.repo.pull_requests import pulls_of
from tallybook.usecases.commit_history import CommitHistory, begin_history, git_of, shallow
from tallybook.usecases.inferred import Alone, by_branch, by_commit, made_meanwhile, tokens_of, worked_alone
from tallybook.usecases.linking import nameless_commits
from tallybook.usecases.pull_costs import Keys, PullHistory
from tallybook.usecases.show import look

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tallybook.domain.goal import Goal
    from tallybook.domain.tokens import TokenVector
    from tallybook.reports.model import ReportData
    from tallybook.usecases.workspace import Workspace


class By(StrEnum):
    """What rows are made of."""

    GOAL = "goal"
    COMMIT = "commit"
    BRANCH = "branch"
    PR = "pr"
    REF = "ref"


class Costs(msgspec.Struct, frozen=True):
    """All that was used, in rows that add up to it."""

    by: By
    rows: tuple[CostRow, ...]
    book: str | None
    problems: tuple[Problem, ...]

    @property
    def measure(self) -> Measure:
        """Of all rows together."""
        return summed(row.measure for row in self.rows)

    @property
    def cost(self) -> Cost | None:
        """Of all rows together."""
        return summed_cost(row.cost for row in self.rows)


def costs(workspace: Workspace, by: By) -> Costs | Refusal:
    """Read the ledger, of the history what lies outside of all goals, and for commits the repository."""
    view = look(workspace)
    data, found = view.data, Found()
    reads = _begin(workspace) if by in {By.COMMIT, By.PR} else None
    told = worked_alone(workspace, data) if by in {By.COMMIT, By.BRANCH, By.PR} else ()
    if reads is not None:
        commits = reads()
        if isinstance(commits, Refusal):
            return commits
        found = _found(commits, data, by)
    goals = [goal for goal in data.goals if goal.merged_into is None]
    spent = [_spent(data, goal, _keys(data, goal, by, found)) for goal in goals]
    alone = _alone(by, told, found)
    rows = (*rows_of([*spent, *alone]), *_outside(data, tokens_of(alone)))
    view.keep()
    return Costs(by, rows, data.book, (*data.problems, *found.notes))


def _alone(by: By, told: tuple[Alone, ...], found: Found) -> tuple[Spent, ...]:
    """Work without a goal, as far as it belongs to something."""
    if by is By.BRANCH:
        return by_branch(told)
    if found.reach is None:
        return ()
    made = made_meanwhile(found.reach, told, found.nameless)
    return by_commit(made) if by is By.COMMIT else tuple(found.pulls.of_work(made))


class Found(msgspec.Struct, frozen=True):
    """What the repository tells."""

    works: Mapping[str, Work] = msgspec.field(default_factory=dict)
    """The commits of each goal."""
    pulls: PullHistory = PullHistory()
    nameless: tuple[Candidate, ...] = ()
    """Commits that name no goal."""
    reach: BranchReach | None = None
    notes: tuple[Problem, ...] = ()


class _Commits(msgspec.Struct, frozen=True):
    """What git tells."""

    history: CommitHistory
    email: str | None
    """Whose commits are made here."""
    notes: tuple[Problem, ...]


def _begin(workspace: Workspace) -> Callable[[], _Commits | Refusal]:
    """Let git read the commits; what is returned waits for them."""
    git = git_of(workspace)
    if isinstance(git, Refusal):
        return lambda: git
    reads = begin_history(git)
    email, notes = user_email(git), shallow(git)

    def commits() -> _Commits | Refusal:
        history = reads()
        return history if isinstance(history, Refusal) else _Commits(history, email, notes)

    return commits


def _found(commits: _Commits, data: ReportData, by: By) -> Found:
    history = commits.history
    nameless = tuple(nameless_commits(data.state, history.plain, commits.email))
    pulls = PullHistory(pulls_of(history.commits), history.line.name) if by is By.PR else PullHistory()
    reach = BranchReach(history.refs, history.commits)
    return Found(history.works(data.state), pulls, nameless, reach, commits.notes)


def _spent(data: ReportData, goal: Goal, keys: Keys) -> Spent:
    cost = total_of_goal(data.state, goal.id, data.price_of)
    return Spent(goal.id, data.accounts.measures[goal.id], cost, keys)


def _keys(data: ReportData, goal: Goal, by: By, repository: Found) -> Keys:
    """What a goal belongs to, with those that were merged into it; what was declared outweighs what was seen."""
    if by is By.GOAL:
        return ((goal.id, Confidence.DECLARED),)
    members = list(members_of(data.state, goal.id))
    declared = {link.target for one in members for link in one.links if link.kind == str(by)}
    found = dict.fromkeys(declared, Confidence.DECLARED)
    if by in {By.COMMIT, By.PR}:
        work = joined(repository.works.get(one.id, Work()) for one in members)
        named = work.landed or work.commits
        if by is By.PR:
            return repository.pulls.of_goal(members, named)
        return tuple(
            (commit, Confidence.DECLARED if commit in declared else Confidence.TRAILER) for commit in sorted(named)
        )
    for one in members:
        if by is By.REF:
            found |= dict.fromkeys(one.refs, Confidence.DECLARED)
        elif one.branch is not None and not declared:
            found[one.branch] = Confidence.INFERRED
    return tuple(sorted(found.items()))


def _outside(data: ReportData, told: TokenVector) -> Iterator[CostRow]:
    """What belongs to no goal at all, without what is told of it already."""
    rest = data.accounts.remainder_tokens
    if rest:
        cost = remainder_cost(data.state, data.price_of)
        yield CostRow(Kind.REMAINDER, None, (), Measure(rest, Quality.EXACT), cost, Confidence.NONE)
    other = None if data.unattributed is None else data.unattributed.growth_since(told)
    if other:
        unpriced = frozenset((Unpriced("", "tally usage tells the cost of the whole history"),))
        cost = Cost(0, 0, other.total, unpriced)
        yield CostRow(Kind.UNATTRIBUTED, None, (), Measure(other, Quality.EXACT), cost, Confidence.NONE)
