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
from tallybook.repo.main_line import main_line
from tallybook.repo.patches import Branch, branches, patch_ids, user_email
from tallybook.usecases.outcome import EVERYWHERE
from tallybook.usecases.workspace import problems_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tallybook.domain.state import LedgerState
    from tallybook.repo.git import Git
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
    email: str | None
    notes: tuple[Problem, ...]

    def proposals(self, state: LedgerState, writers: frozenset[str]) -> tuple[Proposal, ...]:
        """What nothing ties to a goal yet, and may belong to one."""
        named = {commit.id: _goals(state, commit) for commit in self.plain}
        for number, one in enumerate(self.branches):
            some = (named.get(commit, frozenset()) for commit in one.commits)
            named[f"{_BRANCH}{number}"] = frozenset().union(*some)
        nameless = nameless_commits(state, self.plain, self.email)
        own = [goal for goal in state.goals.values() if goal.writer in writers]
        return proposals(nameless, self.patches, {name: goals for name, goals in named.items() if goals}, own)


def repair_links(workspace: Workspace, *, apply: bool) -> Repaired | Refusal:
    """Look through the commits of all branches, tags and remotes.

    Raises:
        LedgerError: the ledger can't be read, locked or written.
    """
    if workspace.repository is None:
        return Refusal("no-work-tree", "there is no repository whose commits could tell", "run it inside one")
    seen = _seen(unaltered(workspace.repository.git))
    if isinstance(seen, GitFault):
        return Refusal(seen.code, seen.message)
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


def _seen(git: Git) -> _Seen | GitFault:
    commits, line = made_commits(git, *EVERYWHERE), main_line(git, None)
    if isinstance(commits, GitFault):
        return commits
    if isinstance(line, GitFault):
        return line
    plain = tuple(commit for commit in commits if len(commit.parents) < 2)  # noqa: PLR2004 - no merge
    patches = patch_ids(git, [commit.id for commit in plain[:MOST]])
    if isinstance(patches, GitFault):
        return patches
    whole = tuple(branches(git, line)) if line.refs else ()
    patches |= {f"{_BRANCH}{number}": one.patch for number, one in enumerate(whole)}
    notes = []
    if len(plain) > MOST:
        message = f"only the changes of the newest {MOST:,} of {len(plain):,} commits were compared"
        notes.append(Problem("many-commits", message))
    if is_shallow(git):
        hint = "git fetch --unshallow brings the older ones"
        notes.append(Problem("shallow", "the clone is shallow: older commits are not seen", hint=hint))
    return _Seen(plain, patches, whole, user_email(git), tuple(notes))


def _goals(state: LedgerState, commit: MadeCommit) -> frozenset[str]:
    names = (*commit.said.tasks, *commit.lines)
    return frozenset(kept_goal(state.goals, name) for name in names if name in state.goals)


def nameless_commits(state: LedgerState, commits: Sequence[MadeCommit], email: str | None) -> list[Candidate]:
    """Commits that nothing ties to a goal, and that do not say why; what ``git revert`` made is none."""
    linked = {link.target for goal in state.goals.values() for link in goal.links if link.kind == "commit"}
    return [
        Candidate(commit.id, commit.subject, commit.at, email is not None and commit.author == email)
        for commit in commits
        if not (_goals(state, commit) or commit.said.reasons or commit.reverted or commit.id in linked)
    ]
