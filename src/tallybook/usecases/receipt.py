"""What a change cost: the goals that the commits of a range, or of a pull request, name."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from tallybook.domain.budgets import budgets_of
from tallybook.domain.goal_costs import costs_of
from tallybook.domain.problems import Problem, Refusal
from tallybook.domain.state import kept_goal
from tallybook.repo.branch_refs import branch_refs
from tallybook.repo.commits import is_revision, tips
from tallybook.repo.git import GitFault
from tallybook.repo.made_commits import made_commits
from tallybook.repo.main_line import main_line
from tallybook.repo.pull_requests import pulls_of
from tallybook.reports.receipt_model import GoalReceipt, Receipt
from tallybook.usecases.commit_history import commit_history, git_of, goals_named, shallow
from tallybook.usecases.linking import nameless_commits
from tallybook.usecases.pull_costs import declared_numbers
from tallybook.usecases.show import look

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from tallybook.domain.goal import Goal
    from tallybook.repo.git import Git
    from tallybook.repo.made_commits import MadeCommit
    from tallybook.reports.model import ReportData
    from tallybook.usecases.workspace import Workspace

_PULL: Final = re.compile(r"[#!]?([1-9][0-9]{0,8})")
_FEW: Final = 3
_NAME_ONE: Final = "name a range such as origin/main..HEAD, or the number of a pull request"


def receipt(workspace: Workspace, change: str | None) -> Receipt | Refusal:
    """Look up a range, the number of a pull request, or what is not on the main line yet."""
    git = git_of(workspace)
    if isinstance(git, Refusal):
        return git
    pull = None if change is None else _PULL.fullmatch(change)
    found = _of_pull(git, pull[1]) if pull else _of_range(git, change)
    if isinstance(found, Refusal):
        return found
    name, commits = found
    view = look(workspace)
    data = view.data
    wanted = {goal for commit in commits for goal in goals_named(data.state, commit)}
    wanted |= set(_linked(data, commits, pull[1] if pull else None))
    goals = tuple(_goal(data, goal) for goal in data.goals if goal.id in wanted)
    view.keep()
    plain = [commit for commit in commits if not commit.is_merge]
    nameless = tuple(one.commit for one in nameless_commits(data.state, plain, None))
    unknown = tuple(sorted({one for commit in commits for one in commit.named} - data.state.goals.keys()))
    problems = (*data.problems, *shallow(git), *_missing(unknown))
    if pull and not (commits or goals):
        hint = "fetch the branch that it was merged into, or name a range of commits"
        problems += (Problem("unknown-pull-request", f"no commit and no goal here belongs to {name}", hint=hint),)
    return Receipt(name, len(plain), nameless, unknown, goals, data.book, problems)


def _missing(unknown: Sequence[str]) -> Iterator[Problem]:
    """That goals are missing, if they are."""
    if unknown:
        message = f"commits name goals that this ledger does not have ({len(unknown)}): {', '.join(unknown[:_FEW])}"
        yield Problem("unknown-goals", message, hint="tally sync brings the goals of other clones")


def _of_range(git: Git, change: str | None) -> tuple[str, list[MadeCommit]] | Refusal:
    if change is None:
        line = main_line(git, None, branch_refs(git))
        if isinstance(line, GitFault):
            return Refusal("bad-revision", line.message, _NAME_ONE)
        commits = made_commits(git, "HEAD", "--not", *line.refs) if line.refs else []
        if isinstance(commits, GitFault):
            return Refusal("bad-revision", commits.message, _NAME_ONE)
        return f"{line.name}..HEAD", commits
    if not is_revision(change):
        return Refusal("bad-revision", f"{change!r} is no range of commits", _NAME_ONE, usage=True)
    found, ends = made_commits(git, change), tips(git, change)
    if isinstance(found, GitFault) or isinstance(ends, GitFault) or not ends:
        message = found.message if isinstance(found, GitFault) else f"{change!r} names no commit"
        return Refusal("bad-revision", message, f"{_NAME_ONE}; CI may have to fetch the base first")
    return change, found


def _of_pull(git: Git, number: str) -> tuple[str, list[MadeCommit]] | Refusal:
    """What a forge has made of a pull request: its squash, or its merge with all that came with it."""
    history = commit_history(git)
    if isinstance(history, Refusal):
        return history
    pulls = pulls_of(history.commits).every
    return f"#{number}", [commit for commit in history.commits if number in pulls.get(commit.id, ())]


def _linked(data: ReportData, commits: Iterable[MadeCommit], pull: str | None) -> Iterable[str]:
    """Goals that the ledger ties to one of the commits, or to the pull request."""
    ids = {commit.id for commit in commits}
    for goal in data.state.goals.values():
        said = pull is not None and pull in declared_numbers(goal)
        if said or any(link.kind == "commit" and link.target in ids for link in goal.links):
            yield kept_goal(data.state.goals, goal.id)


def _goal(data: ReportData, goal: Goal) -> GoalReceipt:
    usage = data.accounts.goals[goal.id]
    costs = costs_of(data.state, goal.id, usage, data.price_of)
    return GoalReceipt(goal, usage, costs, budgets_of(data.state, goal.id, usage, data.price_of))
