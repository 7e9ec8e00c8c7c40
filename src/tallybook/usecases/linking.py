"""Ties commits to goals that their messages do not name: what is found is proposed, and written only if wanted."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

import msgspec

from tallybook.domain.commit_links import Candidate, Evidence, Proposal, proposals
from tallybook.domain.events import GoalLinked, NewEvent
from tallybook.domain.problems import Problem, Refusal
from tallybook.domain.state import kept_goal
from tallybook.repo.git import GitFault
from tallybook.repo.made_commits import MadeCommit
from tallybook.repo.patches import Branch, branches, patch_ids, user_email
from tallybook.repo.pull_requests import pulls_of
from tallybook.usecases.commit_history import CommitHistory, commit_history, git_of, goals_named, shallow
from tallybook.usecases.pull_costs import declared_numbers
from tallybook.usecases.workspace import problems_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tallybook.domain.state import LedgerState
    from tallybook.usecases.workspace import Workspace

_BRANCH: Final = "branch "
"""Begins the names of branches among those of commits."""
MOST: Final = 5000
"""Commits whose changes are compared, the newest ones."""


class Repaired(msgspec.Struct, frozen=True):
    """What was proposed, and what was written."""

    proposals: tuple[Proposal, ...]
    nameless: int
    """Commits that name no goal and give no reason."""
    applied: int
    problems: tuple[Problem, ...]


class _Seen(msgspec.Struct, frozen=True):
    """What git tells."""

    plain: tuple[MadeCommit, ...]
    """No merges."""
    patches: dict[str, str]
    """By commit, and by branch."""
    branches: tuple[Branch, ...]
    pulls: Mapping[str, frozenset[str]]
    """The numbers of the pull requests of each commit."""
    email: str | None
    notes: tuple[Problem, ...]

    def proposals(self, state: LedgerState, writers: frozenset[str]) -> tuple[Proposal, ...]:
        """What nothing ties to a goal yet, and may belong to one."""
        named = {commit.id: goals_named(state, commit) for commit in self.plain}
        for number, one in enumerate(self.branches):
            some = (named.get(commit, frozenset()) for commit in one.commits)
            named[f"{_BRANCH}{number}"] = frozenset().union(*some)
        nameless = nameless_commits(state, self.plain, self.email)
        own = [goal for goal in state.goals.values() if goal.writer in writers]
        some_named = {name: goals for name, goals in named.items() if goals}
        return proposals(nameless, Evidence(self.patches, some_named, self._declared(state), own))

    def _declared(self, state: LedgerState) -> Mapping[str, frozenset[str]]:
        """The goals of commits by the pull requests that both belong to."""
        goals: dict[str, set[str]] = defaultdict(set)
        for goal in state.goals.values():
            for number in declared_numbers(goal):
                goals[number].add(kept_goal(state.goals, goal.id))
        return {
            commit: frozenset().union(*(goals[number] for number in numbers & goals.keys()))
            for commit, numbers in self.pulls.items()
        }


def repair_links(workspace: Workspace, *, apply: bool) -> Repaired | Refusal:
    """Look through the commits of all branches, tags and remotes.

    Raises:
        LedgerError: the ledger can't be read, locked or written.
    """
    git = git_of(workspace)
    history = git if isinstance(git, Refusal) else commit_history(git)
    seen = history if isinstance(history, Refusal) else _seen(history)
    if isinstance(seen, Refusal):
        return seen
    replica, writers, written = workspace.replica(), workspace.ledger.writers().ids, 0

    def deciding(state: LedgerState) -> list[NewEvent]:
        found = seen.proposals(state, writers)
        return [NewEvent(one.goal, GoalLinked("commit", one.commit, one.evidence)) for one in found]

    proposed = seen.proposals(replica.state, writers)
    nameless = len(nameless_commits(replica.state, seen.plain, seen.email))
    notes = (*workspace.problems, *problems_of(replica, replica.state), *seen.notes)
    if apply and proposed:
        done = replica.transact(deciding)
        written = 0 if isinstance(done, Refusal) else len(done)
    replica.save()
    return Repaired(proposed, nameless, written, notes)


def _seen(history: CommitHistory) -> _Seen | Refusal:
    git, plain = history.git, history.plain
    patches = patch_ids(git, [commit.id for commit in plain[:MOST]])
    if isinstance(patches, GitFault):
        return Refusal(patches.code, patches.message)
    whole = tuple(branches(git, history.line, history.merged)) if history.line.refs else ()
    patches |= {f"{_BRANCH}{number}": one.patch for number, one in enumerate(whole)}
    many: tuple[Problem, ...] = ()
    if len(plain) > MOST:
        message = f"only the changes of the newest {MOST:,} of {len(plain):,} commits were compared"
        many = (Problem("many-commits", message),)
    pulls = pulls_of(history.commits).nearest
    return _Seen(plain, patches, whole, pulls, user_email(git), (*many, *shallow(git)))


def nameless_commits(state: LedgerState, commits: Sequence[MadeCommit], email: str | None) -> list[Candidate]:
    """Commits that nothing ties to a goal, and that do not say why; what ``git revert`` made is none."""
    linked = {link.target for goal in state.goals.values() for link in goal.links if link.kind == "commit"}
    return [
        Candidate(commit.id, commit.subject, commit.written_at, email is not None and commit.author == email)
        for commit in commits
        if not (commit.said.reasons or commit.id in linked or commit.reverted or commit.reverted_pulls)
        and not goals_named(state, commit)
    ]
