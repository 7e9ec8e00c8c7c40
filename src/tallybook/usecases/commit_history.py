"""The commits of a repository as several questions look at them, and the goals that they name."""

from __future__ import annotations

from collections import defaultdict
from functools import cached_property
from typing import TYPE_CHECKING, Final

import msgspec

from tallybook.domain.outcomes import Made, Work, work_of
from tallybook.domain.problems import Problem, Refusal
from tallybook.domain.state import kept_goal
from tallybook.repo.branch_reach import behind
from tallybook.repo.branch_refs import BranchRefs, branch_refs
from tallybook.repo.commits import is_shallow, unaltered
from tallybook.repo.git import Git, GitFault
from tallybook.repo.made_commits import MadeCommit, begin_commits, made_commits
from tallybook.repo.main_line import MainLine, main_line
from tallybook.repo.merges import Merges
from tallybook.repo.pull_requests import pulls_of
from tallybook.usecases.workspace import explained

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from tallybook.domain.state import LedgerState
    from tallybook.usecases.workspace import Workspace

_NOTHING: Final = frozenset[str]()
_EVERYWHERE: Final = ("--branches", "--remotes", "--tags")


class CommitHistory(msgspec.Struct, frozen=True):
    """All commits of branches, tags and remotes, and of what is checked out."""

    git: Git
    refs: BranchRefs
    line: MainLine
    merged: frozenset[str]
    """The commits that the main line has."""
    commits: tuple[MadeCommit, ...]
    """Each before its parents."""

    @property
    def plain(self) -> tuple[MadeCommit, ...]:
        """Those that are no merges."""
        return tuple(commit for commit in self.commits if not commit.is_merge)

    def works(self, state: LedgerState) -> Mapping[str, Work]:
        """The commits of each goal by its id: those that name it, and those that it is linked to."""
        linked: dict[str, set[str]] = defaultdict(set)
        for goal in state.goals.values():
            for link in goal.links:
                if link.kind == "commit":
                    linked[link.target].add(goal.id)
        return work_of(list(self._made(state, linked)))

    def _made(self, state: LedgerState, linked: Mapping[str, set[str]]) -> Iterator[Made]:
        """Commits that name goals, or that take others back on the main line."""
        reverts = Reverts(self)
        for commit in self.commits:
            named = frozenset(goal for goal in words if goal in state.goals) if (words := commit.named) else _NOTHING
            if commit.id in linked:
                named |= linked[commit.id]
            on_main = commit.id in self.merged
            back = reverts.by(commit) if on_main else _NOTHING
            if named or back:
                yield Made(commit.id, commit.at, named, on_main, back)


class Reverts:
    """What commits take back."""

    def __init__(self, history: CommitHistory) -> None:
        self._line = history.merged
        self._commits = history.commits
        self._places = {commit.id: place for place, commit in enumerate(history.commits)}
        self._merges = Merges(history.commits)

    def by(self, commit: MadeCommit) -> frozenset[str]:
        """What one takes back of the main line; of a merge and of a pull request all that came with it."""
        named, pulls = commit.reverted, commit.reverted_pulls
        if not (named or pulls):
            return _NOTHING
        found: set[str] = set()
        for older in (one for one in named if one in self._line and one in self._places):
            made = self._commits[self._places[older]]
            found |= self._merges.brought(made) if made.is_merge else {older}
        if pulls:
            older_ones = (one.id for one in self._commits[self._places[commit.id] + 1 :] if one.id in self._line)
            found |= {one for one in older_ones if pulls & self._pulls.get(one, _NOTHING)}
        return frozenset(found)

    @cached_property
    def _pulls(self) -> Mapping[str, frozenset[str]]:
        return pulls_of(self._commits).every


def git_of(workspace: Workspace) -> Git | Refusal:
    """Git as commits were made; a refusal where there is no repository."""
    if workspace.repository is None:
        plain = Refusal("no-work-tree", "there is no repository whose commits could tell", "run it inside one")
        return explained(workspace, plain)
    return unaltered(workspace.repository.git)


def commit_history(git: Git, main: str | None = None) -> CommitHistory | Refusal:
    """Read it, with ``main`` as the branch that work is merged into; else that is found out."""
    return begin_history(git, main)()


def begin_history(git: Git, main: str | None = None) -> Callable[[], CommitHistory | Refusal]:
    """``commit_history`` beside the caller, as ``Git.begin`` tells."""
    refs = branch_refs(git)  # first, so that no branch ends with a commit that is not read
    line = main_line(git, main, refs)
    if isinstance(line, GitFault):
        refusal = Refusal("bad-revision", line.message, "name a branch with --main, such as origin/main")
        return lambda: refusal
    more = () if main is None else (main,)
    reads = begin_commits(git, *_EVERYWHERE, "HEAD", *more)

    def history() -> CommitHistory | Refusal:
        commits = reads()
        if isinstance(commits, GitFault):  # HEAD may be a branch without commits
            commits = made_commits(git, *_EVERYWHERE, *more)
        if isinstance(commits, GitFault):
            return Refusal(commits.code, commits.message)
        return CommitHistory(git, refs, line, behind(commits, line.tips), tuple(commits))

    return history


def shallow(git: Git) -> tuple[Problem, ...]:
    """That older commits are missing, if they are."""
    if not is_shallow(git):
        return ()
    hint = "fetch the whole history (fetch-depth: 0), or git fetch --unshallow"
    return (Problem("shallow", "the clone is shallow: older commits are not seen", hint=hint),)


def goals_named(state: LedgerState, commit: MadeCommit) -> frozenset[str]:
    """The goals of the ledger that a message names; for one that was merged the one that is kept."""
    names = commit.named
    return frozenset(kept_goal(state.goals, name) for name in names if name in state.goals) if names else _NOTHING
