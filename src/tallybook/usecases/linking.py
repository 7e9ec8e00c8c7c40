"""Ties commits to goals that their messages do not name: what is found is proposed, and written only if wanted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from tallybook.domain.commit_links import Candidate, Proposal, proposals
from tallybook.domain.events import GoalLinked, NewEvent
from tallybook.domain.problems import Problem, Refusal
from tallybook.domain.state import kept_goal
from tallybook.repo.commits import is_shallow, unaltered
from tallybook.repo.git import GitFault
from tallybook.repo.made_commits import MadeCommit, made_commits
from tallybook.repo.patches import patch_ids, user_email
from tallybook.usecases.outcome import EVERYWHERE
from tallybook.usecases.workspace import problems_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tallybook.domain.state import LedgerState
    from tallybook.usecases.workspace import Workspace

MOST: Final = 5000
"""Commits whose changes are compared, the newest ones."""


class Repaired(msgspec.Struct, frozen=True):
    """What was proposed, and what was written."""

    proposals: tuple[Proposal, ...]
    nameless: int
    """Commits that name no goal and give no reason."""
    applied: int
    problems: tuple[Problem, ...]


def repair_links(workspace: Workspace, *, apply: bool) -> Repaired | Refusal:
    """Look through the commits of all branches, tags and remotes.

    Raises:
        LedgerError: the ledger can't be read, locked or written.
    """
    if workspace.repository is None:
        return Refusal("no-work-tree", "there is no repository whose commits could tell", "run it inside one")
    git = unaltered(workspace.repository.git)
    commits = made_commits(git, *EVERYWHERE)
    if isinstance(commits, GitFault):
        return Refusal(commits.code, commits.message)
    replica = workspace.replica()
    notes = [*workspace.problems, *problems_of(replica, replica.state)]
    plain = [commit for commit in commits if len(commit.parents) < 2]  # noqa: PLR2004 - no merge
    if len(plain) > MOST:
        message = f"only the changes of the newest {MOST:,} of {len(plain):,} commits were compared"
        notes.append(Problem("many-commits", message))
    if is_shallow(git):
        hint = "git fetch --unshallow brings the older ones"
        notes.append(Problem("shallow", "the clone is shallow: older commits are not seen", hint=hint))
    patches = patch_ids(git, [commit.id for commit in plain[:MOST]])
    if isinstance(patches, GitFault):
        return Refusal(patches.code, patches.message)
    email, written = user_email(git), 0

    def found(state: LedgerState) -> tuple[Proposal, ...]:
        named = {commit.id: _goals(state, commit) for commit in plain}
        nameless = _nameless(state, plain, email)
        own = [goal for goal in state.goals.values() if goal.writer in workspace.ledger.writers().ids]
        return proposals(nameless, patches, {commit: goals for commit, goals in named.items() if goals}, own)

    def deciding(state: LedgerState) -> list[NewEvent]:
        return [NewEvent(one.goal, GoalLinked("commit", one.commit, one.evidence)) for one in found(state)]

    proposed, nameless = found(replica.state), len(_nameless(replica.state, plain, email))
    if apply and proposed:
        done = replica.transact(deciding)
        written = 0 if isinstance(done, Refusal) else len(done)
    replica.save()
    return Repaired(proposed, nameless, written, tuple(notes))


def _goals(state: LedgerState, commit: MadeCommit) -> frozenset[str]:
    names = (*commit.said.tasks, *commit.lines)
    return frozenset(kept_goal(state.goals, name) for name in names if name in state.goals)


def _nameless(state: LedgerState, commits: Sequence[MadeCommit], email: str | None) -> list[Candidate]:
    """Commits that nothing ties to a goal, and that do not say why; what ``git revert`` made is none."""
    linked = {link.target for goal in state.goals.values() for link in goal.links if link.kind == "commit"}
    return [
        Candidate(commit.id, commit.subject, commit.at, email is not None and commit.author == email)
        for commit in commits
        if not (_goals(state, commit) or commit.said.reasons or commit.reverted or commit.id in linked)
    ]
